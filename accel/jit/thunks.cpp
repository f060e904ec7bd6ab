#include "accel/jit/thunks.h"

#include <cstring>
#include <vector>

#include "accel/jit/leaf/leaf.h"
#include "accel/jit/look_up_template.h"
#include "accel/jit/regs.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

/// Emits the thunks into one buffer. `at` is the address that the first byte will have.
class ThunkBuilder {
  public:
    explicit ThunkBuilder(CodeCache& cache) : cache_(cache) {
        code_.init(Environment::host(), reinterpret_cast<u64>(cache.next()));
        code_.attach(&a);
    }

    Thunks build() {
        Label common = a.newLabel();
        const u64 enter = enter_thunk();
        const u64 exits[] = {exit_entry(ExitReason::kLookup, common), exit_entry(ExitReason::kChain, common),
                             exit_entry(ExitReason::kHelper, common), exit_entry(ExitReason::kSlow, common),
                             commit_entry(common), exit_entry(ExitReason::kString, common),
                             exit_entry(ExitReason::kRaise, common), exit_entry(ExitReason::kSegment, common),
                             exit_entry(ExitReason::kRegion, common), exit_entry(ExitReason::kBoundary, common),
                             exit_entry(ExitReason::kStale, common)};
        const u64 miss = miss_entry(exits[0]), look_up = look_up_thunk(miss);
        const u64 recover = recover_entry(common);
        a.bind(common);
        exit_common();
        const u64 slow = leaf_thunk(reinterpret_cast<void*>(&twin86_leaf_fill), LeafCall::kAccess);
        const u64 elements = leaf_thunk(reinterpret_cast<void*>(&twin86_leaf_elements), LeafCall::kAccess);
        const u64 string = leaf_thunk(reinterpret_cast<void*>(&twin86_leaf_string), LeafCall::kString);
        const u64 transfer = transfer_thunk(), entering = entering_thunk();

        CHECK(code_.flatten() == kErrorOk && code_.resolveUnresolvedLinks() == kErrorOk);
        CHECK(code_.relocateToBase(reinterpret_cast<u64>(cache_.next())) == kErrorOk);
        std::vector<u8> bytes(code_.codeSize());
        code_.copyFlattenedData(bytes.data(), bytes.size());
        const u8* base = cache_.next();
        cache_.commit(bytes, {});
        cache_.mark();

        Thunks t;
        t.enter = reinterpret_cast<void (*)(JitFrame*)>(const_cast<u8*>(base + enter));
        t.exit_lookup = base + exits[0];
        t.exit_miss = base + miss;
        t.look_up = base + look_up;
        t.exit_chain = base + exits[1];
        t.exit_helper = base + exits[2];
        t.exit_slow = base + exits[3];
        t.exit_commit = base + exits[4];
        t.exit_string = base + exits[5];
        t.exit_raise = base + exits[6];
        t.exit_segment = base + exits[7];
        t.exit_region = base + exits[8];
        t.exit_stale = base + exits[10];
        t.recover = base + recover;
        t.slow_mem = base + slow;
        t.leaf_string = base + string;
        t.leaf_elements = base + elements;
        t.leaf_transfer = base + transfer;
        t.leaf_exit[kLeafDeclined] = t.exit_helper;
        t.leaf_exit[kLeafBoundary] = base + exits[9];
        t.leaf_exit[kLeafEnters] = base + entering;
        return t;
    }

  private:
    /// A field of the frame when rsp is `below` bytes under it.
    static x86::Mem field(std::size_t offset, int below = 0, unsigned size = 8) {
        return x86::Mem(x86::rsp, static_cast<i32>(offset) + below, size);
    }
    static std::size_t gpr_offset(unsigned guest) { return offsetof(JitFrame, cpu.gpr) + guest * 8; }

    // Guest registers to and from cpu.gpr; rax is clobbered where slots are copied.
    void save_registers(int below) {
        for (unsigned g = 0; g < 16; ++g)
            if (!in_memory(static_cast<u8>(g))) a.mov(field(gpr_offset(g), below), host64(kHostOf[g]));
    }
    void load_registers(int below) {
        for (unsigned g = 0; g < 16; ++g)
            if (!in_memory(static_cast<u8>(g))) a.mov(host64(kHostOf[g]), field(gpr_offset(g), below));
    }
    /// What C functions may clobber.
    static constexpr u8 kVolatile[] = {kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9, kRbp};
    void save_volatile(int below) {
        for (const u8 g : kVolatile) a.mov(field(gpr_offset(g), below), host64(kHostOf[g]));
    }
    void load_volatile(int below) {
        for (const u8 g : kVolatile) a.mov(host64(kHostOf[g]), field(gpr_offset(g), below));
    }
    static constexpr Gpr kInSlot[] = {kR10, kR11, kR15};
    static std::size_t slot_offset(unsigned slot) { return offsetof(JitFrame, mem_gpr) + slot * 8; }
    void save_slots(int below) {
        for (unsigned slot = 0; slot < 3; ++slot) {
            a.mov(x86::rax, field(slot_offset(slot), below));
            a.mov(field(gpr_offset(kInSlot[slot]), below), x86::rax);
        }
    }
    void load_slots(int below) {
        for (unsigned slot = 0; slot < 3; ++slot) {
            a.mov(x86::rax, field(gpr_offset(kInSlot[slot]), below));
            a.mov(field(slot_offset(slot), below), x86::rax);
        }
    }
    /// The host's arithmetic flags from cpu.rflags, by rax.
    void load_flags(int below) {
        a.mov(x86::rax, field(offsetof(JitFrame, cpu.rflags), below));
        a.and_(x86::eax, static_cast<u32>(kFlagsArithmetic));
        a.or_(x86::eax, 0x202);
        a.push(x86::rax);
        a.popfq();
    }

