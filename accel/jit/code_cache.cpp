#include "accel/jit/code_cache.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/bits.h"

namespace twin86::jit {

Result<std::unique_ptr<CodeCache>> CodeCache::create(u64 size) {
    const int fd = memfd_create("twin86-code", MFD_CLOEXEC);
    if (fd < 0) return error("cannot create the code cache: {}", std::strerror(errno));
    std::unique_ptr<CodeCache> cache(new CodeCache);
    cache->size_ = size;
    cache->cold_ = size / 2;
    void* rw = MAP_FAILED;
    void* rx = MAP_FAILED;
    if (ftruncate(fd, static_cast<off_t>(size)) == 0) {
        rw = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        rx = mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
    }
    const int why = errno;
    close(fd);
    if (rw != MAP_FAILED) cache->rw_ = static_cast<u8*>(rw);
    if (rx != MAP_FAILED) cache->rx_ = static_cast<u8*>(rx);
    if (rw == MAP_FAILED || rx == MAP_FAILED)
        return error("cannot map a code cache of {} MiB: {} (a smaller one: -accel jit,code-size=N)", size / MiB,
                     std::strerror(why));
    madvise(rw, size, MADV_DONTDUMP);
    madvise(rx, size, MADV_DONTDUMP);
    return cache;
}

CodeCache::~CodeCache() {
    if (rw_ != nullptr) munmap(rw_, size_);
    if (rx_ != nullptr) munmap(rx_, size_);
}

void CodeCache::commit(std::span<const u8> hot, std::span<const u8> cold) {
    CHECK(hot.size() <= room() && cold.size() <= room(), "{} and {} bytes of code, {} left", hot.size(), cold.size(), room());
    std::copy(hot.begin(), hot.end(), rw_ + hot_);
    std::copy(cold.begin(), cold.end(), rw_ + cold_);
    hot_ += hot.size();
    cold_ += cold.size();
}

}  // namespace twin86::jit
