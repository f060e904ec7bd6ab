// JumpTables: where emitted code finds the target of an indirect branch. Each jump space (what makes one RIP mean one
// piece of code: mode, base of CS, and for user code the address space) has a table of its own, so a look-up compares
// RIPs only and the frame points to the table of the moment.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "accel/jit/mode.h"
#include "base/result.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_pages.h"

namespace twin86::jit {

/// What a jump table holds of one target. All zeros: nothing; RIP 1 would fit that, see JumpTables::kNothingAtOne.
struct JumpEntry {
    u64 less_rip;    ///< 1 - RIP: LOOP, unlike JRCXZ, is not taken when it fits, and taken branches are what hosts run short of
    const u8* host;  ///< its code, which expects the RIP in rbp
};
/// The index is made of RIP's low bits, and one pdep makes the offset in the table of it.
constexpr unsigned kJumpTableBits = 16;
constexpr unsigned kJumpTableEntries = 1u << kJumpTableBits;
constexpr u64 kJumpOffsetMask = u64{kJumpTableEntries - 1} * sizeof(JumpEntry);
constexpr u64 jump_index(u64 rip) { return rip % kJumpTableEntries; }

/// The code for a RIP, or null.
TWIN86_LEAF_INLINE const u8* jump_in(const JumpEntry* table, u64 rip) {
    const JumpEntry& e = table[jump_index(rip)];
    return e.less_rip + rip == 1 ? e.host : nullptr;
}

struct JumpSpace {
    u64 cr3;  ///< kSupervisor: code that belongs to all address spaces
    Mode mode;
    u64 code_base;
    static constexpr u64 kSupervisor = ~u64{0};
    bool operator==(const JumpSpace&) const = default;
};

class JumpTables {
  public:
    struct Table {
        JumpEntry* entries;
        u64 salt;  ///< 1 to kLastSalt in bits 63:48, no other table of a jump space has had it: told apart by salted links
    };
    static constexpr unsigned kCount = 16;
    static constexpr u16 kLastSalt = 0xffef;
    /// Entry 1 when it holds nothing: the RIP that would fit belongs elsewhere.
    static constexpr u64 kNothingAtOne = 1;

    static Result<JumpTables> create();

    /// The table of a space. A new one may be that of the space that asked least lately, whose jumps are forgotten.
    /// `taken`: that is so, and who remembers tables must ask again.
    Table of(const JumpSpace& space, bool& taken);
    /// No salts are left: forget_all(), and all salted links must go.
    bool worn_out() const { return next_salt_ > kLastSalt - 4; }
    /// `entries`: of a table in use.
    void set(JumpEntry* entries, u64 rip, const u8* host);

    void forget_supervisor();
    void forget_users();
    void forget_user(u64 cr3);
    /// The salts start again too.
    void forget_all();

  private:
    struct Slot {
        JumpSpace space{};
        bool in_use = false;
        u16 salt = 0;
        u64 asked = 0;  ///< clock_ when it was asked for last
        std::vector<u16> filled;
    };

    explicit JumpTables(HostPages pages);
    JumpEntry* entries(std::size_t slot) const;
    std::size_t take();
    void empty(std::size_t slot);
    template <class Which>
    void forget(Which which);

    HostPages pages_;
    std::array<Slot, kCount> slots_;
    u64 clock_ = 0;
    u16 next_salt_ = 1;
};

}  // namespace twin86::jit
