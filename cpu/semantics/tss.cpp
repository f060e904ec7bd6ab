#include "cpu/semantics/tss.h"

#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/memory.h"

namespace twin86 {
namespace {

constexpr unsigned kIoMapBaseOffset = 102;  // same place in the 32-bit and the 64-bit TSS
constexpr unsigned kRsp0Offset64 = 4, kIst1Offset64 = 36;

}  // namespace

Outcome read_tss(Cpu& cpu, unsigned offset, void* to, unsigned size, u32 ext) {
    const Segment& tr = cpu.s.tr;
    if (tr.unusable() || u64{offset} + size - 1 > tr.limit)
        return Outcome::fault(kVectorTS, selector_error(tr.selector) | ext);
    const Gva address = tr.base + offset;
    return cpu.host.read_linear(cpu.s.long_mode() ? address : static_cast<u32>(address), to, size, true);
}

Outcome load_stack64(Cpu& cpu, unsigned cpl, unsigned ist, u32 ext, u64& rsp) {
    const unsigned offset = ist ? kIst1Offset64 + (ist - 1) * 8 : kRsp0Offset64 + cpl * 8;
    TRY_GUEST(read_tss(cpu, offset, &rsp, 8, ext));
    return canonical(cpu.s, rsp) ? Outcome::success() : Outcome::fault(kVectorSS, ext);
}

Outcome load_inner_stack(Cpu& cpu, unsigned cpl, u32 ext, PushFrame::Stack& stack) {
    u16 selector = 0;
    u32 pointer = 0;
    if (tss_is_32bit(cpu.s)) {
        TRY_GUEST(read_tss(cpu, 4 + cpl * 8, &pointer, 4, ext));
        TRY_GUEST(read_tss(cpu, 8 + cpl * 8, &selector, 2, ext));
    } else {
        TRY_GUEST(read_tss(cpu, 2 + cpl * 4, &pointer, 2, ext));
        TRY_GUEST(read_tss(cpu, 4 + cpl * 4, &selector, 2, ext));
    }
    const u32 code = selector_error(selector) | ext;
    const Outcome bad = Outcome::fault(kVectorTS, code);
    if (null_selector(selector)) return bad;
    Descriptor ss;
    TRY_GUEST(read_descriptor(cpu, selector, ss, kVectorTS, ext));
    if ((selector & 3) != cpl || ss.dpl() != cpl || !ss.is_writable_data()) return bad;
    if (!ss.present()) return Outcome::fault(kVectorSS, code);
    TRY_GUEST(mark_accessed(cpu, selector, ss));
    stack = {make_segment(selector, ss), pointer, ss.default_big() ? 0xffffffffu : 0xffffu, false, true, code};
    return Outcome::success();
}

Outcome check_io_permission(Cpu& cpu, IoPort port, unsigned size) {
    const CpuState& s = cpu.s;
    if (!s.protected_mode() || (!s.vm86() && s.cpl() <= s.iopl())) return Outcome::success();
    const Outcome denied = Outcome::fault(kVectorGP, 0);
    if (s.tr.unusable() || !tss_is_32bit(s) || s.tr.limit < kIoMapBaseOffset + 1) return denied;
    u16 base = 0, map = 0;
    TRY_GUEST(read_tss(cpu, kIoMapBaseOffset, &base, 2));
    // The processor always reads two bytes, so that the map needs a trailing byte of ones.
    const unsigned offset = base + port / 8u;
    if (offset + 1 > s.tr.limit) return denied;
    TRY_GUEST(read_tss(cpu, offset, &map, 2));
    return (map >> (port & 7)) & ((1u << size) - 1) ? denied : Outcome::success();
}

Outcome vme_redirected(Cpu& cpu, u8 vector, bool& to_8086_handler) {
    to_8086_handler = false;
    if (!tss_is_32bit(cpu.s) || cpu.s.tr.limit < kIoMapBaseOffset + 1) return Outcome::success();
    u16 base = 0;
    u8 map = 0;
    TRY_GUEST(read_tss(cpu, kIoMapBaseOffset, &base, 2));
    const unsigned offset = base - 32u + vector / 8u;
    if (base < 32 || offset > cpu.s.tr.limit) return Outcome::fault(kVectorGP, 0);
    TRY_GUEST(read_tss(cpu, offset, &map, 1));
    to_8086_handler = !(map >> (vector & 7) & 1);
    return Outcome::success();
}

}  // namespace twin86
