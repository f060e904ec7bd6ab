// A 3.5" or 5.25" floppy drive with an image in it: geometry by the image's size, head position, disk change line.
#pragma once

#include <memory>
#include <optional>

#include "base/state_archive.h"
#include "devices/block/block_queue.h"

namespace twin86 {

struct FloppyGeometry {
    u8 cylinders, heads, sectors;
    u64 bytes() const { return u64{cylinders} * heads * sectors * kSectorSize; }
};

/// The format of an image of so many bytes; nothing when no disk holds it.
std::optional<FloppyGeometry> floppy_geometry(u64 bytes);

class FloppyDrive {
  public:
    void change_medium(std::unique_ptr<BlockQueue> image);
    bool has_medium() const { return image_ != nullptr; }
    bool write_protected() const { return image_ == nullptr || image_->read_only(); }
    const FloppyGeometry& geometry() const { return geometry_; }
    BlockQueue& image() { return *image_; }

    /// Nothing when the disk has no such sector (sectors count from 1).
    std::optional<u64> offset_of(u8 cylinder, u8 head, u8 sector) const;

    u8 cylinder() const { return cylinder_; }
    /// The head stops at the ends of its way. A step clears the change line while a disk is in (data sheet of any
    /// drive).
    void seek(unsigned cylinder);
    bool changed() const { return changed_; }
    void forget() {
        if (image_) image_->forget();
    }

    void visit(StateArchive& archive) { archive.fields(cylinder_, changed_); }

  private:
    std::unique_ptr<BlockQueue> image_;
    FloppyGeometry geometry_{80, 2, 18};
    u8 cylinder_ = 0;
    bool changed_ = true;
};

}  // namespace twin86
