// BlockBuilder: emits one block. The emitters of each instruction family live in emit_*.cpp and share this frame:
// the hot part is the straight path, the cold part collects slow paths behind it.
#pragma once

#include <asmjit/x86.h>

#include <span>

#include "accel/jit/anchors.h"
#include "accel/jit/arena.h"
#include "accel/jit/block.h"
#include "accel/jit/emit_buffer.h"
#include "accel/jit/encode.h"
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/loop_pointers.h"
#include "accel/jit/region_hints.h"
#include "accel/jit/regs.h"
#include "accel/jit/thunks.h"

namespace twin86::jit {

/// What the builder must know of the surroundings of a block.
struct BuildContext {
    Arena& arena;  ///< for what blocks keep
    const Thunks& thunks;
    /// Whether a baked branch to this RIP on another page may be linked directly.
    bool (*may_link)(void* self, u64 target_rip);
    /// Whether the instruction at this physical address should not use windows.
    bool (*wants_probe)(void* self, Gpa insn);
    /// Whether it should not share its probe with those behind it.
    bool (*begins_no_run)(void* self, Gpa insn);
    /// Whether the loop at this physical address may rely on where its pointers are.
    bool (*loop_is_steady)(void* self, Gpa start);
    /// Whether the immediate at this physical address, in restless code, changes all the time.
    bool (*varies)(void* self, Gpa insn);
    void* self;
    const u64* gpr;     ///< the general registers as they are at the start of the block
    bool chain = true;  ///< false: `nochain`, every block end goes through the run loop
};

/// Operands [base + low, base + high) of instructions of which the first one probes for all (emit_shared.cpp).
struct SharedProbe {
    u8 base = kNoGpr;
    i64 low = 0, high = 0;
    u8 access = kAccessNone;
    const Insn* last = nullptr;  ///< null: there are none
};

/// A loop that is laid out several times in turn at the start of its block.
struct Rounds {
    u32 length = 0;  ///< instructions of one, the last of them the branch back; 0: there is none
    u32 count = 1;
    /// Index of the first instruction of the last one.
    u32 last() const { return length * (count - 1); }
    /// Whether the branch at this index goes on in the next round.
    bool continues(std::size_t n) const { return n < last() && (n + 1) % length == 0; }
};

/// A slow-path instruction that is emitted inline in this mode: it does not end its block.
bool is_inlined(const Insn& insn, Mode mode);

class BlockBuilder {
  public:
    /// `block.code` is where the code will execute, `block.cold_at` behind that its cold part.
    BlockBuilder(const BuildContext& context, EmitBuffer& buffer, Block& block);

    /// Emits all instructions; the block's chains, helpers and points are filled.
    void build(std::span<const Insn> insns, const Rounds& rounds, bool falls_in);
    struct Code {
        std::span<const u8> hot, cold;
    };
    /// The finished code. Valid until the buffer's next use.
    Code finish();

  private:
    using Gp = asmjit::x86::Gp;
    using Mem = asmjit::x86::Mem;
    using Label = asmjit::Label;

    // builder.cpp: frame
    static Mem field(std::size_t offset, unsigned size = 8) {
        return Mem(asmjit::x86::rsp, static_cast<i32>(offset), size);
    }
    static Mem slot(u8 guest) { return field(offsetof(JitFrame, mem_gpr) + slot_of(guest) * 8); }
    void poll(u32 guest_offset, u8 flags = kSidePoll);
    void emit_look_up_entry();
    void emit_cold_entry();
    void emit_link_entry();
    void emit(const Insn& insn);
    void emit_special(const Insn& insn);
    void point(u32 guest_offset, u8 borrowed = 0xff, u8 flags = 0);
    void cold() { a.section(buffer_.cold); in_cold_ = true; }
    void hot() { a.section(buffer_.code.textSection()); in_cold_ = false; }
    void call(const u8* thunk) { out_of_block(0xe8, thunk); }
    void jump(const u8* thunk) { out_of_block(0xe9, thunk); }
    void out_of_block(u8 opcode, const u8* target);
    /// The call of an exit thunk that takes a pointer.
    void leave(const u8* thunk, const void* payload) {
        call(thunk);
        a.embedUInt64(reinterpret_cast<u64>(payload));
    }
    void long_jump(const Label& l) { a.long_().jmp(l); }
    HelperSite* new_helper(const Insn& insn);
    u32 offset_in_block(const Insn& insn) const { return static_cast<u32>(insn.rip - block_.rip); }
    bool baked() const { return block_.key.mode.has(Mode::kBaked); }
    u64 offset_in_page(u64 rip) const { return rip - page_rip_; }

