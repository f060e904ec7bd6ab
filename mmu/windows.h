// Windows: guest address spaces shown in the host's own page tables, so that translated code reaches guest memory by an
// addition. Translated code indexes a table of 512 deltas with bits 47:39 of a linear address.
//
// Windows are filled on faults and behave like a TLB (SDM vol. 3, 4.10): what they show may be older than the guest's
// page tables until the guest flushes. A flush does not empty them: what still agrees with the page tables stays.
// Kernel-half windows show global supervisor pages and belong to all address spaces; user-half windows show user pages
// of one. All else (MMIO, ROM, other rights) is never shown: the access faults on the host and takes another way.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "mmu/page_walk.h"
#include "mmu/phys_map.h"
#include "mmu/window_area.h"
#include "mmu/window_policy.h"
#include "mmu/window_tables.h"

namespace twin86 {

class Windows {
  public:
    /// Null when the host gives no address space for it, or RAM is in huge pages. `always`: no policy, everything is shown at once.
    static std::unique_ptr<Windows> create(PhysMap& phys, const WindowTables& tables, bool always);
    ~Windows();

    bool user_shown() const { return current_ != nullptr && current_->policy.on(); }
    bool kernel_shown() const { return kernel_policy_.on(); }

    /// `context.cr3` is the address space from now on. `stale`: translations that it had may have changed.
    void switch_space(const PagingContext& context, bool stale);
    // The guest flushed translations: of one PCID, of all, all non-global ones, of one page in the current space.
    void flush_pcid(unsigned pcid, const PagingContext& context);
    void flush_non_global(const PagingContext& context);
    void flush_all(const PagingContext& context);
    void flush_page(Gva address);

    enum class Fill : u8 {
        kShown,    ///< the access can be made again
        kNotHere,  ///< no window may show it, or its writes must be seen
        kDenied,   ///< the guest's page tables deny it: #PF with `error_code`
    };
    struct FillResult {
        Fill what;
        u32 error_code = 0;
        Gva address = 0;  ///< of the fault
        Gpa physical = 0;  ///< kShown: where that is
    };
    /// For an access that faulted on the host.
    FillResult fill(Gva address, bool write, const PagingContext& context);
    /// The linear address that a host address in a window stands for.
    std::optional<Gva> linear(u64 host) const;

    // The physical map's events.
    void protect(Gpa base, u64 size);
    void forget(Gpa base, u64 size);
    /// Empties everything.
    void clear();

    /// Time passed in the current address space (`user`) or the kernel: what is worth a window. `so_far` since the start.
    void sample(bool user, u64 now_ns, const WindowWork& so_far);

    struct Counters {
        u64 fills = 0, runs = 0, unmapped = 0, kept = 0, protected_pages = 0, spaces = 0, clears = 0;
    };
    const Counters& counters() const { return counters_; }

  private:
    FillResult fill_shown(Gva address, bool write, const PagingContext& context);
    /// Pages that one host mapping shows; never beyond a 2 MiB boundary of guest physical memory.
    struct Run {
        Gpa physical;
        u32 pages;
        bool writable;  ///< but for pages with translated code
        u64 bytes() const { return pages * kPageSize; }
    };
    struct Space;
    struct Window {
        bool used = false;
        Space* space = nullptr;  ///< null: the kernel half
        unsigned region = 0;
        std::map<Gva, Run> runs;
    };
    struct Space {
        u64 cr3;
        bool stale = false;
        u64 entered = 0;
        WindowPolicy policy;
        std::vector<unsigned> windows;
    };
    struct RunAt {
        unsigned window;
        Gva start;
    };
    using RunIterator = std::map<Gva, Run>::iterator;

    Windows(PhysMap& phys, const WindowTables& tables, bool always, std::unique_ptr<WindowArea> area);

    // windows.cpp: address spaces and windows
    Space& space_of(u64 cr3);
    void show_space();
    void hide_space();
    void set_delta(const Window& window, unsigned index, bool shown);
    static bool belongs(bool kernel, const Translation& page);
    WindowPolicy& policy_of(const Window& window);
    Window* window_for(Gva address);
    unsigned free_window();
    void release(unsigned index);
    void release_space(Space& space);
    void mark_stale(u64 pcid);
    void refresh(Space& space, const PagingContext& context);

    // window_runs.cpp: what is mapped in a window
    unsigned index_of(const Window& window) const;
    u64 host_of(const Window& window, Gva address) const;
    RunIterator find(Window& window, Gva address);
    bool show(Window& window, Gva address, const Translation& page, bool write, const PagingContext& context);
    bool renew(Window& window, RunIterator run, Gva address, bool write, bool may_write);
    std::pair<Gva, Run> run_around(Gva address, const Translation& page, const PagingContext& context) const;
    std::pair<Gva, Run> neighbours(Gva address, const Translation& page, const PagingContext& context) const;
    bool in_ram(Gpa page) const;
    bool lies_at(Gpa page, Hva host) const;  ///< RAM at this place of the host
    bool map(Window& window, Gva start, const Run& run);
    void forbid_writes(u64 host, u64 size);
    void make_writable(const Window& window, Gva start, const Run& run);
    void watch_code(const Window& window, Gva start, const Run& run);
    void unmap(Window& window, RunIterator run);
    void unmap(Window& window, RunIterator first, RunIterator end);
    void forget_place(const Window& window, RunIterator run);
    void unmap_range(Window& window, Gva start, u64 size);
    void unmap_all(Window& window);
    void refresh(Window& window, const PagingContext& context);
    bool still_right(const Window& window, Gva start, const Run& run, const PagingContext& context) const;
    template <class F>
    void for_runs_of(Gpa base, u64 size, F f);

    static constexpr unsigned kWindows = 64;
    static constexpr unsigned kMaxSpaces = 256;

    PhysMap& phys_;
    const WindowTables tables_;
    const bool always_;
    std::unique_ptr<WindowArea> area_;
    const u64 budget_;
    std::vector<Window> windows_;
    std::unordered_map<u64, std::unique_ptr<Space>> spaces_;  // by CR3 with PCID
    std::unordered_map<u64, std::vector<RunAt>> by_chunk_;    // by guest physical address / 2 MiB
    Space* current_ = nullptr;
    WindowPolicy kernel_policy_;
    u64 entries_ = 0;
    /// Host mappings, at most: a run is one and the gap behind it another, a page with other rights splits one in
    /// three.
    u64 mappings() const { return 2 * (runs_ + splits_); }
    u64 runs_ = 0;
    u64 splits_ = 0;  ///< since all was cleared
    u64 sampled_ns_ = 0;
    WindowWork sampled_;
    Counters counters_;
};

}  // namespace twin86
