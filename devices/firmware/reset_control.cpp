#include "devices/firmware/reset_control.h"

namespace twin86 {
namespace {

constexpr u8 kSystemReset = 0x02;
constexpr u8 kResetCpu = 0x04;

}  // namespace

void ResetControl::reset(ResetKind) {
    value_ = 0;
}

void ResetControl::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.field(value_); });
}

u32 ResetControl::io_read(u16, unsigned) {
    return value_;
}

void ResetControl::io_write(u16, unsigned, u32 wide) {
    const u8 value = static_cast<u8>(wide);
    const bool starts = (value & ~value_ & kResetCpu) != 0;
    value_ = value & (kSystemReset | kResetCpu);
    if (starts) on_reset_((value & kSystemReset) != 0);
}

}  // namespace twin86
