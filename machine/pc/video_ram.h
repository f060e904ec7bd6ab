// VideoRam: a display adapter's memory, which guests map through a base address register.
#pragma once

#include <vector>

#include "devices/display/video_memory.h"
#include "mmu/phys_map.h"

namespace twin86::pc {

class VideoRam : public VideoMemory {
  public:
    static Result<std::unique_ptr<VideoRam>> create(PhysMap& phys, u64 size, std::string name);

    std::span<u8> bytes() override { return {pages_.base(), pages_.size()}; }
    void clear() override;
    Mapping show_at(Gpa base) override;

    /// Has any page of [first, end) been written by the processor or a bus master since take_written()? Cheap, at any
    /// time.
    bool written(u64 first, u64 end) const;
    /// Appends the offsets of the pages written since the last call. With processors stopped: they cache the right to
    /// write without being seen.
    void take_written(std::vector<u64>& pages);

  private:
    VideoRam(PhysMap& phys, HostPages pages, std::string name)
        : phys_(phys), pages_(std::move(pages)), name_(std::move(name)) {}

    PhysMap& phys_;
    HostPages pages_;
    std::string name_;
    Gpa base_ = 0;  ///< 0: not shown
};

}  // namespace twin86::pc
