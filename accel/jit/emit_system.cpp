// Privileged instructions that kernels execute all the time, emitted inline for CPL 0 in 64-bit mode: they change only
// what the frame holds. Every other form of them stays a slow path.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

constexpr u64 kPopfSlow = kFlagTF | kFlagDF | kFlagIOPL | kFlagNT | kFlagRF | kFlagVM | kFlagAC | kFlagVIF | kFlagVIP | kFlagID;

std::size_t segment_base(unsigned segment) { return segment_field(segment, offsetof(Segment, base)); }

/// CLD where DF is clear already: entries of kernels have it.
bool leaves_direction(Op op, Mode mode) { return op == (mode.has(Mode::kDown) ? Op::kStd : Op::kCld); }

}  // namespace

bool is_inlined(const Insn& insn, Mode mode) {
    if (leaves_direction(insn.op, mode)) return true;
    if (mode.has(Mode::kSingleStep | Mode::kShadowed | Mode::kOneInsn) || !mode.has(Mode::kCode64)) return false;
    const bool kernel = mode.has(Mode::kRing0);
    switch (insn.op) {
        case Op::kCli:
        case Op::kSwapgs:
        case Op::kStac:
        case Op::kClac: return kernel;
        case Op::kSti: return kernel && insn.klass == InsnClass::kHelper;  // EndBlock: last instruction of its page
        case Op::kPushf:
        case Op::kPopf: return kernel && insn.operand_bits == 64;
        case Op::kMovFromCr: return kernel && insn.reg_field <= 4;
        case Op::kRdtsc: return kernel || !mode.has(Mode::kTsd);
        case Op::kRdtscp: return kernel || !mode.has(Mode::kTsd);
        case Op::kWrfsbase:
        case Op::kWrgsbase: return !mode.has(Mode::kNoFsgsbase);
        default: return false;
    }
}

/// True when the instruction was emitted.
bool BlockBuilder::emit_inline(const Insn& insn) {
    if (!is_inlined(insn, mode_)) return false;
    switch (insn.op) {
        case Op::kCld:
        case Op::kStd: delta_kept_ = true; return true;
        case Op::kCli: clear_rflags(kFlagIF); return true;
        case Op::kSti: emit_sti(); return true;
        case Op::kStac: emit_stac_clac(true); return true;
        case Op::kClac: emit_stac_clac(false); return true;
        case Op::kSwapgs: emit_swapgs(); return true;
        case Op::kPushf: emit_pushf(); return true;
        case Op::kPopf: emit_popf(insn); return true;
        case Op::kMovFromCr: emit_mov_from_cr(insn); return true;
        case Op::kRdtsc:
        case Op::kRdtscp: emit_rdtsc(insn); return true;
        default: emit_write_base(insn); return true;
    }
}

/// Clears bits of the virtual RFLAGS without touching the host's: pext and pdep with the same mask are an AND.
void BlockBuilder::clear_rflags(u64 bits) {
    const x86::Mem rflags = field(offsetof(JitFrame, cpu.rflags));
    if (flags_live_after_ == 0) return (void)a.and_(field(offsetof(JitFrame, cpu.rflags), 4), ~static_cast<u32>(bits));
    const x86::Mem mask = field(bits == kFlagIF ? offsetof(JitFrame, not_if_mask) : offsetof(JitFrame, not_ac_mask));
    a.mov(x86::r10, rflags);
    a.pext(x86::r10, x86::r10, mask);
    a.pdep(x86::r10, x86::r10, mask);
    a.mov(rflags, x86::r10);
}

/// STI. The poll at the next block's entry takes what is pending, one instruction later at the earliest: the shadow.
void BlockBuilder::emit_sti() {
    clear_rflags(kFlagIF);
    a.mov(x86::r10, field(offsetof(JitFrame, cpu.rflags)));
    a.lea(x86::r10, x86::ptr(x86::r10, static_cast<i32>(kFlagIF)));
    a.mov(field(offsetof(JitFrame, cpu.rflags)), x86::r10);
    const Label nothing = a.newLabel();
    a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
    a.mov(x86::rcx, field(offsetof(JitFrame, irq_waiting)));
    a.jecxz(x86::rcx, nothing);
    a.mov(x86::rcx, field(offsetof(JitFrame, inaccessible)));
    a.mov(field(offsetof(JitFrame, poll)), x86::rcx);
    a.bind(nothing);
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
}

/// STAC and CLAC choose the TLB view of what follows; with it goes the table of indirect branches.
void BlockBuilder::emit_stac_clac(bool set) {
    clear_rflags(kFlagAC);
    if (set) {
        a.mov(x86::r10, field(offsetof(JitFrame, cpu.rflags)));
        a.lea(x86::r10, x86::ptr(x86::r10, static_cast<i32>(kFlagAC)));
        a.mov(field(offsetof(JitFrame, cpu.rflags)), x86::r10);
    }
    if (!mode_.has(Mode::kSmap)) return;
    if (set) mode_.value |= Mode::kAllowUser;
    else mode_.value &= ~u64{Mode::kAllowUser};
    a.mov(x86::r10, field(set ? offsetof(JitFrame, table_ac) : offsetof(JitFrame, table_no_ac)));
    a.mov(field(offsetof(JitFrame, jump_table)), x86::r10);
    if (keeps_stack_delta()) emit_stack_delta();
}

