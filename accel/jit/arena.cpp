#include "accel/jit/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bits.h"
#include "base/check.h"

namespace twin86::jit {

Arena::Arena(u64 size) : size_(align_up(size, kPageSize)) {
    void* const base = mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(base != MAP_FAILED, "cannot reserve {} MiB of address space: {}", size_ / MiB, std::strerror(errno));
    base_ = static_cast<std::byte*>(base);
}

Arena::~Arena() { munmap(base_, size_); }

/// Memory up to `end` may be used from now on.
void Arena::open(u64 end) {
    constexpr u64 kStep = 1 * MiB;
    CHECK(end <= size_, "records of {} bytes, room for {}", end, size_);
    const u64 to = std::min(align_up(end, kStep), size_);
    CHECK(mprotect(base_ + open_, to - open_, PROT_READ | PROT_WRITE) == 0, "no memory for records: {}", std::strerror(errno));
    open_ = to;
}

}  // namespace twin86::jit