    u64 start() {
        a.align(AlignMode::kCode, 16);
        return a.offset();
    }

    u64 enter_thunk() {
        const u64 at = start();
        for (const x86::Gp& r : {x86::rbx, x86::rbp, x86::r12, x86::r13, x86::r14, x86::r15}) a.push(r);
        a.mov(x86::Mem(x86::rdi, offsetof(JitFrame, host_rsp), 8), x86::rsp);
        a.stmxcsr(x86::Mem(x86::rdi, offsetof(JitFrame, host_mxcsr), 4));
        a.fnstcw(x86::Mem(x86::rdi, offsetof(JitFrame, host_fcw), 2));
        a.mov(x86::rsp, x86::rdi);
        a.mov(x86::eax, field(offsetof(JitFrame, xsave_mask), 0, 4));
        a.xor_(x86::edx, x86::edx);
        a.xrstor64(field(offsetof(JitFrame, cpu.xsave), 0, 0));
        load_flags(0);
        load_slots(0);
        load_registers(0);
        a.mov(x86::rbp, field(offsetof(JitFrame, address)));
        a.mov(x86::r10, field(offsetof(JitFrame, temp)));
        a.jmp(field(offsetof(JitFrame, enter_pc)));
        return at;
    }

    u64 exit_entry(ExitReason reason, const Label& common) {
        const u64 at = start();
        a.mov(field(offsetof(JitFrame, reason), 8, 4), static_cast<u32>(reason));
        a.jmp(common);
        return at;
    }

