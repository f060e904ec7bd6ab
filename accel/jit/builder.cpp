#include "accel/jit/builder.h"

#include <x86intrin.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "accel/jit/page_link.h"
#include "base/check.h"
#include "cpu/decode/table.h"

namespace twin86::jit {

using namespace asmjit;

BlockBuilder::BlockBuilder(const BuildContext& context, EmitBuffer& buffer, Block& block)
    : context_(context), block_(block), buffer_(buffer), a(buffer.assembler) {
    buffer.begin();
    page_rip_ = block.rip - block.page_offset();
    mode_ = block.key.mode;
    hints_.begin(context.gpr);
    translated_ = __rdtsc();
}

void BlockBuilder::point(u32 guest_offset, u8 borrowed, u8 flags) {
    (in_cold_ ? buffer_.cold_points : buffer_.hot_points)
        .push_back({static_cast<u32>(a.offset()), static_cast<u16>(guest_offset), borrowed, flags});
}

void BlockBuilder::out_of_block(u8 opcode, const u8* target) {
    a.embedUInt8(opcode);
    buffer_.fixups.push_back({in_cold_, static_cast<u32>(a.offset()), target});
    a.embedUInt32(0);
}

HelperSite* BlockBuilder::new_helper(const Insn& insn) {
    auto* const site = context_.arena.make<HelperSite>();
    site->insn = insn;
    site->block = &block_;
    site->guest_offset = offset_in_block(insn);
    site->next = block_.helpers.get();
    block_.helpers = site;
    return site;
}

/// Two flag-free loads: a kick makes the second one fault.
void BlockBuilder::poll(u32 guest_offset, u8 flags) {
    point(guest_offset, 0xff, flags);
    a.mov(x86::rbp, field(offsetof(JitFrame, poll)));
    a.mov(x86::ebp, x86::dword_ptr(x86::rbp));
}

/// Liveness of arithmetic flags, backwards. Where a path leaves the block all of them count as live.
void BlockBuilder::analyse_flags(std::span<const Insn> insns) {
    buffer_.live_before.assign(insns.size() + 1, kFlagsArithmetic);
    for (std::size_t n = insns.size(); n-- > 0;) {
        const Insn& i = insns[n];
        // Slow paths show flags to C++ (PUSHF, interrupts, faults that they raise): everything is live there.
        const bool opaque = (i.klass == InsnClass::kHelper || i.klass == InsnClass::kEndBlock ||
                             i.klass == InsnClass::kUndefined) &&
                            !is_inlined(i, block_.key.mode);
        const bool leaves = i.op == Op::kJcc;
        // What is undefined behind MUL, DIV or BT is what was there before on many processors: programs see it. (AF behind
        // logic instructions is not worth that.)
        const u32 killed = i.flags_written & ~(i.flags_undefined & ~u32{kFlagAF});
        buffer_.live_before[n] = opaque || leaves ? static_cast<u32>(kFlagsArithmetic)
                                 : ((buffer_.live_before[n + 1] & ~killed) | i.flags_read) & kFlagsArithmetic;
    }
}

void BlockBuilder::build(std::span<const Insn> insns, const Rounds& rounds, bool falls_in) {
    rounds_ = rounds;
    end_ = insns.data() + insns.size();
    analyse_flags(insns);
    if (falls_in) emit_cold_entry();
    else if (!baked()) emit_look_up_entry();
    block_.body_offset = block_.link_offset = static_cast<u32>(a.offset());
    if (block_.checked != nullptr) check_bytes(insns);
    else if (mode_.has(Mode::kWindows) && mode_.has(Mode::kCode64)) emit_loop_entry(insns);
    if (!block_.key.mode.has(Mode::kShadowed)) poll(0, kSidePoll | kSideEntry);
    for (std::size_t n = 0; n < insns.size(); ++n) {
        current_ = &insns[n];
        goes_round_ = rounds.continues(n);
        flags_live_ = buffer_.live_before[n];
        flags_live_after_ = buffer_.live_before[n + 1];
        const u32 guest_offset = offset_in_block(*current_);
        // What STI or POPF let in is taken before IF goes again: STI; NOP; CLI is a window.
        const bool may_clear_if = current_->op == Op::kCli || current_->op == Op::kPopf;
        if (may_clear_if && n > 0 && insns[n - 1].op != Op::kSti) poll(guest_offset);
        point(guest_offset);
        stack_access_ = false;
        settle_stack(*current_);
        if (const std::size_t run = stack_run(insns.subspan(n)); run != 0) {
            emit_stack_run(insns.subspan(n, run));
            n += run - 1;
            keep_held();
            continue;
        }
        emit(*current_);
        keep_delta(*current_);
        keep_held();
    }
    if (!ended_) {
        settle_stack();
        chain_to(insns.back().next_rip());
    }
    if (block_.second_page != ~u64{0} && !baked()) emit_link_entry();
}

/// Look-ups bring the RIP: what RIP-derived values are relative to follows from it.
void BlockBuilder::emit_look_up_entry() {
    if (const u32 offset = block_.page_offset(); offset != 0) a.lea(x86::rbp, x86::ptr(x86::rbp, -static_cast<i32>(offset)));
    a.mov(field(offsetof(JitFrame, page_va)), x86::rbp);
}

/// The body comes first, right behind the block that it continues.
void BlockBuilder::emit_cold_entry() {
    const Label body = a.newLabel();
    cold_entry_ = a.newLabel();
    a.bind(body);
    cold();
    a.bind(cold_entry_);
    if (!baked()) emit_look_up_entry();
    a.long_().jmp(body);
    hot();
}

/// A position-independent block that goes on in the next page is right only while that page is where it was: branches
/// from the same page enter through a jump table, which an address space's changes invalidate.
void BlockBuilder::emit_link_entry() {
    cold();
    point(0);
    link_entry_ = a.newLabel();
    a.bind(link_entry_);
    load_rip(kHostAddress, block_.rip);
    look_up();
    hot();
}

void BlockBuilder::emit(const Insn& insn) {
    if (fpu_trap(insn)) return;
    if (varies(insn)) return emit_varying_move(insn);
    switch (insn.klass) {
        case InsnClass::kCopy: emit_copy(insn); break;
        case InsnClass::kRewriteMem: emit_rewrite(insn); break;
        case InsnClass::kSpecial: emit_special(insn); break;
        case InsnClass::kHelper:
        case InsnClass::kEndBlock:
            if (!emit_inline(insn)) emit_helper(insn);
            break;
        case InsnClass::kUndefined: emit_raise(insn, kVectorUD); break;
    }
}

void BlockBuilder::emit_special(const Insn& insn) {
    switch (insn.op) {
        case Op::kJcc: return emit_jcc(insn);
        case Op::kJmpRel: return emit_jmp_rel(insn);
        case Op::kJmpRm: return emit_jmp_rm(insn);
        case Op::kCallRel:
        case Op::kCallRm: return emit_call(insn);
        case Op::kRet:
        case Op::kRetImm: return emit_ret(insn);
        case Op::kLoop:
        case Op::kLoope:
        case Op::kLoopne:
        case Op::kJcxz: return emit_loop(insn);
        case Op::kPushReg: return emit_push_reg(insn);
        case Op::kPushRm: return emit_push_rm(insn);
        case Op::kPushImm: return emit_push_imm(insn);
        case Op::kPopReg: return emit_pop_reg(insn);
        case Op::kPopRm: return emit_pop_rm(insn);
        case Op::kLeave: return emit_leave(insn);
        case Op::kMovs:
        case Op::kStos:
        case Op::kLods:
        case Op::kScas:
        case Op::kCmps: return emit_string(insn);
        case Op::kLea: return emit_lea(insn);
        case Op::kMovMoffs: return emit_moffs(insn);
        case Op::kXlat: return emit_xlat(insn);
        case Op::kMovFromSeg: return emit_mov_from_seg(insn);
        case Op::kBtMem:
        case Op::kBtsMem:
        case Op::kBtrMem:
        case Op::kBtcMem: return emit_bit_mem(insn);
        case Op::kIncShort:
        case Op::kDecShort: return emit_inc_dec(insn);
        case Op::kSalc: return emit_salc();
        case Op::kRdfsbase:
        case Op::kRdgsbase: return emit_read_base(insn);
        case Op::kNop: delta_kept_ = held_kept_ = true; return;
        case Op::kPrefetch: return emit_prefetch(insn);
        case Op::kGather:
        case Op::kScatter: return emit_elements(insn);
        case Op::kMaskmov: return emit_maskmov(insn);
        default: CHECK(false, "{} has no emitter", op_name(insn.op));
    }
}

BlockBuilder::Code BlockBuilder::finish() {
    asmjit::CodeHolder& code = buffer_.code;
    CHECK(code.flatten() == kErrorOk);
    const u32 cold_at = block_.cold_at;
    buffer_.cold->setOffset(cold_at);
    CHECK(code.resolveUnresolvedLinks() == kErrorOk);
    for (SidePoint& p : buffer_.cold_points) p.host_offset += cold_at;
    const auto points = context_.arena.room<SidePoint>(buffer_.hot_points.size() + buffer_.cold_points.size());
    std::ranges::copy(buffer_.cold_points, std::ranges::copy(buffer_.hot_points, points.begin()).out);
    block_.set_points(points);
    for (const EmitBuffer::PendingChain& p : buffer_.chains) {
        p.site->patch_offset = static_cast<u32>(code.labelOffsetFromBase(p.patch_end) - 4);
        p.site->exit_offset = static_cast<u32>(code.labelOffsetFromBase(p.exit));
    }
    for (const EmitBuffer::PendingPageLink& p : buffer_.page_links) {
        const u32 at = p.at + (p.cold ? cold_at : 0);
        p.site->patch_offset = at + PageLink::kJumpAt;
        p.site->place_offset = at + PageLink::kPlaceAt;
        p.site->exit_offset = p.exit + cold_at;
    }
    if (cold_entry_.isValid()) block_.look_up_offset = static_cast<u32>(code.labelOffsetFromBase(cold_entry_));
    if (link_entry_.isValid()) block_.link_offset = static_cast<u32>(code.labelOffsetFromBase(link_entry_));
    patch_fixups();
    const CodeBuffer& hot = code.textSection()->buffer();
    const CodeBuffer& cold = buffer_.cold->buffer();
    return {{hot.data(), hot.size()}, {cold.data(), cold.size()}};
}

/// Calls and jumps whose targets asmjit does not know.
void BlockBuilder::patch_fixups() {
    const u32 cold_at = block_.cold_at;
    u8* const hot = buffer_.code.textSection()->buffer().data();
    u8* const cold = buffer_.cold->buffer().data();
    const auto write = [&](bool in_cold, u32 at, i64 rel) {
        const i32 value = static_cast<i32>(rel);
        std::memcpy((in_cold ? cold : hot) + at, &value, sizeof value);
    };
    for (const EmitBuffer::Fixup& f : buffer_.fixups)
        write(f.cold, f.offset, f.target - (block_.code + f.offset + (f.cold ? cold_at : 0) + sizeof(i32)));
    for (const EmitBuffer::LocalFixup& f : buffer_.local_fixups) {
        const i64 at = f.at + (f.from_cold ? cold_at : 0), to = f.to + (f.to_cold ? cold_at : 0);
        write(f.from_cold, f.at, to - (at + static_cast<i64>(sizeof(i32))));
    }
}

}  // namespace twin86::jit
