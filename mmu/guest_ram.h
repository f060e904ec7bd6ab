// GuestRam: the guest's memory as one memfd, mapped once for the host's own use.
//
// Engines map windows of the same file (Linux memfd_create(2)); the host reaches RAM through base() alone.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"
#include "mmu/ram_granules.h"

namespace twin86 {

/// Which of the host's memory.
struct RamBacking {
    bool huge = false;       ///< from the host's pool of huge pages (Linux, Documentation/admin-guide/mm/hugetlbpage.rst)
    u64 huge_page_size = 0;  ///< 0: the host's default
    bool prealloc = false;   ///< all of it now, instead of as the guest touches it
    bool locked = false;     ///< the same, and it never goes to the host's swap
};

class GuestRam {
  public:
    /// `size` is a positive multiple of 4 KiB, or of the huge pages.
    static Result<GuestRam> create(u64 size, const RamBacking& backing = {});

    GuestRam(GuestRam&& other) noexcept;
    GuestRam& operator=(GuestRam&& other) noexcept;
    ~GuestRam();

    Hva base() const { return base_; }
    u64 size() const { return size_; }
    RamGranules granules() { return {base_, kept_ ? 0 : size_ / RamGranules::kSize * RamGranules::kSize, gathered_.data()}; }
    int fd() const { return fd_.get(); }
    /// The file can be mapped in multiples of this.
    u64 page_size() const { return page_size_; }

    /// Back to all zeroes, as after power-on; the host gets its memory back, unless it was asked for in advance. The
    /// mappings stay valid.
    void clear();

  private:
    GuestRam(Hva base, u64 size, u64 page_size, UniqueFd fd, bool kept)
        : base_(base), size_(size), page_size_(page_size), fd_(std::move(fd)), kept_(kept) {}
    void release();

    Hva base_ = nullptr;
    u64 size_ = 0, page_size_ = 0;
    UniqueFd fd_;
    std::vector<u8> gathered_;  ///< granules that have been asked for as huge pages
    bool kept_ = false;  ///< the host must not get it back: it might not be there again
};

/// Zeroed, lazily committed pages that stay out of core dumps; unmapped when destroyed.
class HostPages {
  public:
    static Result<HostPages> create(u64 size, const char* purpose);

    HostPages() = default;
    HostPages(HostPages&& other) noexcept;
    HostPages& operator=(HostPages&& other) noexcept;
    ~HostPages();

    Hva base() const { return base_; }
    u64 size() const { return size_; }

  private:
    HostPages(Hva base, u64 size) : base_(base), size_(size) {}

    Hva base_ = nullptr;
    u64 size_ = 0;
};

}  // namespace twin86