    // emit_regs.cpp: general registers
    void hold(u8 guest);
    void holds(u8 guest);
    void keep_held();
    void write_temp(u8 guest, u8 temp);
    u8 read_gpr(u8 guest, u8 temp);            ///< host register that holds it, loading into temp if in memory
    void write_gpr(u8 guest, u8 host);         ///< 64-bit move into the guest register
    void write_gpr_sized(u8 guest, u8 host, unsigned bits);  ///< with x86's merging rules; clobbers no flags
    void load_constant(u8 host, u64 value);
    void load_rip(u8 host, u64 rip);           ///< a RIP-derived value: constant or page_va-relative

    // emit_mem.cpp: effective addresses and the probe
    void effective_address(const Insn& insn, u8 to);      ///< EA without segment base, wrapped to the address size
    void linear_address(const Insn& insn);                ///< rbp = linear address of insn.mem
    template <class Op>
    void access(unsigned size, u8 kind, Op&& op);         ///< rbp = linear; op() uses [rbp]; emitted twice for writes
    template <class Op>
    void access_operand(const Insn& insn, unsigned size, u8 kind, Op&& op, bool needs_temp = true);
    template <class Op>
    void access_stack(i32 displacement, unsigned size, u8 kind, Op&& op);
    /// The operand of the access in progress.
    Mem at(unsigned bytes) const {
        return at_.delta ? Mem(host64(at_.base), asmjit::x86::r10, 0, at_.disp, bytes) : Mem(host64(at_.base), at_.disp, bytes);
    }
    /// A register that op() may use.
    u8 free_temp() const { return at_.delta || at_.base == kHostTemp ? kHostAddress : kHostTemp; }

    void begin_probe(const ProbeTemplate& t, unsigned size, u32& miss_fixup);
    void jump_to(bool to_cold, u32 to);
    static bool waits_for_x87(const Insn& i);
    AccessMeta access_meta(unsigned size, u8 kind);
    void slow_call(const ProbeTemplate& t, AccessMeta meta, u32 retry);

    // emit_window.cpp: operands in windows
    bool through_window(const Insn& insn) const;
    bool begins_run(const Insn& insn) const { return !context_.begins_no_run(context_.self, physical_of(insn)); }
    Gpa physical_of(const Insn& insn) const { return block_.key.physical + (insn.rip - block_.rip); }
    bool through_window() const { return through_window(*current_); }
    bool fold(const Insn& insn, bool needs_temp);
    bool fold_pointer(const Insn& insn, bool needs_temp);
    bool fold_loop_pointer(const Insn& insn, const LoopPointer& p, bool needs_temp);
    bool fold_constant(const Insn& insn, bool needs_temp);
    bool fold_table(const Insn& insn, bool needs_temp);
    bool fold_segment(const Insn& insn);
    bool fold_stack(u8 guest, i32 displacement);
    void decided(u16 anchor);
    void decide_by_address(u16 anchor);
    void decide_by(u8 guest);
    void decide_by_region(unsigned region);
    void keep_delta(const Insn& insn);

    // emit_stack_delta.cpp: the delta of the stack
    bool keeps_stack_delta() const { return mode_.has(Mode::kWindows) && mode_.has(Mode::kCode64); }
    void touched_stack() { stack_touched_ |= delta_anchor_ == kRsp; }
    void moved_by_stack_op();
    void follow_stack(const Insn& insn);
    void settle_stack(const Insn& next);
    void settle_stack();
    void emit_stack_delta();

