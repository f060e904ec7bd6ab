// The frame's memory: [guard page][JIT stack][frame][guard page].
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "accel/jit/jit_vcpu.h"

namespace twin86::jit {

namespace {
constexpr u64 kStackSize = 64 * KiB;
}

Result<std::unique_ptr<FrameMemory>> FrameMemory::create() {
    const u64 frame_size = align_up(sizeof(JitFrame), kPageSize);
    std::unique_ptr<FrameMemory> m(new FrameMemory);
    m->size_ = kPageSize + kStackSize + frame_size + kPageSize;
    void* base = mmap(nullptr, m->size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return error("cannot reserve memory for a virtual processor: {}", std::strerror(errno));
    m->base_ = static_cast<u8*>(base);
    if (mprotect(m->base_ + kPageSize, kStackSize + frame_size, PROT_READ | PROT_WRITE) != 0)
        return error("cannot allocate memory for a virtual processor: {}", std::strerror(errno));
    m->frame_ = new (m->base_ + kPageSize + kStackSize) JitFrame();
    return m;
}

FrameMemory::~FrameMemory() {
    if (base_ != nullptr) munmap(base_, size_);
}

}  // namespace twin86::jit
