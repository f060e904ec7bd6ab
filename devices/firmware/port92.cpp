#include "devices/firmware/port92.h"

namespace twin86 {
namespace {

constexpr u8 kFastInit = 0x01;
constexpr u8 kFastA20 = 0x02;

}  // namespace

void Port92::reset(ResetKind) {
    value_ = 0;
    set_a20_(false);
}

void Port92::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.field(value_);
        if (archive.loading()) set_a20_((value_ & kFastA20) != 0);
    });
}

u32 Port92::io_read(u16, unsigned) {
    return value_;
}

void Port92::io_write(u16, unsigned, u32 wide) {
    const u8 value = static_cast<u8>(wide);
    const bool init = (value & ~value_ & kFastInit) != 0;
    value_ = value;
    set_a20_((value & kFastA20) != 0);
    if (init) on_reset_();
}

}  // namespace twin86
