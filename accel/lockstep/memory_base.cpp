#include "accel/lockstep/memory_base.h"

#include <algorithm>
#include <cstring>

namespace twin86 {

Result<std::unique_ptr<MemoryBase>> MemoryBase::create(PhysMap& phys) {
    auto copy = HostPages::create(phys.pages().count * kPageSize, "the copy of guest memory of -accel lockstep");
    if (!copy) return copy.failure();
    return std::unique_ptr<MemoryBase>(new MemoryBase(phys, copy.take()));
}

MemoryBase::MemoryBase(PhysMap& phys, HostPages copy) : phys_(phys), copy_(std::move(copy)) {
    phys_.add_listener(*this);
}

MemoryBase::~MemoryBase() {
    phys_.remove_listener(*this);
}

void MemoryBase::range_remapped(Gpa, u64) {
    remapped_ = true;
}

void MemoryBase::sync() {
    dma_writes_ = phys_.dma_writes();
    const bool all = remapped_.exchange(false);
    if (all) find_ranges();
    const std::vector<Gpa> pages = take_written();
    if (all) return copy_all();
    for (const Gpa page : pages) accept(page);
}

void MemoryBase::find_ranges() {
    ranges_.clear();
    for (const HostRange& r : phys_.host_ranges())
        if (r.writable) ranges_.push_back({r.base, r.size, r.name == "ram"});
}

/// What is equal is only read: pages that neither side has used stay uncommitted here.
void MemoryBase::copy_all() {
    for (const Range& r : ranges_)
        for (Gpa page = r.base; page < r.base + r.size; page += kPageSize)
            if (std::memcmp(was(page), is(page), kPageSize) != 0) accept(page);
}

std::vector<Gpa> MemoryBase::take_written() {
    std::vector<Gpa> pages;
    for (const Range& r : ranges_) phys_.take_dirty(r.base, r.size, kPageDirtyCompare, pages);
    return pages;
}

bool MemoryBase::is_system(Gpa page) const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [page](const Range& r) { return page - r.base < r.size && r.system; });
}

/// Byte by byte in pages with code, so that only the translations of what changes go.
void MemoryBase::put(Gpa page, const u8* contents) {
    u8* const to = phys_.ram_page(page);
    if (to == nullptr || std::memcmp(to, contents, kPageSize) == 0) return;
    if ((phys_.pages().entry(page) & kPageHasCode) == 0) return (void)std::memcpy(to, contents, kPageSize);
    for (u64 at = 0; at < kPageSize; ++at) {
        const u64 from = at;
        while (at < kPageSize && to[at] != contents[at]) ++at;
        if (at == from) continue;
        std::memcpy(to + from, contents + from, at - from);
        phys_.written(page + from, at - from);
    }
}

void MemoryBase::accept(Gpa page) {
    if (const u8* const now = is(page)) std::memcpy(copy_.base() + page, now, kPageSize);
}

}  // namespace twin86
