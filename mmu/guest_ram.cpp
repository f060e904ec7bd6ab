#include "mmu/guest_ram.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/bits.h"

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

u64 free_huge_pages(u64 page_size) {
    u64 count = 0;
    std::ifstream(fmt::format("/sys/kernel/mm/hugepages/hugepages-{}kB/free_hugepages", page_size / KiB)) >> count;
    return count;
}

Error pool_error(u64 size, u64 page_size) {
    return error(
        "cannot reserve {} in huge pages of {}: the host has {} of {} free (echo {} "
        "> /sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages as root, or hugetlb=off)",
        megabytes(size), megabytes(page_size), free_huge_pages(page_size), size / page_size, size / page_size,
        page_size / KiB);
}

Result<UniqueFd> memory_file(const RamBacking& backing) {
    const unsigned log2 = backing.huge_page_size != 0 ? static_cast<unsigned>(std::countr_zero(backing.huge_page_size)) : 0;
    UniqueFd fd(memfd_create("twin86-ram", MFD_CLOEXEC | (backing.huge ? MFD_HUGETLB | log2 << MAP_HUGE_SHIFT : 0)));
    if (fd) return fd;
    if (!backing.huge) return error("cannot create guest memory: memfd_create: {}", std::strerror(errno));
    return error("this host has no huge pages of that size: {} (ls /sys/kernel/mm/hugepages lists them; or hugetlb=off)",
                 std::strerror(errno));
}

/// Bytes that a page of the file has: the unit in which it can be mapped.
u64 file_page_size(int fd, bool huge) {
    struct stat s {};
    return huge && fstat(fd, &s) == 0 ? static_cast<u64>(s.st_blksize) : kPageSize;
}

Status set_size(int fd, u64 size) {
    // ftruncate beyond the limit would raise SIGXFSZ instead of failing.
    if (const u64 limit = soft_limit(RLIMIT_FSIZE); size > limit)
        return error("cannot create {} of guest memory: files are limited to {} (raise 'ulimit -f')", megabytes(size), megabytes(limit));
    if (ftruncate(fd, static_cast<off_t>(size)) == 0) return {};
    return error("cannot create {} of guest memory: {} (use a smaller -m)", megabytes(size), std::strerror(errno));
}

/// Maps the file where huge pages of it, its own or the host's gatherings, can be huge pages in memory.
void* map_aligned(u64 size, u64 alignment, int flags, int fd) {
    const u64 reserved = size + alignment;
    void* const start = mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return start;
    const u64 first = reinterpret_cast<u64>(start), base = align_up(first, alignment);
    void* const mapped = mmap(reinterpret_cast<void*>(base), size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
    const int why = errno;
    const u64 end = mapped == MAP_FAILED ? base : base + size;  // nothing is kept where it failed
    if (base > first) munmap(start, base - first);
    munmap(reinterpret_cast<void*>(end), first + reserved - end);
    errno = why;
    return mapped;
}

Status lock_pages(void* base, u64 size) {
    if (mlock(base, size) == 0) return {};
    const int cause = errno;
    const u64 limit = soft_limit(RLIMIT_MEMLOCK);
    const std::string remedy = limit < size ? fmt::format("the limit is {} KiB: raise 'ulimit -l'", limit / KiB) : "use a smaller -m";
    return error("cannot lock {} of guest memory: {} ({})", megabytes(size), std::strerror(cause), remedy);
}

}  // namespace

Result<GuestRam> GuestRam::create(u64 size, const RamBacking& backing) {
    if (size == 0 || size % kPageSize != 0) return error("guest memory of {} bytes: the size must be a positive multiple of 4 KiB", size);
    auto fd = memory_file(backing);
    if (!fd) return fd.failure();
    const u64 page_size = file_page_size(fd->get(), backing.huge);
    if (size % page_size != 0)
        return error("guest memory of {} KiB in huge pages of {}: -m must be a multiple of them", size / KiB, megabytes(page_size));
    if (const Status s = set_size(fd->get(), size); !s) return s.failure();
    // Huge pages are reserved now: one that is missing later would kill the process.
    const int flags = MAP_SHARED | (backing.huge ? 0 : MAP_NORESERVE);
    void* const base = map_aligned(size, std::max(page_size, RamGranules::kSize), flags, fd->get());
    if (base == MAP_FAILED) return backing.huge && errno == ENOMEM ? pool_error(size, page_size) : reservation_error(size, "guest memory", errno);
    GuestRam ram(static_cast<Hva>(base), size, page_size, fd.take(), backing.huge || backing.prealloc || backing.locked);
    keep_out_of_core_dumps(base, size);
    ram.gathered_.assign(size / RamGranules::kSize, 0);
    if (backing.prealloc && fallocate(ram.fd(), 0, 0, static_cast<off_t>(size)) != 0)
        return error("cannot allocate {} of guest memory: {} (use a smaller -m)", megabytes(size), std::strerror(errno));
    if (backing.locked)
        if (const Status s = lock_pages(base, size); !s) return s.failure();
    return ram;
}

GuestRam::GuestRam(GuestRam&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), size_(std::exchange(other.size_, 0)),
      page_size_(other.page_size_), fd_(std::move(other.fd_)), gathered_(std::move(other.gathered_)), kept_(other.kept_) {}

GuestRam& GuestRam::operator=(GuestRam&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    std::swap(page_size_, other.page_size_);
    std::swap(fd_, other.fd_);
    std::swap(gathered_, other.gathered_);
    std::swap(kept_, other.kept_);
    return *this;
}

GuestRam::~GuestRam() { release(); }

void GuestRam::release() {
    if (base_ != nullptr) munmap(base_, size_);
}

void GuestRam::clear() {
    std::fill(gathered_.begin(), gathered_.end(), u8{0});
    constexpr int kGiveBack = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (kept_ || fallocate(fd(), kGiveBack, 0, static_cast<off_t>(size_)) != 0) std::memset(base_, 0, size_);
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
