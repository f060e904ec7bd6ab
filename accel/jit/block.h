// Block: one translated piece of guest code, its key, and what is needed to find guest state at any host address in it.
#pragma once

#include <algorithm>
#include <span>

#include "accel/jit/mode.h"
#include "accel/jit/near_ptr.h"
#include "base/types.h"
#include "cpu/decode/insn.h"
#include "cpu/state/fault.h"
#include "mmu/window_area.h"

namespace twin86::jit {

constexpr unsigned kMaxBlockInsns = 64;

struct BlockKey {
    Gpa physical = 0;  ///< of the first byte
    u64 rip = 0;       ///< kBaked blocks only, else 0
    Mode mode;
    bool operator==(const BlockKey&) const = default;
};

struct BlockKeyHash {
    std::size_t operator()(const BlockKey& k) const {
        u64 h = (k.physical ^ (k.mode.value << 40) ^ (k.mode.value >> 24) ^ (k.rip << 7)) * 0x9e3779b97f4a7c15;
        return h ^ (h >> 29);
    }
};

struct Block;

/// Where a branch back to the start of its block enters.
enum class LoopEntry : u8 {
    kNone,  ///< as any other
    kLoop,  ///< behind comparisons that still hold: loop_offset
    kKept,  ///< behind the load of the delta as well, which r10 still holds: kept_offset
};

/// A direct branch of a block: unlinked it leaves through exit_chain, linked it jumps to the target's code.
struct ChainSite {
    NearPtr<Block> from;
    NearPtr<Block> to;
    NearPtr<ChainSite> next;           ///< of the same block
    NearPtr<ChainSite> next_incoming;  ///< of those that lead to the same block ...
    NearPtr<NearPtr<ChainSite>> incoming_at;  ///< ... and what points to this one
    u32 patch_offset = 0;   ///< offset in the block's code of the rel32
    u64 target_rip = 0;     ///< baked blocks: RIP; others: offset relative to the page start
    u32 exit_offset = 0;    ///< offset of the cold exit that the unlinked rel32 points to; links between pages: of its call of exit_chain
    u32 place_offset = 0;   ///< user code, to another page: of the disp32 that selects the page (page_link.h); else 0
    bool cross_page = false;
    u8 relinks = 0;         ///< how often a link between pages was made; kMostRelinks: it is a look-up now
    static constexpr u8 kMostRelinks = 100;
    bool falls = false;     ///< its target's body follows in place of the jump
    LoopEntry loop = LoopEntry::kNone;  ///< of a branch to its own block's start
    bool listed = false;    ///< among the links that cross pages (block_map.cpp)
    bool allow_user = false;  ///< Mode::kAllowUser at the branch: STAC and CLAC make it differ from the block's

    Mode mode() const;      ///< at the branch
};
static_assert(sizeof(ChainSite) == 48);

/// A slow-path instruction: its decoded form and where it is.
struct HelperSite {
    Insn insn;
    NearPtr<Block> block;
    u32 guest_offset = 0;
    i16 vector = -1;        ///< kRaise: the exception
    bool ends_block = false;
    NearPtr<HelperSite> next;  ///< of the same block
};

/// A guess about the region of 512 GiB that an address lies in, compared by emitted code (emit_region.cpp).
struct RegionSite {
    NearPtr<Block> block;
    u32 at = 0;         ///< offset of the comparison in the block's code
    u16 region = 0;     ///< the guess: bits 54:39
    u8 guest = kNoGpr;  ///< the register that holds the address, or kNoGpr: host rbp
    u8 view = 0;        ///< TlbView
    u8 failures = 0;    ///< lately
    bool loop = false;  ///< before a loop, all of which relies on it (loop_pointers.h)
    u64 since = 0;      ///< when the guess was made: host TSC

