// WindowArea: host address space reserved for windows on guest memory, and the host mappings in it.
//
// A window shows one 512 GiB region of guest linear addresses (what one entry of a 4-level page table's root covers) at
// one place, so that linear address + delta is the host address. Unmapped guard space lies between windows: what
// is added to an address in one cannot lead into the next. Only pages of guest RAM are ever mapped here.
#pragma once

#include <memory>

#include "base/types.h"
#include "mmu/window_tables.h"

namespace twin86 {

class WindowArea {
  public:
    static constexpr unsigned kRegionShift = 39;
    static constexpr u64 kRegionSize = u64{1} << kRegionShift;
    /// Translated code decides by one register about addresses within 64 GiB of it.
    static constexpr u64 kGuardSize = 72 * GiB;
    /// Which of the tables' regions a linear address lies in.
    static constexpr unsigned region_of(Gva address) {
        return (address >> kRegionShift) & (WindowTables::kRegions - 1);
    }
    /// Window 0 stays empty: it stands for regions that are not shown.
    static constexpr unsigned kEmptyWindow = 0;

    /// Null when the host gives no room for that many (a limited address space).
    static std::unique_ptr<WindowArea> reserve(unsigned windows, int ram_fd);
    ~WindowArea();
    WindowArea(const WindowArea&) = delete;

    u64 base(unsigned window) const { return base_ + window * kStride; }
    unsigned count() const { return count_; }
    bool contains(u64 host) const { return host - base_ < count_ * kStride; }
    unsigned window_of(u64 host) const { return static_cast<unsigned>((host - base_) / kStride); }

    // `host` lies in a window. False: the host has no room for another mapping.
    bool map(u64 host, u64 size, u64 file_offset, bool writable);
    bool protect(u64 host, u64 size, bool writable);
    bool unmap(u64 host, u64 size);

  private:
    static constexpr u64 kStride = kRegionSize + kGuardSize;
    WindowArea(u64 base, unsigned count, int fd) : base_(base), count_(count), fd_(fd) {}

    u64 base_;
    unsigned count_;
    int fd_;
};

}  // namespace twin86
