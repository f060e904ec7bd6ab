// JitFrame: what emitted code reaches through host rsp.
//
// The frame lies at the top of the JIT stack: thunks and leaf helpers push below it. Offsets are baked into code by
// offsetof, so it is a standard-layout struct; fields used by nearly every block come first.
#pragma once

#include <cstddef>

#include "accel/jit/code_index.h"
#include "accel/jit/code_lines.h"
#include "accel/jit/jump_tables.h"
#include "accel/jit/mode.h"
#include "accel/jit/soft_tlb.h"
#include "cpu/state/cpu_state.h"
#include "mmu/window_area.h"
#include "mmu/window_tables.h"

namespace twin86 {
struct PhysPages;
}

namespace twin86::jit {

/// Why emitted code returned to the run loop.
enum class ExitReason : u32 {
    kNone,
    kLookup,    ///< continue at the RIP in frame.address; nothing to patch
    kChain,     ///< a direct branch that is not linked yet; payload: ChainSite*
    kHelper,    ///< a slow-path instruction; payload: HelperSite*
    kSlow,      ///< a memory access that the TLB cannot express; address in frame.address
    kCommit,    ///< a bounced write was executed
    kString,    ///< a string element that the leaf helper cannot do; payload: HelperSite*
    kRaise,     ///< an exception known at translation time; payload: HelperSite*
    kSegment,   ///< an access that the segment's limit or type may forbid; payload: SegmentMeta, offset in frame.address
    kRegion,    ///< a guess about an address failed; a RegionSite* lies behind the call and a jump
    kBoundary,  ///< cpu holds the state between two instructions; the mode may be another one
    kStale,     ///< the code of a block in a restless page has changed; payload: Block*
    kFault,     ///< a signal was taken on emitted code
};

constexpr unsigned kWritableSlots = 1u << 13, kWritableWays = 4;
constexpr unsigned writable_slot(u64 host_page) { return (host_page >> 12 ^ host_page >> 26) % kWritableSlots; }

constexpr u64 kNoMode = ~u64{0};  ///< in JitFrame::mode: none that code was found for

/// The jump tables of a mode and base of CS that were used lately; good while JitFrame::jump_epoch stays.
struct JumpMemo {
    u64 epoch;
    Mode mode;
    u64 code_base;
    JumpTable *table, *table_ac, *table_no_ac;
    static constexpr unsigned kCount = 16;
    static constexpr unsigned index_of(u64 mode, u64 code_base) {
        return (mode ^ mode >> 4 ^ mode >> 18 ^ mode >> 43 ^ code_base >> 4) % kCount;
    }
};

struct BounceBuffer {
    alignas(64) u8 data[64 + 1024];
};

/// The registers of a gather or scatter, for its leaf helper.
struct VectorElements {
    alignas(64) u8 data[64];
    u8 indices[64];
    u64 selected;  ///< by number of the element
};

/// An access to plain memory on the bounce buffer (leaf/bounce.cpp).
struct LeafBounce {
    u64 to_commit;  ///< not 0: exit_commit copies the buffer to the pieces and returns
    u64 start;      ///< host address in the buffer
    u32 count;
    struct {
        u64 host;
        u32 size;
    } piece[2];
};

/// What a string instruction may do without a look at interrupts: some microseconds' worth. Bytes, a power of two.
constexpr u64 kLongString = 128 * KiB;

struct JitFrame {
    const u8* poll;         ///< emitted code reads through it at block entry; inaccessible when the vCPU is kicked
    u64 page_va;            ///< RIP of the start of the page that the running position-independent block is in
    u64 mem_gpr[3];         ///< guest r10, r11, r15 while guest code runs
    u64 borrow;             ///< saved host register while it serves as third temporary
    u64 save_rcx;           ///< rcx around flag-free probes and look-ups
    JumpTable* jump_table;  ///< of the current jump space
    u64 jump_offset_mask;   ///< kJumpOffsetMask, an operand of pdep
    u64 stack_delta;        ///< 64-bit code in windows: of the window that RSP points into (emit_stack_delta.cpp)
    u64 window_index_mask;  ///< bits 47:39, an operand of pext
    u64 tlb_index_mask;     ///< bits 12.. of the TLB index, an operand of pext
    u64 page_number_mask;   ///< ~0xfff, an operand of pext
    u64 target;             ///< RIP of a branch that has something to do before
    u64 temp;               ///< what host r10 gets at the next entry
    u64 address;            ///< linear address of a slow access; what host rbp was at an exit and gets at the next entry
    u64 not_if_mask, not_ac_mask;      ///< all bits of RFLAGS but IF, AC
    u64 arithmetic_mask, pushf_mask;   ///< arithmetic flags; the others that PUSHF shows
    u64 irq_waiting;        ///< not 0: an interrupt or a request waits for IF; STI and POPF then arm the poll
    const u8* inaccessible; ///< what an armed poll points to
    JumpTable *table_ac, *table_no_ac; ///< of the current mode with and without EFLAGS.AC
    u32 region_budget;      ///< failed guesses about regions until one is looked at
    u32 run_bounces;        ///< operands of several instructions that went through the bounce buffer
    u64 tsc_bias;           ///< guest TSC - host TSC
    u64 timer_deadline;     ///< host TSC from which on a timer of the machine is due
    u64 long_string_mask[4];  ///< by log2 of the element: bits of counts that make kLongString bytes and more, operands of pext
    u64 bit_masks[3];       ///< 15, 31, 63: bit numbers within 16, 32 and 64-bit operands, operands of pext