    // emit_region.cpp: the delta of an address
    Mem window_delta(unsigned region) const;
    void select_delta(u8 decider, u8 to = kHostTemp);
    void select_delta_of(u8 guest);
    void delta_of(u8 guest);
    void window_address();                                ///< rbp: linear -> host address
    void guess_region(u8 guest, u16 hint, bool loop = false);
    void emit_loop_entry(std::span<const Insn> insns);
    void load_loop_delta();
    void loop_address(const LoopPointer& p);

    // emit_segment.cpp
    void to_linear(u8 segment, unsigned size, u8 kind);   ///< rbp: offset in the segment -> checked linear address
    void check_segment(u8 segment, unsigned size, u8 kind);
    void compare_with_limit(u8 segment, unsigned size, const Label& beyond);

    // emit_copy.cpp
    void emit_copy(const Insn& insn);
    void emit_rewrite(const Insn& insn);
    bool encoded_in_slot(const Insn& insn);
    void encoded(const Insn& insn);                       ///< the instruction itself with its registers renamed
    void embed(const Insn& insn, const FieldMap& map);
    bool fpu_trap(const Insn& insn);

    // emit_moves.cpp
    void emit_lea(const Insn& insn);
    void emit_moffs(const Insn& insn);
    void emit_xlat(const Insn& insn);
    void emit_prefetch(const Insn& insn);
    Mem prefetch_place(const Insn& insn);
    void select_tlb_delta();
    void emit_mov_from_seg(const Insn& insn);
    void emit_bit_mem(const Insn& insn);
    void emit_inc_dec(const Insn& insn);
    void emit_salc();
    void emit_read_base(const Insn& insn);

    // emit_stack.cpp
    /// rbp = linear address of SP + displacement, for an access.
    void stack_address(i32 displacement, unsigned size, u8 kind);
    void adjust_sp(i32 delta);
    void emit_push_reg(const Insn& insn);
    void emit_push_rm(const Insn& insn);
    void emit_push_imm(const Insn& insn);
    void emit_pop_reg(const Insn& insn);
    void emit_pop_rm(const Insn& insn);
    void emit_leave(const Insn& insn);
    void push_value(unsigned bytes, auto&& store);

    // emit_shared.cpp
    SharedProbe shared_from(std::span<const Insn> insns) const;
    void probe_shared();
    bool emit_shared(const Insn& insn);

    // emit_stack_run.cpp
    std::size_t stack_run(std::span<const Insn> insns) const;
    void emit_stack_run(std::span<const Insn> run);
    void access_slot(const Insn& insn, const Mem& slot);

    // emit_branch.cpp
    u64 branch_target(const Insn& insn) const;
    bool steps() const;                                   ///< every path leaves through the run loop
    bool linkable(u64 rip) const;
    template <class Emit>
    void chain_site(u64 rip, Emit emit);
    void chain_to(u64 rip);                               ///< ends a path: continue at rip
    void chain_if(asmjit::x86::CondCode condition, u64 rip);
    void to_other_page(u64 rip);                          ///< ends a path at a rip that must be looked up
    ChainSite* new_chain_site(u64 rip);
    void end_round(ChainSite& back);
    void chain_exit(ChainSite* site, const Label& entry);
    void look_up();
    void cut_target(unsigned operand_bits);
    void indirect(unsigned operand_bits);                 ///< ends a path: continue at the RIP in rbp
    void check_call_target(const Insn& insn);
    void note_branch(const Insn& insn, i32 sp, unsigned counter_bits);
    void emit_jcc(const Insn& insn);
    void emit_jmp_rel(const Insn& insn);
    void emit_loop(const Insn& insn);
    void emit_jmp_rm(const Insn& insn);
    void emit_call(const Insn& insn);
    void emit_ret(const Insn& insn);
    void load_branch_operand(const Insn& insn, u8 to);

