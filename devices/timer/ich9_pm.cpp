#include "devices/timer/ich9_pm.h"

#include "base/bits.h"

namespace twin86 {
namespace {

constexpr u16 kSmiEnable = 0x30, kSmiEnableEnd = 0x34;
constexpr u32 kSmiEnableBits = 0x0007e87d;  // EOS reads as zero

bool is_smi_enable(u16 offset, unsigned size) {
    return offset >= kSmiEnable && offset + size <= kSmiEnableEnd;
}

}  // namespace

void Ich9Pm::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.field(smi_enable_); });
}

u32 Ich9Pm::io_read(u16 offset, unsigned size) {
    if (!is_smi_enable(offset, size)) return acpi_.io_read(offset, size);
    return static_cast<u32>(truncate(smi_enable_ >> 8 * (offset - kSmiEnable), size));
}

void Ich9Pm::io_write(u16 offset, unsigned size, u32 value) {
    if (!is_smi_enable(offset, size)) return acpi_.io_write(offset, size, value);
    const unsigned shift = 8u * (offset - kSmiEnable);
    const u32 mask = static_cast<u32>(truncate(~u64{0}, size)) << shift;
    smi_enable_ = ((smi_enable_ & ~mask) | (value << shift & mask)) & kSmiEnableBits;
}

}  // namespace twin86