    // Set by thunks.
    u64 host_rsp;           ///< stack of the run loop
    u64 resume_pc;          ///< where the run loop re-enters
    u64 payload;
    ExitReason reason;
    u32 host_mxcsr;
    u16 host_fcw;
    u64 xsave_mask;         ///< XCR0 components kept for the guest
    u64 enter_pc;

    // Signal information of kFault.
    u64 fault_pc;
    u32 fault_trap;         ///< host trap number, as in REG_TRAPNO
    u64 fault_address;      ///< what the host was denied
    u32 fault_error;        ///< host error code: as that of #PF

    // The mode, for those who change it.
    Mode mode;              ///< of the block that C++ or a leaf helper entered last
    u64 code_base;          ///< of its CS, 0 in 64-bit mode: jumps are known by RIP, which counts from there
    JumpTable* mode_table;  ///< of both; `jump_table` differs behind STAC and CLAC
    u64 jump_epoch;         ///< counts what makes JumpMemos void: address spaces, and tables that were emptied
    JumpMemo jump_memo[JumpMemo::kCount];
    bool user_shown, kernel_shown;  ///< by windows: the lower half of the address space, the upper
    bool may_transfer;      ///< nobody watches single instructions: leaf helpers may change the mode
    u64 transfers;          ///< how often one did
    CodeIndex* code_index;
    u64 indexed_jumps;      ///< how often it knew what a jump table did not
    const u8* leaf_exit[3]; ///< by LeafExit

    const PhysPages* phys;
    u8 physical_bits;       ///< MAXPHYADDR of the CPU model
    bool gib_pages;         ///< it has pages of 1 GiB
    CodeLines code_lines;
    u64 tlb_fills;
    u64 user_pages;          ///< that came into an empty entry
    u64 watched_data;       ///< not 0: these pages hold data breakpoints and stay out of the TLB
    Gva watched_page[4];

    // A bounced access in flight.
    u64 bounce_address;
    u32 bounce_meta;

    CpuState cpu;
    alignas(kPageSize / 2) u64 window[kViews][WindowTables::kRegions];  ///< host - linear address, by bits 47:39
    TlbTable tlb[kViews];
    u16 tlb_used[kViews][kTlbEntries];  ///< indices filled with non-global entries since the last flush
    u32 tlb_used_count[kViews];
    u16 writable[kWritableSlots][kWritableWays];  ///< by host page: entries with write tags for it (view << kTlbBits | index), or none
    static constexpr u16 kNoWritable = 0xffff, kManyWritable = 0xfffe;  ///< many: in the first place, there are more than these
    LeafBounce leaf_bounce;
    BounceBuffer bounce;
    VectorElements elements;
};
static_assert(std::is_standard_layout_v<JitFrame>);
/// Processors take a load whose address has the low 12 bits of an earlier store's for one that depends on it. The first
/// fields are stored to all the time; half a page away from them no region that guests use much lies (64 bytes further:
/// +45 % for a decompressor whose heap is at the top of user space).
static_assert(offsetof(JitFrame, window) % kPageSize == kPageSize / 2);

/// Where in the frame a member of a segment register is.
constexpr std::size_t segment_field(unsigned segment, std::size_t member) {
    return offsetof(JitFrame, cpu.segment) + segment * sizeof(Segment) + member;
}

/// Where in the frame the delta of a region's window is, in the table of a TlbView.
constexpr u32 window_offset(u8 view, u32 region) {
    return static_cast<u32>(offsetof(JitFrame, window) + view * sizeof(JitFrame::window[0]) + region % WindowTables::kRegions * sizeof(u64));
}

/// For 64-bit code in windows: its stack accesses rely on it.
TWIN86_LEAF_INLINE void renew_stack_delta(JitFrame& f, u8 view) {
    f.stack_delta = f.window[view][WindowArea::region_of(f.cpu.gpr[kRsp])];
}

/// Bits of AccessMeta::view beside the view.
enum AccessFlag : u8 {
    kAccessGoesOn = 0x04,  ///< the instruction has more to do behind the write: it moves SP or branches
    kAccessFlat = 0x08,    ///< in a flat segment outside of 64-bit mode: nothing lies beyond 4 GiB
    kAccessWaits = 0x10,   ///< x87 or MMX: a pending x87 exception comes before any fault of the access
    kAccessAligned = 0x20, ///< #GP when the address is not a multiple of the size, whatever is mapped there
    kAccessMasked = 0x40,  ///< elements that a mask switches off do not fault: the block has a HelperSite for it
    kAccessStack = 0x80,   ///< #SS instead of #GP when the address is not canonical
};

/// Bits of AccessMeta::access beside the access. kAccessRun: operands of several instructions, which run one by one when the access
/// cannot be had (emit_stack_run.cpp, emit_shared.cpp); kAccessAlone: not on the bounce buffer either.
constexpr u8 kAccessRun = 4, kAccessAlone = 8;

/// Metadata of one memory access, baked after the call to slow_mem.
struct AccessMeta {
    u16 size;
    u8 access;   ///< AccessKind
    u8 view;     ///< TlbView in bits 0-1, and the AccessFlag bits
};
static_assert(sizeof(AccessMeta) == 4);

/// Metadata of one check of a segment, baked after the call to exit_segment.
struct SegmentMeta {
    u16 size;
    u8 access;   ///< AccessKind
    u8 segment;
    bool masked; ///< elements that a mask switches off do not count: the block has a HelperSite for it
    bool waits;  ///< a pending x87 exception comes first
    bool aligned;  ///< misaligned it is #GP, which comes later, and not #AC
    u8 element;    ///< bytes that alignment checks look at when it is one element; 0: the whole, or with a mask none
};
static_assert(sizeof(SegmentMeta) == 8);

}  // namespace twin86::jit
