#include "cpu/semantics/xsave_image.h"

#include <cstring>

namespace twin86 {

u16 XsaveImage::read16(unsigned offset) const {
    u16 value;
    std::memcpy(&value, s_.xsave + offset, sizeof value);
    return value;
}

u32 XsaveImage::read32(unsigned offset) const {
    u32 value;
    std::memcpy(&value, s_.xsave + offset, sizeof value);
    return value;
}

u64 XsaveImage::read64(unsigned offset) const {
    u64 value;
    std::memcpy(&value, s_.xsave + offset, sizeof value);
    return value;
}

void XsaveImage::write16(unsigned offset, u16 value) {
    std::memcpy(s_.xsave + offset, &value, sizeof value);
}
void XsaveImage::write32(unsigned offset, u32 value) {
    std::memcpy(s_.xsave + offset, &value, sizeof value);
}
void XsaveImage::write64(unsigned offset, u64 value) {
    std::memcpy(s_.xsave + offset, &value, sizeof value);
}

void XsaveImage::set_control_and_status(u16 fcw, u16 fsw) {
    constexpr u16 kExceptions = 0x3f, kSummaryAndBusy = 0x8080;
    fcw = static_cast<u16>((fcw & 0x1f3f) | 0x40);
    const bool pending = fsw & ~fcw & kExceptions;
    write16(kXsaveFcw, fcw);
    write16(kXsaveFsw, static_cast<u16>((fsw & ~kSummaryAndBusy) | (pending ? kSummaryAndBusy : 0)));
}

void XsaveImage::set_top(unsigned top) {
    constexpr unsigned kSlots = 8, kSlotBytes = 16;
    u8 slots[kSlots * kSlotBytes];
    std::memcpy(slots, at(kXsaveSt0), sizeof slots);
    for (unsigned st = 0; st < kSlots; ++st) {
        const unsigned physical = st + this->top();
        std::memcpy(at(kXsaveSt0 + ((physical - top) & 7) * kSlotBytes), slots + st * kSlotBytes, kSlotBytes);
    }
    write16(kXsaveFsw, static_cast<u16>((read16(kXsaveFsw) & ~0x3800) | top << 11));
}

u32 XsaveImage::mxcsr_mask() const {
    const u32 mask = read32(kXsaveMxcsrMask);
    return mask ? mask : 0xffff;
}

void XsaveImage::write_initial(unsigned component) {
    if (component == 0) {
        std::memset(at(0), 0, kXsaveMxcsr);
        std::memset(at(kXsaveSt0), 0, kXsaveXmm0 - kXsaveSt0);
        write16(kXsaveFcw, kInitialFcw);
        return;
    }
    const XsaveLayout::Component& c = layout_.component[component];
    std::memset(at(c.offset), 0, c.size);
}

void XsaveImage::normalize(u64 components) {
    for (unsigned i = 0; i < kXsaveComponents; ++i)
        if (components & ~in_use() & bit(i)) write_initial(i);
}

void XsaveImage::initialize(u64 components) {
    for (unsigned i = 0; i < kXsaveComponents; ++i)
        if (components & bit(i)) write_initial(i);
    write64(kXsaveXstateBv, read64(kXsaveXstateBv) & ~components);
}

Outcome check_fpu_available(const CpuState& s, u64 cr0_mask) {
    return s.cr0 & cr0_mask ? Outcome::fault(kVectorNM) : Outcome::success();
}

}  // namespace twin86
