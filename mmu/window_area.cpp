#include "mmu/window_area.h"

#include <sys/mman.h>

namespace twin86 {

namespace {
/// Small mappings show what the guest has used and uses now: the host need not wait for the faults.
constexpr u64 kPopulated = 16 * kPageSize;
constexpr int kNothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
int rights(bool writable) {
    return PROT_READ | (writable ? PROT_WRITE : 0);
}
void* pointer(u64 host) {
    return reinterpret_cast<void*>(host);
}
}  // namespace

std::unique_ptr<WindowArea> WindowArea::reserve(unsigned windows, int ram_fd) {
    // One guard more than windows: the first lies before them all.
    const u64 size = windows * kStride + kGuardSize;
    void* at = mmap(nullptr, size, PROT_NONE, kNothing, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    (void)madvise(at, size, MADV_DONTDUMP);
    return std::unique_ptr<WindowArea>(new WindowArea(reinterpret_cast<u64>(at) + kGuardSize, windows, ram_fd));
}

WindowArea::~WindowArea() {
    munmap(pointer(base_ - kGuardSize), count_ * kStride + kGuardSize);
}

bool WindowArea::map(u64 host, u64 size, u64 file_offset, bool writable) {
    const int populate = size <= kPopulated ? MAP_POPULATE : 0;
    return mmap(pointer(host), size, rights(writable), MAP_SHARED | MAP_FIXED | MAP_NORESERVE | populate, fd_,
                static_cast<off_t>(file_offset)) != MAP_FAILED;
}

bool WindowArea::protect(u64 host, u64 size, bool writable) {
    return mprotect(pointer(host), size, rights(writable)) == 0;
}

bool WindowArea::unmap(u64 host, u64 size) {
    return mmap(pointer(host), size, PROT_NONE, kNothing | MAP_FIXED, -1, 0) != MAP_FAILED;
}

}  // namespace twin86