    // emit_check.cpp
    bool varies(const Insn& insn) const;
    void emit_varying_move(const Insn& insn);
    void check_bytes(std::span<const Insn> insns);
    void compare_word(const u8* at, u64 mask, u64 expected, const Label& miss);

    // emit_link.cpp
    void page_link(u64 rip);

    // emit_string.cpp
    bool string_in_windows(const Insn& insn) const;
    void emit_native_string(const Insn& insn);
    void branch_if_long(const Insn& insn, const Label& to);
    void emit_string_calls(const Insn& insn, const Label& again, const Label& done);
    void emit_string(const Insn& insn);

    // emit_elements.cpp
    bool needs_checks(const Insn& insn) const;
    void elements_call(const ElementsMeta& meta, const Label& slow);
    void emit_elements(const Insn& insn);
    void emit_maskmov(const Insn& insn);
    void select_elements(const Insn& insn);
    void finish_elements(const Insn& insn);

    // emit_system.cpp
    bool emit_inline(const Insn& insn);
    void clear_rflags(u64 bits);
    void emit_sti();
    void emit_stac_clac(bool set);
    void emit_swapgs();
    void emit_pushf();
    void emit_popf(const Insn& insn);
    void emit_mov_from_cr(const Insn& insn);
    void emit_rdtsc(const Insn& insn);
    void emit_write_base(const Insn& insn);

    // emit_helper.cpp
    void emit_helper(const Insn& insn);
    bool may_transfer(const Insn& insn) const;
    void emit_transfer(const Insn& insn);
    void helper_call(const Insn& insn, bool ends_block);
    void cold_helper(const Insn& insn, const Label& entry, const Label* back);
    void raise(const Insn& insn, Vector vector);
    void emit_raise(const Insn& insn, Vector vector);     ///< ends a path

    void patch_fixups();
    void analyse_flags(std::span<const Insn> insns);

    const BuildContext& context_;
    Block& block_;
    u64 page_rip_ = 0;
    Mode mode_;                     ///< of the current instruction
    EmitBuffer& buffer_;
    asmjit::x86::Assembler& a;
    bool in_cold_ = false;
    bool ended_ = false;            ///< the path has left the block: nothing falls through
    HostOperand at_;                ///< of the access in progress
    /// What decides about a window besides general registers: the page of RIP, segment bases, constants by region.
    static constexpr u16 kAnchorRip = 16, kAnchorSegment = 32, kAnchorRegion = 64, kAnchorNone = 0xffff;
    u16 delta_anchor_ = kAnchorNone;  ///< host r10 is the delta of the window that this lies in
    Anchors anchors_;
    RegionHints hints_;
    LoopPointers loop_;
    u16 loop_anchor_ = kAnchorNone - 1;  ///< what decides about r10 when a round begins, if that is known
    Rounds rounds_;
    bool goes_round_ = false;       ///< the current instruction is a branch that goes on in the next round
    u64 translated_;                ///< host TSC
    bool stack_touched_ = false;    ///< the current instruction accesses memory near RSP by frame.stack_delta
    bool stack_moved_ = false;      ///< RSP has moved since such an access, by constants
    bool delta_kept_ = false;       ///< the current instruction leaves r10 alone
    u8 held_ = kNoGpr;              ///< the memory-resident register whose value is in rbp
    bool held_kept_ = false;        ///< behind the current instruction it still is
    bool stack_access_ = false;     ///< rbp holds an address in the stack segment
    bool goes_on_ = false;          ///< the instruction has more to do behind its write
    u32 flags_live_ = 0;            ///< flags that the current instruction or later ones need
    u32 flags_live_after_ = 0;      ///< the same after the current instruction
    const Insn* current_ = nullptr;
    const Insn* end_ = nullptr;     ///< of the block's instructions
    SharedProbe shared_;
    Label link_entry_, cold_entry_;
};

}  // namespace twin86::jit

#include "accel/jit/builder_access.h"