void BlockBuilder::emit_swapgs() {
    const x86::Mem active = field(segment_base(kGs)), kernel = field(offsetof(JitFrame, cpu.kernel_gs_base));
    a.mov(x86::r10, active);
    a.mov(x86::rbp, kernel);
    a.mov(active, x86::rbp);
    a.mov(kernel, x86::r10);
}

/// PUSHFQ: arithmetic flags of the host, the rest of the frame's; RF and VM read as zero. SDM vol. 2, PUSHF.
void BlockBuilder::emit_pushf() {
    const x86::Mem arithmetic = field(offsetof(JitFrame, arithmetic_mask)), system = field(offsetof(JitFrame, pushf_mask));
    a.pushfq();
    a.pop(x86::r10);
    a.pext(x86::r10, x86::r10, arithmetic);
    a.pdep(x86::r10, x86::r10, arithmetic);
    a.mov(x86::rbp, field(offsetof(JitFrame, cpu.rflags)));
    a.pext(x86::rbp, x86::rbp, system);
    a.pdep(x86::rbp, x86::rbp, system);
    a.lea(x86::r10, x86::ptr(x86::r10, x86::rbp));
    a.mov(field(offsetof(JitFrame, borrow)), x86::r10);
    push_value(8, [&] {
        const u8 value = free_temp();
        a.mov(host64(value), field(offsetof(JitFrame, borrow)));
        a.mov(at(8), host64(value));
    });
}

/// POPFQ that changes nothing but IF and arithmetic flags; any other change is the slow path's, which starts over.
void BlockBuilder::emit_popf(const Insn& insn) {
    const Label slow = a.newLabel(), quiet = a.newLabel();
    const x86::Mem rflags = field(offsetof(JitFrame, cpu.rflags), 4);
    access_stack(0, 8, kAccessRead, [&] { a.mov(x86::rbp, at(8)); });
    a.mov(x86::r10d, rflags);
    a.xor_(x86::r10d, x86::ebp);
    a.test(x86::r10d, static_cast<u32>(kPopfSlow));
    a.jnz(slow);
    a.mov(field(offsetof(JitFrame, borrow)), x86::rbp);
    a.and_(x86::r10d, static_cast<u32>(kFlagIF));  // what changes of IF
    a.xor_(rflags, x86::r10d);
    a.test(x86::ebp, static_cast<u32>(kFlagIF));
    a.jz(quiet);
    a.cmp(field(offsetof(JitFrame, irq_waiting)), 0);
    a.jz(quiet);
    a.mov(x86::r10, field(offsetof(JitFrame, inaccessible)));
    a.mov(field(offsetof(JitFrame, poll)), x86::r10);
    a.bind(quiet);
    adjust_sp(8);  // may need r10
    a.mov(x86::rbp, field(offsetof(JitFrame, borrow)));
    a.and_(x86::ebp, static_cast<u32>(kFlagsArithmetic));
    a.or_(x86::ebp, 0x202);
    a.push(x86::rbp);
    a.popfq();
    cold_helper(insn, slow, nullptr);
}

void BlockBuilder::emit_mov_from_cr(const Insn& insn) {
    static constexpr std::size_t kFields[] = {offsetof(JitFrame, cpu.cr0), 0, offsetof(JitFrame, cpu.cr2),
                                              offsetof(JitFrame, cpu.cr3), offsetof(JitFrame, cpu.cr4)};
    a.mov(x86::r10, field(kFields[insn.reg_field]));
    write_gpr(insn.rm_field, kHostTemp);
}

/// Behind the deadline of a timer the slow path fires the timer first.
void BlockBuilder::emit_rdtsc(const Insn& insn) {
    if (flags_live_ != 0) return emit_helper(insn);
    a.rdtsc();
    a.rorx(x86::rdx, x86::rdx, 32);
    a.lea(x86::rax, x86::ptr(x86::rax, x86::rdx));
    const Label slow = a.newLabel(), done = a.newLabel();
    a.cmp(x86::rax, field(offsetof(JitFrame, timer_deadline)));
    a.jae(slow);
    a.mov(x86::r10, field(offsetof(JitFrame, tsc_bias)));
    a.lea(x86::rax, x86::ptr(x86::rax, x86::r10));
    a.rorx(x86::rdx, x86::rax, 32);
    a.mov(x86::edx, x86::edx);
    a.mov(x86::eax, x86::eax);
    if (insn.op == Op::kRdtscp) a.mov(x86::ecx, field(offsetof(JitFrame, cpu.tsc_aux), 4));
    a.bind(done);
    cold_helper(insn, slow, &done);
}

/// WRFSBASE/WRGSBASE: a non-canonical value is the slow path's #GP.
void BlockBuilder::emit_write_base(const Insn& insn) {
    const x86::Mem base = field(segment_base(insn.op == Op::kWrfsbase ? kFs : kGs));
    if (insn.operand_bits == 32) {
        const u8 source = read_gpr(insn.rm_field, kHostTemp);
        a.mov(x86::r10d, host32(source));
        a.mov(base, x86::r10);
        return;
    }
    if (flags_live_ != 0) return emit_helper(insn);
    const Label slow = a.newLabel();
    const u8 source = read_gpr(insn.rm_field, kHostAddress);
    if (source != kHostAddress) a.mov(x86::rbp, host64(source));
    a.mov(x86::r10, x86::rbp);
    a.sar(x86::r10, 47);
    a.add(x86::r10, 1);
    a.cmp(x86::r10, 1);
    a.ja(slow);
    a.mov(base, x86::rbp);
    const Label done = a.newLabel();
    a.bind(done);
    cold_helper(insn, slow, &done);
}

}  // namespace twin86::jit
