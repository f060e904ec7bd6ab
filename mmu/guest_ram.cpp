#include "mmu/guest_ram.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace twin86 {

namespace {

std::string megabytes(u64 bytes) { return fmt::format("{} MiB", bytes / MiB); }

u64 soft_limit(__rlimit_resource_t resource) {
    rlimit limit{};
    return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

/// Why mmap failed and what to do about it.
Error reservation_error(u64 size, const char* purpose, int cause) {
    const u64 limit = soft_limit(RLIMIT_AS);
    if (cause == ENOMEM && limit != RLIM_INFINITY)
        return error("cannot reserve {} for {}: the address space is limited to {} (raise 'ulimit -v' or use a smaller -m)",
                     megabytes(size), purpose, megabytes(limit));
    if (cause == ENOMEM) return error("cannot reserve {} for {}: too much memory for this host (use a smaller -m)", megabytes(size), purpose);
    return error("cannot reserve {} for {}: {}", megabytes(size), purpose, std::strerror(cause));
}

/// Only advice: a kernel without it still works.
void keep_out_of_core_dumps(void* at, u64 size) { (void)madvise(at, size, MADV_DONTDUMP); }

}  // namespace

Result<GuestRam> GuestRam::create(u64 size) {
    if (size == 0 || size % kPageSize != 0) return error("guest memory of {} bytes: the size must be a positive multiple of 4 KiB", size);
    // ftruncate beyond the limit would raise SIGXFSZ instead of failing.
    if (const u64 limit = soft_limit(RLIMIT_FSIZE); size > limit)
        return error("cannot create {} of guest memory: files are limited to {} (raise 'ulimit -f')", megabytes(size), megabytes(limit));

    const int fd = memfd_create("twin86-ram", MFD_CLOEXEC);
    if (fd < 0) return error("cannot create guest memory: memfd_create: {}", std::strerror(errno));
    if (ftruncate(fd, static_cast<off_t>(size)) != 0) {
        const int cause = errno;
        close(fd);
        return error("cannot create {} of guest memory: {} (use a smaller -m)", megabytes(size), std::strerror(cause));
    }
    void* const base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED) {
        const int cause = errno;
        close(fd);
        return reservation_error(size, "guest memory", cause);
    }
    keep_out_of_core_dumps(base, size);
    return GuestRam(static_cast<Hva>(base), size, fd);
}

GuestRam::GuestRam(GuestRam&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0)), fd_(std::exchange(other.fd_, -1)) {}

GuestRam& GuestRam::operator=(GuestRam&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    std::swap(fd_, other.fd_);
    return *this;
}

GuestRam::~GuestRam() { release(); }

void GuestRam::release() {
    if (base_ != nullptr) munmap(base_, size_);
    if (fd_ >= 0) close(fd_);
}

void GuestRam::clear() {
    const int result = fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size_));
    if (result != 0) std::memset(base_, 0, size_);
}

Result<HostPages> HostPages::create(u64 size, const char* purpose) {
    void* const base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return reservation_error(size, purpose, errno);
    keep_out_of_core_dumps(base, size);
    return HostPages(static_cast<Hva>(base), size);
}

HostPages::HostPages(HostPages&& other) noexcept : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0)) {}

HostPages& HostPages::operator=(HostPages&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    return *this;
}

HostPages::~HostPages() {
    if (base_ != nullptr) munmap(base_, size_);
}

}  // namespace twin86