    /// rsp is 8 under the frame. What the jump table does not know the leaf may; the rest is the run loop's.
    u64 miss_entry(u64 exit_lookup) {
        const u64 at = start();
        const Label unknown = a.newLabel();
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx), 8));
        save_volatile(8);
        a.pushfq();
        a.mov(field(offsetof(JitFrame, address), 16), x86::rbp);
        a.lea(x86::rdi, x86::ptr(x86::rsp, 16));
        a.mov(x86::rsi, x86::rbp);
        a.mov(x86::rax, imm(reinterpret_cast<u64>(&twin86_leaf_look_up)));
        a.call(x86::rax);
        a.mov(x86::r10, x86::rax);
        a.test(x86::rax, x86::rax);
        a.jz(unknown);
        after_leaf(true);
        a.lea(x86::rsp, x86::ptr(x86::rsp, 8));
        a.jmp(x86::r10);
        a.bind(unknown);
        after_leaf(true);
        jump(exit_lookup);
        return at;
    }

    /// `address`: rbp gets what it was then, or what the leaf has made of it.
    void after_leaf(bool address) {
        a.popfq();
        if (address) a.mov(x86::rbp, field(offsetof(JitFrame, address), 8));
        load_volatile(8);
    }

    u64 look_up_thunk(u64 miss) {
        const u64 at = start();
        const LookUpTemplate look_up;
        u8 code[sizeof look_up.bytes];
        std::memcpy(code, look_up.bytes, look_up.length);
        const i32 rel = static_cast<i32>(miss - (at + look_up.exit_at + sizeof(i32)));
        std::memcpy(code + look_up.exit_at, &rel, sizeof rel);
        a.embed(code, look_up.length);
        return at;
    }

    void jump(u64 to) {
        a.embedUInt8(0xe9);
        a.embedInt32(static_cast<i32>(to - (a.offset() + sizeof(i32))));
    }

    /// What the leaf has bounced it commits, and the instruction behind goes on; the rest is the run loop's.
    u64 commit_entry(const Label& common) {
        const Label commit = a.newLabel(), leaves = a.newLabel();
        a.bind(commit);
        leaf_thunk(reinterpret_cast<void*>(&twin86_leaf_commit), LeafCall::kNoMeta);
        const u64 at = start();
        a.mov(field(offsetof(JitFrame, save_rcx), 8), x86::rcx);
        a.mov(x86::rcx, field(offsetof(JitFrame, leaf_bounce.to_commit), 8));
        a.jecxz(x86::rcx, leaves);
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx), 8));
        a.jmp(commit);
        a.bind(leaves);
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx), 8));
        a.mov(field(offsetof(JitFrame, reason), 8, 4), static_cast<u32>(ExitReason::kCommit));
        a.jmp(common);
        return at;
    }

    u64 recover_entry(const Label& common) {
        const u64 at = start();
        a.lea(x86::rsp, x86::ptr(x86::rsp, -8));  // as if by a call, without touching flags
        a.mov(field(offsetof(JitFrame, reason), 8, 4), static_cast<u32>(ExitReason::kFault));
        a.mov(field(offsetof(JitFrame, save_rcx), 8), x86::rcx);
        a.lea(x86::rcx, x86::ptr(x86::rsp));
        a.mov(x86::ptr(x86::rsp), x86::rcx);  // a readable 'resume address': the common part reads the payload there
        a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx), 8));
        a.jmp(common);
        return at;
    }

    /// rsp is 8 under the frame, at the resume address.
    void exit_common() {
        save_registers(8);
        a.mov(field(offsetof(JitFrame, address), 8), x86::rbp);
        a.pushfq();
        a.pop(x86::rax);
        a.pop(x86::rcx);  // now rsp is the frame
        a.and_(x86::eax, static_cast<u32>(kFlagsArithmetic));
        a.mov(x86::rdx, field(offsetof(JitFrame, cpu.rflags)));
        a.and_(x86::rdx, ~static_cast<i32>(kFlagsArithmetic));
        a.or_(x86::rdx, x86::rax);
        a.mov(field(offsetof(JitFrame, cpu.rflags)), x86::rdx);
        a.mov(field(offsetof(JitFrame, resume_pc)), x86::rcx);
        a.mov(x86::rcx, x86::ptr(x86::rcx));
        a.mov(field(offsetof(JitFrame, payload)), x86::rcx);
        save_slots(0);
        a.mov(x86::eax, field(offsetof(JitFrame, xsave_mask), 0, 4));
        a.xor_(x86::edx, x86::edx);
        a.xsaveopt64(field(offsetof(JitFrame, cpu.xsave), 0, 0));
        a.vzeroupper();
        a.fninit();
        a.fldcw(field(offsetof(JitFrame, host_fcw), 0, 2));
        a.ldmxcsr(field(offsetof(JitFrame, host_mxcsr), 0, 4));
        a.mov(x86::rsp, field(offsetof(JitFrame, host_rsp)));
        for (const x86::Gp& r : {x86::r15, x86::r14, x86::r13, x86::r12, x86::rbp, x86::rbx}) a.pop(r);
        a.ret();
    }

    enum class LeafCall { kAccess, kString, kNoMeta };

    /// call thunk; u32 meta: saves what a C function may clobber and goes on at the distance that the helper returns, with
    /// frame.address in rbp after an access.
    u64 leaf_thunk(void* helper, LeafCall kind) {
        const u64 at = start();
        save_volatile(8);
        a.pushfq();
        a.lea(x86::rdi, x86::ptr(x86::rsp, 16));
        a.mov(x86::rax, x86::ptr(x86::rsp, 8));
        if (kind == LeafCall::kString) {
            a.mov(x86::esi, x86::dword_ptr(x86::rax));
            a.mov(x86::rdx, x86::rsp);
        } else if (kind == LeafCall::kAccess) {
            a.mov(field(offsetof(JitFrame, address), 16), x86::rbp);
            a.mov(x86::rsi, x86::rbp);
            a.mov(x86::edx, x86::dword_ptr(x86::rax));
        }
        a.mov(x86::rax, imm(reinterpret_cast<u64>(helper)));
        a.call(x86::rax);
        if (kind != LeafCall::kNoMeta) {
            a.lea(x86::rax, x86::ptr(x86::rax, 4));
            a.add(x86::ptr(x86::rsp, 8, 8), x86::rax);
        }
        after_leaf(kind == LeafCall::kAccess);
        a.ret();
        return at;
    }

    /// The leaf says where it goes on. Whatever it did, all of the guest's registers come from the frame again.
    u64 transfer_thunk() {
        const u64 at = start();
        save_registers(8);
        a.pushfq();
        a.pop(x86::rcx);
        save_slots(8);
        a.mov(x86::rdx, x86::rbp);
        a.mov(x86::rsi, x86::ptr(x86::rsp));
        a.mov(x86::rsi, x86::ptr(x86::rsi));
        a.lea(x86::rdi, x86::ptr(x86::rsp, 8));
        a.lea(x86::rsp, x86::ptr(x86::rsp, -8));  // aligned for the call
        a.mov(x86::rax, imm(reinterpret_cast<u64>(&twin86_leaf_transfer)));
        a.call(x86::rax);
        a.lea(x86::rsp, x86::ptr(x86::rsp, 8));
        a.mov(x86::r10, x86::rax);
        load_slots(8);
        load_flags(8);
        load_registers(8);
        a.jmp(x86::r10);
        return at;
    }

    u64 entering_thunk() {
        const u64 at = start();
        a.lea(x86::rsp, x86::ptr(x86::rsp, 8));
        a.mov(x86::rbp, field(offsetof(JitFrame, target)));
        a.jmp(field(offsetof(JitFrame, enter_pc)));
        return at;
    }

    CodeCache& cache_;
    CodeHolder code_;
    x86::Assembler a;
};

}  // namespace

Thunks build_thunks(CodeCache& cache) { return ThunkBuilder(cache).build(); }

}  // namespace twin86::jit