    /// The low bits are bits 47:39, which select the window. Addresses that differ in bits 63:55 alone are not
    /// canonical, nor is what a window's delta makes of them: the host faults.
    static constexpr u16 of(u64 address) { return static_cast<u16>(address >> WindowArea::kRegionShift); }
};

/// Where a guest instruction's host code starts; faults are looked up here.
struct SidePoint {
    u32 host_offset;
    u16 guest_offset;
    u8 borrowed;        ///< host register saved in frame.borrow while this stretch runs, 0xff: none
    u8 flags;           ///< kSidePoll: a poll; kSideEntry as well: the one at block entry
};
constexpr u8 kSidePoll = 1, kSideEntry = 2;
/// A native string instruction: host rbp has been added to RSI, host r10 to RDI.
constexpr u8 kSideSource = 4, kSideDestination = 8;
/// Of the load that faults in an armed poll: mov ebp, [rbp].
constexpr unsigned kPollLoadBytes = 3;

/// What a block in restless code was made from (emit_check.cpp). Host addresses hold as long as the guest's memory map does:
/// when that changes, blocks go.
struct CheckedBytes {
    std::span<const u8> bytes;
    const u8* first = nullptr;   ///< where they are in guest memory
    const u8* second = nullptr;  ///< the start of the page that the last instruction goes on in, or null
};

/// MOV of an immediate of 4 or 8 bytes to a register.
bool moves_immediate(const Insn& insn);

/// Lives in an Arena, as all that it points to.
struct Block {
    BlockKey key;
    u64 rip = 0;             ///< RIP when translated (informative for position-independent blocks)
    Gpa second_page = ~u64{0};  ///< physical page of the tail when the last instruction straddles pages
    const u8* code = nullptr;   ///< executable address
    u32 cold_at = 0;            ///< distance of the cold part: offsets in the code from here on lie in it
    u32 look_up_offset = 0;     ///< where look-ups enter, with RIP in rbp: at the start, or in the cold part when it falls in
    u32 link_offset = 0;        ///< where linked branches enter: the body; a straddling user block is re-checked by a look-up
    i32 branch_sp = 0;          ///< of the instruction at branch_offset
    NearPtr<CheckedBytes> checked;  ///< null: writes to the code are noticed
    NearPtr<ChainSite> chains;
    NearPtr<HelperSite> helpers;
    NearPtr<ChainSite> incoming;
    u16 page_number = 0;        ///< of the page it begins in (code_pages.h); kNone: baked, or there was none left
    u16 guest_size = 0;
    u16 code_size = 0;
    u16 cold_size = 0;
    u16 body_offset = 0;        ///< behind what look-ups enter through: frame.page_va is right already
    u16 loop_offset = 0;        ///< where its branch to its own start enters (LoopEntry); 0: there is no such place
    u16 kept_offset = 0;        ///< behind the load of the delta there
    static constexpr u16 kNoBranch = 0xffff;
    u16 branch_offset = kNoBranch;  ///< guest offset of the CALL, RET or LOOP at the end, which has changed ...
    u8 branch_counter_bits = 0;     ///< ... SP by branch_sp and counted a CX of this width down, when its target turns out to be invalid
    u8 insn_count = 0;
    bool valid = true;

    std::span<const SidePoint> points() const { return {points_.get(), point_count_}; }  ///< sorted by host_offset
    void set_points(std::span<SidePoint> points);
    const u8* look_up_entry() const { return code + look_up_offset; }
    const u8* body() const { return code + body_offset; }
    unsigned page_offset() const { return key.physical & 0xfff; }
    /// Calls f with the start and end of what the block has in each guest physical page: one or two.
    template <class F>
    void for_pieces(F f) const {
        const Gpa start = key.physical, border = (start & kPageMask) + kPageSize;
        f(start, std::min(start + guest_size, border));
        if (second_page != ~u64{0}) f(second_page, second_page + (start + guest_size - border));
    }
    /// Whether any of its code is in [address, +size) of guest physical memory.
    bool made_from(Gpa address, u64 size) const;
    /// The side point that covers host address pc.
    const SidePoint& point_at(const u8* pc) const;
    /// The slow-path site of the instruction at a guest offset, or null.
    const HelperSite* helper_at(u32 guest_offset) const;

  private:
    u16 point_count_ = 0;
    NearPtr<SidePoint> points_;
};
static_assert(sizeof(Block) == 112);

inline Mode ChainSite::mode() const {
    const u64 user = allow_user ? u64{Mode::kAllowUser} : 0;
    return {(from->key.mode.value & ~u64{Mode::kAllowUser}) | user};
}

}  // namespace twin86::jit
