#include "accel/hybrid/code_watch.h"

#include <cstring>

namespace twin86 {

void CodeWatch::remember() {
    pages_.clear();
    const PhysPages& pages = phys_.pages();
    for (u64 n = 0; n < pages.count; ++n)
        if (const u64 entry = pages.entry(n * kPageSize); (entry & kPageHasCode) != 0 && page_is_ram(entry))
            pages_.push_back(n * kPageSize);
    bytes_.resize(pages_.size() * kPageSize);
    for (std::size_t i = 0; i < pages_.size(); ++i)
        std::memcpy(&bytes_[i * kPageSize], page_host(pages.entry(pages_[i])), kPageSize);
}

void CodeWatch::report() {
    for (std::size_t i = 0; i < pages_.size(); ++i) {
        const u64 entry = phys_.pages().entry(pages_[i]);
        if (!page_is_ram(entry) || std::memcmp(&bytes_[i * kPageSize], page_host(entry), kPageSize) == 0) continue;
        phys_.written(pages_[i], kPageSize);
        ++reported_;
    }
}

}  // namespace twin86
