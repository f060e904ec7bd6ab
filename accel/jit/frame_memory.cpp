// The frame's memory: [guard page][JIT stack][frame][guard page].
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "accel/jit/jit_vcpu.h"

namespace twin86::jit {

namespace {
constexpr u64 kStackSize = 64 * KiB;
constexpr u64 kHugePage = 2 * MiB;
}

Result<std::unique_ptr<FrameMemory>> FrameMemory::create() {
    const u64 frame_size = align_up(sizeof(JitFrame), kPageSize);
    std::unique_ptr<FrameMemory> m(new FrameMemory);
    const u64 inside = align_up(kStackSize + frame_size, kHugePage);
    m->size_ = kHugePage + inside + kPageSize;
    void* base = mmap(nullptr, m->size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return error("cannot reserve memory for a virtual processor: {}", std::strerror(errno));
    m->base_ = static_cast<u8*>(base);
    u8* const start = m->base_ + align_up(reinterpret_cast<u64>(base) + kPageSize, kHugePage) - reinterpret_cast<u64>(base);
    if (mprotect(start, inside, PROT_READ | PROT_WRITE) != 0)
        return error("cannot allocate memory for a virtual processor: {}", std::strerror(errno));
    madvise(start, inside, MADV_HUGEPAGE);  // windows and TLBs are read everywhere, all the time
    m->frame_ = new (start + kStackSize) JitFrame();
    return m;
}

FrameMemory::~FrameMemory() {
    if (base_ != nullptr) munmap(base_, size_);
}

}  // namespace twin86::jit
