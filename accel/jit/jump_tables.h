// JumpTables: where emitted code finds the target of an indirect branch, and whether a page of code lies where a link leads.
// Each jump space (what makes one RIP mean one piece of code: mode, base of CS, and for user code the address space) has a
// table of its own, so RIPs are all that is compared and the frame points to the table of the moment.
#pragma once

#include <array>
#include <memory>

#include "accel/jit/code_pages.h"
#include "accel/jit/mode.h"
#include "base/result.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_pages.h"

namespace twin86::jit {

/// What a jump table holds of one target. All zeros: nothing; RIP 1 would fit that, see JumpTable::kNothingAtOne.
struct JumpEntry {
    u64 less_rip;    ///< 1 - RIP: LOOP, unlike JRCXZ, is not taken when it fits, and taken branches are what hosts run short of
    const u8* host;  ///< its code, which expects the RIP in rbp
};
/// The index is made of RIP's low bits, and one pdep makes the offset in the table of it.
constexpr unsigned kJumpTableBits = 16;
constexpr unsigned kJumpTableEntries = 1u << kJumpTableBits;
constexpr u64 kJumpOffsetMask = u64{kJumpTableEntries - 1} * sizeof(JumpEntry);
constexpr u64 jump_index(u64 rip) { return rip % kJumpTableEntries; }

struct JumpTable {
    /// Entry 1 when it holds nothing: the RIP that would fit belongs elsewhere.
    static constexpr u64 kNothingAtOne = 1;

    JumpEntry entries[kJumpTableEntries];
    u64 less_place[CodePages::kMost];  ///< of pages of user code by number: 1 - the RIP of their start here; 0: not known
    u16 filled[kJumpTableEntries];     ///< which entries
    u16 placed[CodePages::kMost];      ///< which pages
    u32 filled_count, placed_count;
    bool unplaced;  ///< a jump leads to a page that is not among them

    /// The code for a RIP, or null.
    TWIN86_LEAF_INLINE const u8* find(u64 rip) const {
        const JumpEntry& e = entries[jump_index(rip)];
        return e.less_rip + rip == 1 ? e.host : nullptr;
    }
    TWIN86_LEAF_INLINE void set(u64 rip, const u8* host) {
        JumpEntry& e = entries[jump_index(rip)];
        if (e.host == nullptr) filled[filled_count++] = static_cast<u16>(jump_index(rip));
        e = {1 - rip, host};
    }
    TWIN86_LEAF_INLINE bool lies_at(u16 number, u64 page) const { return less_place[number] + page == 1; }
    u64 place(u16 number) const { return 1 - less_place[number]; }
    /// A page of code lies there, as far as jumps and links go until the table is emptied. True: it lay elsewhere before.
    bool set_place(u16 number, u64 page);
    void empty();
};

struct JumpSpace {
    u64 cr3;  ///< kSupervisor: code that belongs to all address spaces
    Mode mode;
    u64 code_base;
    static constexpr u64 kSupervisor = ~u64{0};
    bool operator==(const JumpSpace&) const = default;
};

class JumpTables {
  public:
    static constexpr unsigned kCount = 16;

    static Result<JumpTables> create();

    /// The table of a space. A new one may be that of the space that asked least lately, whose jumps are forgotten.
    /// `taken`: that is so, and who remembers tables must ask again.
    JumpTable& of(const JumpSpace& space, bool& taken);
    /// Whether `f(space, table)` holds for a table of the address space.
    template <class F>
    bool any_of(u64 cr3, F f) const {
        for (std::size_t n = 0; n < kCount; ++n)
            if (slots_[n].in_use && slots_[n].space.cr3 == cr3 && f(slots_[n].space, table(n))) return true;
        return false;
    }

    void forget_supervisor();
    void forget_users();
    void forget_user(u64 cr3);
    void forget_all();

  private:
    struct Slot {
        JumpSpace space{};
        bool in_use = false;
        u64 asked = 0;  ///< clock_ when it was asked for last
    };

    explicit JumpTables(HostPages pages);
    JumpTable& table(std::size_t slot) const { return reinterpret_cast<JumpTable*>(pages_.base())[slot]; }
    std::size_t take();
    void empty(std::size_t slot);
    template <class Which>
    void forget(Which which);

    HostPages pages_;
    std::array<Slot, kCount> slots_;
    u64 clock_ = 0;
};

}  // namespace twin86::jit
