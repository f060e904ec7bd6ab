// Windows: what each of them maps.
#include <algorithm>

#include "base/bits.h"
#include "base/check.h"
#include "mmu/windows.h"

namespace twin86 {

namespace {
constexpr u64 kChunk = 2 * MiB;
constexpr u32 kNeighbours = 16;
}  // namespace

unsigned Windows::index_of(const Window& window) const {
    return static_cast<unsigned>(&window - windows_.data());
}

u64 Windows::host_of(const Window& window, Gva address) const {
    return area_->base(index_of(window)) + (address & (WindowArea::kRegionSize - 1));
}

Windows::RunIterator Windows::find(Window& window, Gva address) {
    auto at = window.runs.upper_bound(address);
    if (at == window.runs.begin()) return window.runs.end();
    --at;
    return address - at->first < at->second.bytes() ? at : window.runs.end();
}

/// RAM of the file that windows show, not device memory or ROM.
bool Windows::in_ram(Gpa page) const {
    const u64 entry = phys_.pages().entry(page);
    const GuestRam& ram = phys_.ram();
    return page_is_ram(entry) && static_cast<u64>(page_host(entry) - ram.base()) < ram.size();
}

bool Windows::lies_at(Gpa page, Hva host) const {
    return in_ram(page) && page_host(phys_.pages().entry(page)) == host;
}

/// `address` is page-aligned and the guest's page tables allow the access.
bool Windows::show(Window& window, Gva address, const Translation& page, bool write, const PagingContext& context) {
    const Gpa physical = page.physical & kPageMask;
    if (!in_ram(physical)) return false;
    phys_.pages().ram.touch(page_host(phys_.pages().entry(physical)));
    if (const auto old = find(window, address); old != window.runs.end()) {
        // Of several small pages only the one that is written is known to be dirty.
        const bool split = write && !old->second.writable && old->second.pages > 1 && page.page_size < kChunk;
        if (!split && old->second.physical + (address - old->first) == physical)
            return renew(window, old, address, write, page.writable);
        unmap(window, old);
    }
    const auto [start, run] = run_around(address, page, context);
    unmap_range(window, start, run.bytes());
    if (!map(window, start, run)) return false;
    return !write || !(phys_.pages().entry(physical) & kPageHasCode);
}

/// The page is shown already: it became writable, or its write protection was lifted.
bool Windows::renew(Window& window, RunIterator run, Gva address, bool write, bool may_write) {
    if (!write) return true;
    if (!may_write) return false;
    if (!run->second.writable) {
        run->second.writable = true;
        make_writable(window, run->first, run->second);
    }
    const Gpa physical = run->second.physical + (address - run->first);
    const u64 entry = phys_.pages().entry(physical);
    if (entry & kPageHasCode) return false;
    phys_.pages().mark_dirty(physical, entry);
    return area_->protect(host_of(window, address), kPageSize, true);
}

/// What one mapping can show: with a large page the 2 MiB that lie together in host memory too.
std::pair<Gva, Windows::Run> Windows::run_around(Gva address, const Translation& page,
                                                 const PagingContext& context) const {
    if (page.page_size < kChunk) return neighbours(address, page, context);
    const Gpa physical = page.physical & kPageMask, first = align_down(physical, kChunk);
    const std::pair<Gva, Run> one{address, {physical, 1, page.writable}};
    if (!in_ram(first)) return one;
    const Hva host = page_host(phys_.pages().entry(first));
    for (u64 at = 0; at < kChunk; at += kPageSize)
        if (!lies_at(first + at, host + at)) return one;
    return {align_down(address, kChunk), {first, kChunk / kPageSize, page.writable}};
}

/// Small pages behind this one that the guest has used already and that lie behind it in memory too.
std::pair<Gva, Windows::Run> Windows::neighbours(Gva address, const Translation& page,
                                                 const PagingContext& context) const {
    const Gpa physical = page.physical & kPageMask;
    const Hva host = page_host(phys_.pages().entry(physical));
    u32 pages = 1;
    for (; pages < kNeighbours; ++pages) {
        const u64 at = pages * kPageSize;
        if (((physical + at) & (kChunk - 1)) == 0 || ((address + at) & (kChunk - 1)) == 0) break;
        const WalkResult next = peek(context, phys_.pages(), address + at);
        const bool same = next.ok && next.page.physical == physical + at && next.page.accessed && next.page.readable &&
                          next.page.writable == page.writable && next.page.user == page.user &&
                          next.page.global == page.global && next.page.page_size == kPageSize;
        if (!same || !lies_at(physical + at, host + at)) break;
    }
    return {address, {physical, pages, page.writable}};
}

bool Windows::map(Window& window, Gva start, const Run& run) {
    const u64 offset = static_cast<u64>(page_host(phys_.pages().entry(run.physical)) - phys_.ram().base());
    if (!area_->map(host_of(window, start), run.bytes(), offset, run.writable)) return false;
    window.runs.emplace(start, run);
    by_chunk_[run.physical / kChunk].push_back({index_of(window), start});
    ++runs_;
    ++counters_.runs;
    if (run.writable) watch_code(window, start, run);
    return true;
}

void Windows::make_writable(const Window& window, Gva start, const Run& run) {
    if (!area_->protect(host_of(window, start), run.bytes(), true)) return;  // its writes take the other way
    watch_code(window, start, run);
}

/// After writes were allowed: no page is clean any more, and those whose writes must be seen are protected again.
void Windows::watch_code(const Window& window, Gva start, const Run& run) {
    const u64 host = host_of(window, start);
    for (u64 at = 0; at < run.bytes(); at += kPageSize) {
        phys_.pages().mark_dirty(run.physical + at, phys_.pages().entry(run.physical + at));
        if (phys_.pages().entry(run.physical + at) & kPageHasCode) forbid_writes(host + at, kPageSize);
    }
}

void Windows::unmap(Window& window, RunIterator run) {
    unmap(window, run, std::next(run));
}

/// Runs that follow each other, by one system call.
void Windows::unmap(Window& window, RunIterator first, RunIterator end) {
    if (first == end) return;
    const RunIterator last = std::prev(end);
    const u64 bytes = last->first + last->second.bytes() - first->first;
    CHECK(area_->unmap(host_of(window, first->first), bytes), "host mappings: {} runs, {} splits", runs_, splits_);
    for (auto run = first; run != end; run = window.runs.erase(run)) {
        forget_place(window, run);
        --runs_;
        ++counters_.unmapped;
    }
    policy_of(window).spend(WindowPolicy::kUnmapNs);
}

void Windows::forget_place(const Window& window, RunIterator run) {
    const unsigned index = index_of(window);
    std::erase_if(by_chunk_[run->second.physical / kChunk],
                  [index, at = run->first](const RunAt& r) { return r.window == index && r.start == at; });
}

void Windows::unmap_range(Window& window, Gva start, u64 size) {
    for (;;) {
        auto run = find(window, start);
        if (run == window.runs.end()) run = window.runs.lower_bound(start);
        if (run == window.runs.end() || (run->first > start && run->first - start >= size)) return;
        unmap(window, run);
    }
}

/// One system call for the whole window.
void Windows::unmap_all(Window& window) {
    if (window.runs.empty()) return;
    const unsigned index = index_of(window);
    CHECK(area_->unmap(area_->base(index), WindowArea::kRegionSize), "host mappings: {} runs, {} splits", runs_,
          splits_);
    for (const auto& [start, run] : window.runs)
        std::erase_if(by_chunk_[run.physical / kChunk], [index](const RunAt& r) { return r.window == index; });
    runs_ -= window.runs.size();
    counters_.unmapped += window.runs.size();
    window.runs.clear();
}

bool Windows::still_right(const Window& window, Gva start, const Run& run, const PagingContext& context) const {
    const bool kernel = window.space == nullptr;
    for (u64 at = 0; at < run.bytes();) {
        const WalkResult walk = peek(context, phys_.pages(), start + at);
        const Translation& page = walk.page;
        if (!walk.ok || page.physical != run.physical + at || !page.accessed || !belongs(kernel, page)) return false;
        if (!page.readable || (run.writable && !page.writable)) return false;
        at += page.page_size >= kChunk ? kChunk : kPageSize;
    }
    return true;
}

/// After a flush: keeps what the page tables still say. What lies between two runs that stay goes by one system call.
void Windows::refresh(Window& window, const PagingContext& context) {
    policy_of(window).spend(WindowPolicy::kCheckNs * window.runs.size());
    auto wrong = window.runs.begin();  // the first of a row, up to `run`
    for (auto run = wrong; run != window.runs.end(); ++run) {
        if (!still_right(window, run->first, run->second, context)) continue;
        ++counters_.kept;
        unmap(window, wrong, run);
        wrong = std::next(run);
    }
    unmap(window, wrong, window.runs.end());
}

/// Calls f(window, run, base, size) for the part of each run that lies in [base, +size). f may unmap the run.
template <class F>
void Windows::for_runs_of(Gpa base, u64 size, F f) {
    for (u64 chunk = base / kChunk; chunk <= (base + size - 1) / kChunk; ++chunk) {
        const auto found = by_chunk_.find(chunk);
        if (found == by_chunk_.end()) continue;
        std::vector<std::pair<Window*, RunIterator>> hit;
        for (const RunAt& at : found->second) {
            Window& w = windows_[at.window];
            const auto run = w.runs.find(at.start);
            if (run->second.physical < base + size && base < run->second.physical + run->second.bytes())
                hit.emplace_back(&w, run);
        }
        for (const auto& [w, run] : hit) {
            const Gpa first = std::max(base, run->second.physical);
            f(*w, run, first, std::min(base + size, run->second.physical + run->second.bytes()) - first);
        }
    }
}

/// This must not fail, or code would change unseen: the budget of mappings sees to it.
void Windows::forbid_writes(u64 host, u64 size) {
    CHECK(area_->protect(host, size, false), "host mappings: {} runs, {} splits", runs_, splits_);
    ++splits_;
}

/// Other memory than RAM is never shown: its pages may be protected by other threads.
void Windows::protect(Gpa base, u64 size) {
    for (; size > 0 && !in_ram(base); size -= kPageSize) base += kPageSize;
    if (size == 0) return;
    if (mappings() >= budget_) return clear();
    for_runs_of(base, size, [&](Window& w, RunIterator run, Gpa first, u64 bytes) {
        if (!run->second.writable) return;
        forbid_writes(host_of(w, run->first + (first - run->second.physical)), bytes);
        ++counters_.protected_pages;
    });
}

void Windows::forget(Gpa base, u64 size) {
    for_runs_of(base, size, [&](Window& w, RunIterator run, Gpa, u64) { unmap(w, run); });
}

}  // namespace twin86
