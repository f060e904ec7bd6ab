// SYSCALL, SYSRET and IRETQ of 64-bit code without leaving emitted code: the guest's vector state stays in the host's
// registers, which costs more to save and restore than all else here. What is rare is declined with nothing changed.
#include "accel/jit/block.h"
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/look_up.h"
#include "accel/jit/leaf/mode_now.h"
#include "accel/jit/leaf/tlb_fill.h"
#include "cpu/state/flat_segments.h"

namespace twin86::jit {

namespace {

/// RF has no effect while nobody watches single instructions; the others change more than the mode.
constexpr u64 kRareFlags = kFlagTF | kFlagNT | kFlagVM | kFlagVIF | kFlagVIP;

TWIN86_LEAF_INLINE bool syscall(CpuState& s, u64 next_rip) {
    if (!(s.efer & kEferSCE)) return false;
    syscall_long(s, next_rip);
    return true;
}

TWIN86_LEAF_INLINE bool sysret(CpuState& s) {
    if (!(s.efer & kEferSCE) || s.cpl() != 0 || (s.gpr[kR11] & kRareFlags) || !is_canonical(s.gpr[kRcx], s.cr4)) return false;
    sysret_to_64(s);
    return true;
}

/// Reads 8 bytes of RAM in one page.
TWIN86_LEAF_INLINE bool read(JitFrame& f, Gva address, u8 view, u64& value) {
    if (address % kPageSize > kPageSize - sizeof value) return false;
    const u64 host = host_of(f, address, kAccessRead, view);
    if (host != 0) value = *reinterpret_cast<const u64*>(host);
    return host != 0;
}

/// A descriptor of the GDT.
TWIN86_LEAF_INLINE bool read_descriptor(JitFrame& f, u16 selector, u64& descriptor) {
    const CpuState& s = f.cpu;
    constexpr u16 kLocal = 4;
    const u16 offset = selector & 0xfff8;
    if (offset == 0 || (selector & kLocal) || offset + 7u > s.gdtr.limit) return false;
    return read(f, s.gdtr.base + offset, view_now(s, true), descriptor);
}

/// Base 0, limit 4 GiB, accessed, with these attributes. SDM vol. 3, 3.4.5.
TWIN86_LEAF_INLINE bool is_flat(u64 descriptor, u16 attributes) {
    constexpr u64 kLimit = 0x000f'0000'0000'ffff;
    return descriptor == (u64{attributes} << 40 | kLimit);
}

/// The segments of a return to 64-bit code. Kernels run on a null SS after interrupts of user code.
TWIN86_LEAF_INLINE bool return_segments(JitFrame& f, u16 cs, u16 ss, Segment& new_cs, Segment& new_ss) {
    const unsigned cpl = cs & 3;
    u64 code, stack;
    new_cs = flat_code(cs, cpl, true);
    if (!read_descriptor(f, cs, code) || !is_flat(code, new_cs.attributes)) return false;
    if (ss == 0 && cpl == 0) {
        new_ss = Segment{};
        return true;
    }
    new_ss = flat_data(ss, cpl);
    return (ss & 3u) == cpl && read_descriptor(f, ss, stack) && is_flat(stack, new_ss.attributes);
}

/// Whether a return to CPL 3 would have to empty a data segment register of inner code, or to clear the RPL of a null selector.
TWIN86_LEAF_INLINE bool holds_inner_segments(const CpuState& s) {
    for (const unsigned n : {kEs, kDs, kFs, kGs})
        if ((s.segment[n].present() && s.segment[n].dpl() < 3) || s.segment[n].selector - 1u < 3) return true;
    return false;
}

TWIN86_LEAF_INLINE bool iret(JitFrame& f) {
    CpuState& s = f.cpu;
    if (s.cpl() != 0 || (s.rflags & kFlagNT) || s.nmi_pending) return false;
    const TlbView view = view_now(s, false);
    u64 image[5];
    for (unsigned n = 0; n < 5; ++n)
        if (!read(f, s.gpr[kRsp] + n * 8, view, image[n])) return false;
    const auto [rip, cs_image, flags, rsp, ss_image] = image;
    const u16 cs = static_cast<u16>(cs_image), ss = static_cast<u16>(ss_image);
    const unsigned cpl = cs & 3;
    if ((flags & kRareFlags) || !is_canonical(rip, s.cr4)) return false;
    Segment new_cs, new_ss;
    if (!return_segments(f, cs, ss, new_cs, new_ss) || (cpl == 3 && holds_inner_segments(s))) return false;
    s.nmi_blocked = false;
    s.rip = rip;
    s.gpr[kRsp] = rsp;
    s.rflags = (flags & kSysretFlags) | kFlagReserved1;
    s.segment[kCs] = new_cs;
    s.segment[kSs] = new_ss;
    return true;
}

TWIN86_LEAF_INLINE bool transfer(JitFrame& f, Op op, u64 next_rip) {
    switch (op) {
        case Op::kSyscall:
            return syscall(f.cpu, next_rip);
        case Op::kSysret:
            return sysret(f.cpu);
        default:
            return iret(f);
    }
}

/// Makes the state's mode the current one and finds the code for its RIP.
TWIN86_LEAF_INLINE const u8* enter_mode(JitFrame& f) {
    const CpuState& s = f.cpu;
    const bool interruptible = s.rflags & kFlagIF;
    if (interruptible && __atomic_load_n(&f.irq_waiting, __ATOMIC_SEQ_CST) != 0) return nullptr;
    const Mode mode = mode_now(f, false);
    const u64 base = code_base(s);
    const JumpMemo& memo = f.jump_memo[JumpMemo::index_of(mode.value, base)];
    if (mode.has(Mode::kSingleStep) || memo.epoch != f.jump_epoch || !(memo.mode == mode) || memo.code_base != base) return nullptr;
    use_jumps(f, memo);
    renew_stack_delta(f, mode.view());
    return code_for(f, s.rip);
}

}  // namespace

extern "C" const u8* twin86_leaf_transfer(JitFrame* frame, const HelperSite* site, u64 next_rip, u64 flags) {
    JitFrame& f = *frame;
    CpuState& s = f.cpu;
    const u64 before = s.rflags;
    s.rflags = (before & ~u64{kFlagsArithmetic}) | (flags & kFlagsArithmetic);
    if (!f.may_transfer || !transfer(f, site->insn.op, next_rip)) return f.leaf_exit[kLeafDeclined];
    ++f.transfers;
    s.shadow = kShadowNone;
    const u8* const host = enter_mode(f);
    if (host == nullptr) return f.leaf_exit[kLeafBoundary];
    f.target = f.address = s.rip;
    f.enter_pc = reinterpret_cast<u64>(host);
    return f.leaf_exit[kLeafEnters];
}

}  // namespace twin86::jit
