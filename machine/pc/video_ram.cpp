#include "machine/pc/video_ram.h"

#include <sys/mman.h>

#include <algorithm>

namespace twin86::pc {

Result<std::unique_ptr<VideoRam>> VideoRam::create(PhysMap& phys, u64 size, std::string name) {
    auto pages = HostPages::create(size, name.c_str());
    if (!pages) return pages.failure();
    return std::unique_ptr<VideoRam>(new VideoRam(phys, pages.take(), std::move(name)));
}

/// The host gets its memory back; zeroes come when somebody looks.
void VideoRam::clear() {
    if (::madvise(pages_.base(), pages_.size(), MADV_DONTNEED) != 0) std::fill_n(pages_.base(), pages_.size(), u8{0});
    if (base_ != 0) phys_.written(base_, pages_.size());
}

Mapping VideoRam::show_at(Gpa base) {
    base_ = base;
    auto shown = std::make_shared<Mapping>(phys_.map_memory(base, pages_.size(), pages_.base(), true, name_));
    return Mapping([this, shown] {
        shown->release();
        base_ = 0;
    });
}

bool VideoRam::written(u64 first, u64 end) const {
    if (base_ == 0) return false;
    end = std::min<u64>(end, pages_.size());
    for (u64 at = first / kPageSize * kPageSize; at < end; at += kPageSize)
        if ((phys_.pages().entry(base_ + at) & kPageDirtyDisplay) != 0) return true;
    return false;
}

void VideoRam::take_written(std::vector<u64>& pages) {
    if (base_ == 0) return;
    const std::size_t before = pages.size();
    phys_.take_dirty(base_, pages_.size(), kPageDirtyDisplay, pages);
    for (std::size_t i = before; i < pages.size(); ++i) pages[i] -= base_;
}

}  // namespace twin86::pc
