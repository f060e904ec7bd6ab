// GuestRam: the guest's memory as one memfd, mapped once for the host's own use.
//
// Engines map windows of the same file (Linux memfd_create(2)); the host reaches RAM through base() alone.
#pragma once

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

class GuestRam {
  public:
    /// `size` is a positive multiple of 4 KiB. Memory is committed as the guest touches it.
    static Result<GuestRam> create(u64 size);

    GuestRam(GuestRam&& other) noexcept;
    GuestRam& operator=(GuestRam&& other) noexcept;
    ~GuestRam();

    Hva base() const { return base_; }
    u64 size() const { return size_; }
    int fd() const { return fd_; }

    /// Back to all zeroes, as after power-on; the host memory is given back. The mappings stay valid.
    void clear();

  private:
    GuestRam(Hva base, u64 size, int fd) : base_(base), size_(size), fd_(fd) {}
    void release();

    Hva base_ = nullptr;
    u64 size_ = 0;
    int fd_ = -1;
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
