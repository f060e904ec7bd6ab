// One element of a string instruction, with every check, for what the leaf helper leaves over.
#include "accel/jit/jit_vcpu.h"
#include "cpu/semantics/memory.h"

namespace twin86::jit {

namespace {

/// Flags of a - b at the operand size. SDM vol. 1, appendix A.
u64 subtract_flags(u64 a, u64 b, unsigned bytes) {
    a = truncate(a, bytes);
    b = truncate(b, bytes);
    const u64 r = truncate(a - b, bytes);
    const u64 sign = bit(bytes * 8 - 1);
    u64 f = 0;
    if (a < b) f |= kFlagCF;
    if (!(__builtin_popcountll(r & 0xff) & 1)) f |= kFlagPF;
    if ((a ^ b ^ r) & 0x10) f |= kFlagAF;
    if (r == 0) f |= kFlagZF;
    if (r & sign) f |= kFlagSF;
    if ((a ^ b) & (a ^ r) & sign) f |= kFlagOF;
    return f;
}

void advance(CpuState& s, unsigned reg, const Insn& insn) {
    const u64 bytes = insn.operand_bits / 8;
    const u64 next = s.rflags & kFlagDF ? s.gpr[reg] - bytes : s.gpr[reg] + bytes;
    write_gpr(s, reg, insn.address_bits, next);
}

}  // namespace

Outcome JitVcpu::string_element(const Insn& insn, bool& finished) {
    CpuState& s = frame_.cpu;
    const unsigned bytes = insn.operand_bits / 8;
    const bool compares = insn.op == Op::kScas || insn.op == Op::kCmps;
    const bool repeats = insn.repe || insn.repne;
    finished = true;
    if (repeats && read_gpr(s, kRcx, insn.address_bits) == 0) return Outcome::success();

    const unsigned source_segment = insn.segment_override != kNoSegment ? insn.segment_override : static_cast<unsigned>(kDs);
    const u64 si = read_gpr(s, kRsi, insn.address_bits), di = read_gpr(s, kRdi, insn.address_bits);
    u64 source = 0, destination = 0;
    const bool from_si = insn.op == Op::kMovs || insn.op == Op::kLods || insn.op == Op::kCmps;
    // CMPS reads ES:rDI first: AMD processors do, no manual says.
    if (insn.op == Op::kCmps) TRY_GUEST(read_segment(cpu_, kEs, di, &destination, bytes));
    if (from_si) TRY_GUEST(read_segment(cpu_, source_segment, si, &source, bytes));
    switch (insn.op) {
        case Op::kMovs: TRY_GUEST(write_segment(cpu_, kEs, di, &source, bytes)); break;
        case Op::kStos: TRY_GUEST(write_segment(cpu_, kEs, di, &s.gpr[kRax], bytes)); break;
        case Op::kLods: write_gpr(s, kRax, insn.operand_bits, source); break;
        default:
            if (insn.op == Op::kScas) {
                TRY_GUEST(read_segment(cpu_, kEs, di, &destination, bytes));
                source = s.gpr[kRax];
            }
            s.rflags = (s.rflags & ~u64{kFlagsArithmetic}) | subtract_flags(source, destination, bytes);
            break;
    }
    if (from_si) advance(s, kRsi, insn);
    if (insn.op != Op::kLods) advance(s, kRdi, insn);
    if (!repeats) return Outcome::success();
    write_gpr(s, kRcx, insn.address_bits, read_gpr(s, kRcx, insn.address_bits) - 1);
    finished = read_gpr(s, kRcx, insn.address_bits) == 0;
    if (compares) finished |= ((s.rflags & kFlagZF) != 0) == insn.repne;
    return Outcome::success();
}

bool JitVcpu::on_string(HelperSite& site) {
    constexpr unsigned kSlowStringElements = 64;
    CpuState& s = frame_.cpu;
    const Insn insn = located(site);
    bool finished = false;
    s.rip = insn.rip;
    recorder_.exit(s.rip, ExitReason::kString);
    // A bounded number of elements, so that interrupts and requests are seen in between.
    const bool single_step = site.block->key.mode.has(Mode::kSingleStep);
    for (unsigned n = 0; n < (single_step ? 1 : kSlowStringElements) && !finished; ++n) {
        if (const Outcome fault = string_element(insn, finished); fault.faulted()) {
            deliver_fault(fault);
            return false;
        }
        if (s.pending_db != 0) break;
    }
    if (finished) s.rip = insn.next_rip();
    else re_entered_rip_ = s.rip;
    partial_ = !finished;
    trap_after(single_step);
    return false;
}

}  // namespace twin86::jit
