#include "cpu/semantics/descriptor.h"

namespace twin86 {

bool descriptor_address(const CpuState& s, u16 selector, unsigned bytes, Gva& address) {
    const unsigned index = selector & 0xfff8;
    const unsigned last = index + bytes - 1;
    if (selector & 4) {
        if (s.ldtr.unusable() || last > s.ldtr.limit) return false;
        address = s.ldtr.base + index;
    } else {
        if (last > s.gdtr.limit) return false;
        address = s.gdtr.base + index;
    }
    if (!s.long_mode()) address = static_cast<u32>(address);
    return true;
}

Outcome read_descriptor(Cpu& cpu, u16 selector, Descriptor& out, Vector vector, u32 ext) {
    Gva address = 0;
    if (!descriptor_address(cpu.s, selector, 8, address)) return Outcome::fault(vector, selector_error(selector) | ext);
    u32 words[2] = {};
    TRY_GUEST(cpu.host.read_linear(address, words, 8, true));
    out = {words[0], words[1], 0};
    return Outcome::success();
}

Outcome read_descriptor_upper(Cpu& cpu, u16 selector, Descriptor& out, Vector vector, u32 ext) {
    const Outcome bad = Outcome::fault(vector, selector_error(selector) | ext);
    Gva address = 0;
    if (!descriptor_address(cpu.s, selector, 16, address)) return bad;
    u32 words[2] = {};
    TRY_GUEST(cpu.host.read_linear(address + 8, words, 8, true));
    if (words[1] & 0x1f00) return bad;  // the type field of the upper half must be 0
    out.upper = words[0];
    return Outcome::success();
}

namespace {

Outcome write_access_byte(Cpu& cpu, u16 selector, u8 value) {
    Gva address = 0;
    if (!descriptor_address(cpu.s, selector, 8, address)) return Outcome::fault(kVectorGP, selector_error(selector));
    return cpu.host.write_linear(address + 5, &value, 1, true);
}

}  // namespace

Outcome mark_accessed(Cpu& cpu, u16 selector, Descriptor& descriptor) {
    if (descriptor.high & 0x100) return Outcome::success();
    TRY_GUEST(write_access_byte(cpu, selector, static_cast<u8>(descriptor.high >> 8 | 1)));
    descriptor.high |= 0x100;
    return Outcome::success();
}

Outcome set_tss_busy(Cpu& cpu, u16 selector, const Descriptor& descriptor, bool busy) {
    const u8 access = static_cast<u8>(descriptor.high >> 8);
    return write_access_byte(cpu, selector, busy ? access | 2 : access & ~2);
}

Segment make_segment(u16 selector, const Descriptor& d) {
    return {d.base(), d.limit(), selector, d.attributes()};
}

Segment null_segment(u16 selector, unsigned dpl) {
    return {0, 0, selector, static_cast<u16>(dpl << 5)};
}

}  // namespace twin86
