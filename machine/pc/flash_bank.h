// FlashBank: a flash chip with its cells in memory, its image, and its place below 4 GiB.
#pragma once

#include <memory>

#include "devices/block/block_queue.h"
#include "devices/flash/cfi_flash.h"
#include "mmu/phys_map.h"

namespace twin86::pc {

class FlashBank : public FlashMemory {
  public:
    /// The chip's end is at `end`; `name` is the drive's.
    static Result<std::unique_ptr<FlashBank>> create(std::unique_ptr<BlockImage> image, std::string name, Gpa end,
                                                     PhysMap& phys, MmioBus& mmio, DeferredWork& work, Log& log);
    ~FlashBank() override { save(); }

    CfiFlash& device() { return device_; }
    Gpa base() const { return base_; }

    std::span<u8> bytes() override { return {cells_.base(), cells_.size()}; }
    bool read_only() const override { return image_.read_only(); }
    void show_array(bool array) override;
    void changed(u64 offset, u64 size) override;

  private:
    FlashBank(std::unique_ptr<BlockImage> image, HostPages cells, std::string name, Gpa end, PhysMap& phys,
              MmioBus& mmio, DeferredWork& work, Log& log);
    void save();

    PhysMap& phys_;
    Log& log_;
    std::string name_;
    HostPages cells_;
    Gpa base_;
    BlockQueue image_;
    CfiFlash device_;
    Mapping commands_, array_;
    bool shown_ = false;
    u64 changed_first_ = ~u64{0}, changed_end_ = 0;  ///< not in the image yet
};

}  // namespace twin86::pc
