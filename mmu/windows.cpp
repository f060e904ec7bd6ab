#include "mmu/windows.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/host_time.h"

namespace twin86 {

namespace {

constexpr u64 kUserWaitNs = 150'000'000;
constexpr u64 kKernelWaitNs = 0;
// A kernel that boots touches all that it has for the first time, which says nothing about what comes: with the grace of
// processes half of all boots of Linux went on without windows, at twice the cost of a system call.
constexpr u64 kKernelGraceNs = 300'000'000;
constexpr u64 kLongestSampleNs = 20'000'000;
constexpr u64 kNoFlushBit = u64{1} << 63;
constexpr u64 kPcidMask = 0xfff;
constexpr u64 kCr4Pcide = 1 << 17;

bool kernel_half(Gva address) {
    return address >> 63;
}
bool kernel_region(unsigned region) {
    return region >= WindowTables::kRegions / 2;
}

/// The canonical address where a region begins.
Gva region_base(unsigned region) {
    constexpr unsigned kUnused = 64 - 48;
    return static_cast<Gva>(static_cast<i64>(static_cast<u64>(region) << (WindowArea::kRegionShift + kUnused)) >>
                            kUnused);
}

/// What this process may still map when windows have taken their share. Linux, Documentation/admin-guide/sysctl/vm.rst.
u64 mapping_budget() {
    constexpr u64 kUsualLimit = 65'530, kForOthers = 12'000;
    u64 limit = kUsualLimit;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit > 2 * kForOthers ? limit - kForOthers : kForOthers;
}

}  // namespace

std::unique_ptr<Windows> Windows::create(PhysMap& phys, const WindowTables& tables, bool always) {
    if (phys.ram().page_size() != kPageSize) return nullptr;  // huge pages cannot be shown one guest page at a time
    auto area = WindowArea::reserve(kWindows, phys.ram().fd());
    if (area == nullptr) return nullptr;
    return std::unique_ptr<Windows>(new Windows(phys, tables, always, std::move(area)));
}

Windows::Windows(PhysMap& phys, const WindowTables& tables, bool always, std::unique_ptr<WindowArea> area)
    : phys_(phys),
      tables_(tables),
      always_(always),
      area_(std::move(area)),
      budget_(mapping_budget()),
      windows_(area_->count()),
      kernel_policy_(kKernelWaitNs, always, kKernelGraceNs) {
    windows_[WindowArea::kEmptyWindow].used = true;
    Window empty;
    for (empty.region = 0; empty.region < WindowTables::kRegions; ++empty.region)
        set_delta(empty, WindowArea::kEmptyWindow, false);
}

Windows::~Windows() = default;

// --- address spaces ---

Windows::Space& Windows::space_of(u64 cr3) {
    auto& slot = spaces_[cr3];
    if (slot == nullptr)
        slot = std::make_unique<Space>(Space{.cr3 = cr3, .policy = WindowPolicy(kUserWaitNs, always_)});
    return *slot;
}

void Windows::switch_space(const PagingContext& context, bool stale) {
    const Space* const left = current_;
    hide_space();
    if (spaces_.size() >= kMaxSpaces) {
        current_ = nullptr;
        const auto oldest = std::min_element(spaces_.begin(), spaces_.end(), [](const auto& a, const auto& b) {
            return a.second->entered < b.second->entered;
        });
        release_space(*oldest->second);
        spaces_.erase(oldest);
    }
    current_ = &space_of(context.cr3 & ~kNoFlushBit);
    current_->entered = ++entries_;
    current_->stale |= stale;
    // A guest with PCIDs that comes from elsewhere and keeps nothing has probably put another program there: what was too dear
    // for the last one says nothing.
    const WindowPolicy& policy = current_->policy;
    if (stale && current_ != left && !policy.on() && policy.gave_up() && (context.cr4 & kCr4Pcide))
        current_->policy = WindowPolicy(kUserWaitNs, always_);
    // What the guest flushed is the PCID, whose address it may have been before: SDM vol. 3, 4.10.4.1.
    if (stale && (context.cr4 & kCr4Pcide)) mark_stale(current_->cr3 & kPcidMask);
    if (current_->stale) refresh(*current_, context);
    show_space();
}

/// Its windows into the tables of user accesses.
void Windows::show_space() {
    if (current_ == nullptr) return;
    for (const unsigned index : current_->windows) set_delta(windows_[index], index, true);
}

void Windows::hide_space() {
    if (current_ == nullptr) return;
    for (const unsigned index : current_->windows) set_delta(windows_[index], index, false);
}

void Windows::set_delta(const Window& window, unsigned index, bool shown) {
    const u64 delta = area_->base(shown ? index : WindowArea::kEmptyWindow) - region_base(window.region);
    const u64 empty = area_->base(WindowArea::kEmptyWindow) - region_base(window.region);
    const bool kernel = kernel_region(window.region);
    tables_.user[window.region] = kernel ? empty : delta;
    tables_.supervisor[window.region] = kernel ? delta : empty;
    tables_.supervisor_ac[window.region] = delta;
}

void Windows::refresh(Space& space, const PagingContext& context) {
    space.stale = false;
    PagingContext user = context;
    user.user = true;
    user.cr3 = space.cr3;
    bool shows = false;
    for (const unsigned index : space.windows) {
        refresh(windows_[index], user);
        shows |= !windows_[index].runs.empty();
    }
    // Nothing of it is left: another program has got the page of the tables' root.
    if (!shows && !space.windows.empty()) {
        release_space(space);
        space.policy = WindowPolicy(kUserWaitNs, always_);
    }
}

/// Address spaces that are not current are looked through when they are entered.
void Windows::mark_stale(u64 pcid) {
    for (const auto& [cr3, space] : spaces_)
        if ((cr3 & kPcidMask) == pcid) space->stale = true;
}

void Windows::flush_pcid(unsigned pcid, const PagingContext& context) {
    mark_stale(pcid);
    if (current_ != nullptr && current_->stale) refresh(*current_, context);
}

void Windows::flush_non_global(const PagingContext& context) {
    for (const auto& [cr3, space] : spaces_) space->stale = true;
    if (current_ != nullptr) refresh(*current_, context);
}

void Windows::flush_all(const PagingContext& context) {
    flush_non_global(context);
    PagingContext kernel = context;
    kernel.user = kernel.smap_override = false;
    for (Window& w : windows_)
        if (w.used && w.space == nullptr) refresh(w, kernel);
}

void Windows::flush_page(Gva address) {
    for (unsigned index = WindowArea::kEmptyWindow + 1; index < windows_.size(); ++index) {
        Window& w = windows_[index];
        if (!w.used || w.region != WindowArea::region_of(address) || (w.space != nullptr && w.space != current_))
            continue;
        if (const auto run = find(w, address); run != w.runs.end()) unmap(w, run);
    }
}

// --- windows ---

/// Kernel-half windows show global supervisor pages, the others user pages.
bool Windows::belongs(bool kernel, const Translation& page) {
    return kernel ? !page.user && page.global : page.user;
}

WindowPolicy& Windows::policy_of(const Window& window) {
    return window.space != nullptr ? window.space->policy : kernel_policy_;
}

std::optional<Gva> Windows::linear(u64 host) const {
    if (!area_->contains(host)) return std::nullopt;
    const unsigned index = area_->window_of(host);
    const u64 offset = host - area_->base(index);
    if (index == WindowArea::kEmptyWindow || !windows_[index].used || offset >= WindowArea::kRegionSize)
        return std::nullopt;
    return region_base(windows_[index].region) + offset;
}

Windows::Window* Windows::window_for(Gva address) {
    const unsigned region = WindowArea::region_of(address);
    Space* const space = kernel_half(address) ? nullptr : current_;
    for (unsigned index = WindowArea::kEmptyWindow + 1; index < windows_.size(); ++index) {
        Window& w = windows_[index];
        if (w.used && w.region == region && w.space == space) return &w;
    }
    const unsigned index = free_window();
    if (index == WindowArea::kEmptyWindow) return nullptr;
    Window& fresh = windows_[index];
    fresh.used = true;
    fresh.space = space;
    fresh.region = region;
    if (space != nullptr) space->windows.push_back(index);
    set_delta(fresh, index, true);
    return &fresh;
}

/// An unused window; when there is none, the address space that was entered longest ago gives up its own.
unsigned Windows::free_window() {
    const auto unused = [](const Window& w) { return !w.used; };
    auto at = std::find_if(windows_.begin(), windows_.end(), unused);
    if (at == windows_.end()) {
        Space* oldest = nullptr;
        for (const auto& [cr3, space] : spaces_)
            if (space.get() != current_ && !space->windows.empty() &&
                (oldest == nullptr || space->entered < oldest->entered))
                oldest = space.get();
        if (oldest == nullptr) return WindowArea::kEmptyWindow;
        release_space(*oldest);
        at = std::find_if(windows_.begin(), windows_.end(), unused);
    }
    return static_cast<unsigned>(at - windows_.begin());
}

void Windows::release(unsigned index) {
    Window& w = windows_[index];
    unmap_all(w);
    if (w.space == nullptr || w.space == current_) set_delta(w, index, false);
    w.used = false;
    w.space = nullptr;
}

void Windows::release_space(Space& space) {
    for (const unsigned index : space.windows) release(index);
    space.windows.clear();
}

void Windows::clear() {
    for (unsigned index = WindowArea::kEmptyWindow + 1; index < windows_.size(); ++index)
        if (windows_[index].used) release(index);
    for (const auto& [cr3, space] : spaces_) space->windows.clear();
    splits_ = 0;
    ++counters_.clears;
}

Windows::FillResult Windows::fill(Gva address, bool write, const PagingContext& context) {
    const bool kernel = kernel_half(address);
    if (kernel ? !kernel_shown() : !user_shown()) return {Fill::kNotHere};
    const u64 start = monotonic_ns(), clears = counters_.clears;
    FillResult result = fill_shown(address, write, context);
    // What the access rests on (a delta in a register) may be another window's soon.
    if (clears != counters_.clears && result.what == Fill::kShown) result = {Fill::kNotHere};
    const u64 spent = monotonic_ns() - start + WindowPolicy::kSignalNs;
    if (kernel)
        kernel_policy_.spend(spent);
    else if (current_ != nullptr)
        current_->policy.spend(spent);
    return result;
}

/// The same in a half that has windows.
Windows::FillResult Windows::fill_shown(Gva address, bool write, const PagingContext& context) {
    const bool kernel = kernel_half(address);
    if (mappings() >= budget_) clear();
    PagingContext as = context;
    as.user = !kernel;
    as.smap_override = false;
    PagingMemory memory(phys_.pages());
    const WalkResult walk = translate(as, memory, address, write ? Access::kWrite : Access::kRead);
    if (memory.code_touched() != PagingMemory::kNone) phys_.written(memory.code_touched(), 8);
    if (!walk.ok) return {Fill::kDenied, walk.error_code, address};
    if (!belongs(kernel, walk.page)) return {Fill::kNotHere};
    Window* const window = window_for(address);
    if (window == nullptr) return {Fill::kNotHere};
    ++counters_.fills;
    policy_of(*window).spend(WindowPolicy::kHostFaultNs);
    const bool shown = show(*window, address & kPageMask, walk.page, write, as);
    return {shown ? Fill::kShown : Fill::kNotHere, 0, address, walk.page.physical};
}

void Windows::sample(bool user, u64 now_ns, const WindowWork& so_far) {
    const u64 passed = std::min(now_ns - std::exchange(sampled_ns_, now_ns), kLongestSampleNs);
    const WindowWork work = so_far - std::exchange(sampled_, so_far);
    if (!user) {
        kernel_policy_.ran(passed);
    } else if (current_ != nullptr && current_->policy.ran(passed, work)) {
        if (current_->policy.on())
            ++counters_.spaces;
        else
            release_space(*current_);
    }
}

}  // namespace twin86
