#include "devices/floppy/floppy_drive.h"

#include <algorithm>

namespace twin86 {

namespace {

constexpr FloppyGeometry kOlder[] = {{40, 2, 9}, {80, 2, 9}, {80, 2, 15}};
constexpr FloppyGeometry k1440{80, 2, 18}, k2880{80, 2, 36};
constexpr unsigned kLastCylinder = 84;  ///< drives step a little further than disks are written

}  // namespace

/// An image of exactly an older size is such a disk; any other is one of 1.44 MB or 2.88 MB whose end is empty.
std::optional<FloppyGeometry> floppy_geometry(u64 bytes) {
    for (const FloppyGeometry& format : kOlder)
        if (bytes == format.bytes()) return format;
    if (bytes <= k1440.bytes()) return k1440;
    if (bytes <= k2880.bytes()) return k2880;
    return std::nullopt;
}

void FloppyDrive::change_medium(std::unique_ptr<BlockQueue> image) {
    image_ = std::move(image);
    changed_ = true;
    if (!image_) return;
    if (const auto geometry = floppy_geometry(image_->size())) geometry_ = *geometry;
}

std::optional<u64> FloppyDrive::offset_of(u8 cylinder, u8 head, u8 sector) const {
    const FloppyGeometry& g = geometry_;
    if (!image_ || cylinder >= g.cylinders || head >= g.heads || sector == 0 || sector > g.sectors) return std::nullopt;
    return ((u64{cylinder} * g.heads + head) * g.sectors + sector - 1) * kSectorSize;
}

void FloppyDrive::seek(unsigned cylinder) {
    cylinder_ = static_cast<u8>(std::min(cylinder, kLastCylinder));
    if (image_) changed_ = false;
}

}  // namespace twin86
