#include "machine/pc/flash_bank.h"

#include <algorithm>

namespace twin86::pc {

Result<std::unique_ptr<FlashBank>> FlashBank::create(std::unique_ptr<BlockImage> image, std::string name, Gpa end,
                                                     PhysMap& phys, MmioBus& mmio, DeferredWork& work, Log& log) {
    if (image->size() % CfiFlash::kBlockSize != 0)
        return error("{}: the image must be a multiple of 4 KiB, not {} bytes", name, image->size());
    auto cells = HostPages::create(image->size(), name.c_str());
    if (!cells) return cells.failure();
    if (image->read(0, {cells->base(), cells->size()}) != BlockStatus::kOk)
        return error("{}: the host cannot read the image", name);
    return std::unique_ptr<FlashBank>(
        new FlashBank(std::move(image), cells.take(), std::move(name), end, phys, mmio, work, log));
}

FlashBank::FlashBank(std::unique_ptr<BlockImage> image, HostPages cells, std::string name, Gpa end, PhysMap& phys,
                     MmioBus& mmio, DeferredWork& work, Log& log)
    : phys_(phys),
      log_(log),
      name_(std::move(name)),
      cells_(std::move(cells)),
      base_(end - cells_.size()),
      image_(std::move(image), work),
      device_(name_, *this, log),
      commands_(mmio.map(base_, cells_.size(), device_, name_)) {
    show_array(true);
}

void FlashBank::show_array(bool array) {
    if (array) save();
    if (array == shown_) return;
    shown_ = array;
    if (array)
        array_ = phys_.map_flash(base_, cells_.size(), cells_.base(), name_);
    else
        array_.release();
}

void FlashBank::changed(u64 offset, u64 size) {
    changed_first_ = std::min(changed_first_, offset);
    changed_end_ = std::max(changed_end_, offset + size);
}

void FlashBank::save() {
    if (changed_end_ <= changed_first_) return;
    const u8* cells = cells_.base();
    image_.write(changed_first_, std::vector<u8>(cells + changed_first_, cells + changed_end_),
                 [this](BlockStatus status, std::vector<u8>&) {
                     if (status != BlockStatus::kOk) log_.always("twin86: {}: the image could not be written", name_);
                 });
    changed_first_ = ~u64{0};
    changed_end_ = 0;
}

}  // namespace twin86::pc
