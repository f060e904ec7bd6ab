#include "devices/display/vbe_registers.h"

#include <algorithm>

namespace twin86 {
namespace {

constexpr u16 kOldestId = 0xb0c0, kNewestId = 0xb0c5;

bool known_depth(u16 depth) {
    return depth == 4 || depth == 8 || depth == 15 || depth == 16 || depth == 24 || depth == 32;
}

}  // namespace

void VbeRegisters::reset() {
    id_ = kNewestId;
    width_ = height_ = enable_ = bank_ = virtual_width_ = x_offset_ = y_offset_ = 0;
    depth_ = 8;
}

void VbeRegisters::visit(StateArchive& archive) {
    archive.fields(id_, width_, height_, depth_, enable_, bank_, virtual_width_, x_offset_, y_offset_);
    if (!archive.loading()) return;
    width_ = std::min(width_, kMaxWidth);
    height_ = std::min(height_, kMaxHeight);
    if (!known_depth(depth_)) depth_ = 8;
}

u64 VbeRegisters::bytes(u64 pixels) const {
    if (depth_ == 4) return pixels / 8;
    return pixels * ((depth_ + 7u) / 8);
}

u16 VbeRegisters::virtual_height() const {
    const u64 line = line_bytes() * (depth_ == 4 ? 4 : 1);
    return line == 0 ? 0 : static_cast<u16>(std::min<u64>(memory_bytes_ / line, 0xffff));
}

u16 VbeRegisters::read(u16 index) const {
    const bool capabilities = (enable_ & kGetCapabilities) != 0;
    switch (index) {
        case kId:
            return id_;
        case kWidth:
            return capabilities ? kMaxWidth : width_;
        case kHeight:
            return capabilities ? kMaxHeight : height_;
        case kDepth:
            return capabilities ? kMaxDepth : depth_;
        case kEnable:
            return enable_;
        case kBank:
            return bank_;
        case kVirtualWidth:
            return virtual_width_;
        case kVirtualHeight:
            return virtual_height();
        case kXOffset:
            return x_offset_;
        case kYOffset:
            return y_offset_;
        case kMemory64K:
            return static_cast<u16>(memory_bytes_ / (64 * KiB));
        default:
            return 0;
    }
}

/// Switching on starts with an unpanned screen that is as wide as what is shown.
bool VbeRegisters::set_enable(u16 value) {
    const bool rises = (value & kEnabled) != 0 && !enabled();
    enable_ = value;
    bank_ = 0;
    if (!rises) return false;
    virtual_width_ = width_;
    x_offset_ = y_offset_ = 0;
    return (value & kKeepMemory) == 0;
}

bool VbeRegisters::write(u16 index, u16 value) {
    switch (index) {
        case kId:
            if (value >= kOldestId && value <= kNewestId) id_ = value;
            break;
        case kWidth:
            width_ = std::min(value, kMaxWidth);
            break;
        case kHeight:
            height_ = std::min(value, kMaxHeight);
            break;
        case kDepth:
            if (value == 0) value = 8;
            if (known_depth(value)) depth_ = value;
            break;
        case kEnable:
            return set_enable(value);
        case kBank:
            bank_ = value;
            break;
        case kVirtualWidth:
            virtual_width_ = value;
            break;
        case kXOffset:
            x_offset_ = value;
            break;
        case kYOffset:
            y_offset_ = value;
            break;
        default:
            break;
    }
    return false;
}

}  // namespace twin86
