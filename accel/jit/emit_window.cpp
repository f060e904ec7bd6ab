// Operands in windows (mmu/windows.h): [something + delta of its window]. The window is decided by what the operand
// lies near (anchors.h): a base register, the register that this was computed from, a segment base, the page of RIP.
// The delta stays in r10 for as long as neither r10 nor that anchor changes.
//
// What is not shown faults on the host: the run loop fills the window, or runs the instruction with a probe.
#include "accel/jit/builder.h"
#include "accel/jit/register_effects.h"
#include "mmu/window_area.h"

namespace twin86::jit {

using namespace asmjit;

static_assert(Anchors::kReach + kMaxBlockInsns * kLargestAdjustment < WindowArea::kGuardSize);

bool BlockBuilder::through_window(const Insn& insn) const {
    return mode_.has(Mode::kWindows) && !context_.wants_probe(context_.self, physical_of(insn));
}

/// r10 is the delta that `anchor` decides about.
void BlockBuilder::decided(u16 anchor) {
    delta_anchor_ = anchor;
    delta_kept_ = true;
}

/// r10 = delta of the window that rbp points into, unless r10 is `anchor`'s delta already.
void BlockBuilder::decide_by_address(u16 anchor) {
    if (delta_anchor_ != anchor) select_delta(kHostAddress);
    decided(anchor);
}

/// The same by the value of a general register.
void BlockBuilder::decide_by(u8 guest) {
    if (const LoopPointer* p = loop_.of(guest)) return decide_by_region(p->region % WindowTables::kRegions);
    if (delta_anchor_ != guest && guest == kRsp) a.mov(x86::r10, field(offsetof(JitFrame, stack_delta)));
    else if (delta_anchor_ != guest) delta_of(guest);
    decided(guest);
}

/// The same by what is known already.
void BlockBuilder::decide_by_region(unsigned region) {
    const u16 anchor = static_cast<u16>(kAnchorRegion + region);
    if (delta_anchor_ != anchor) a.mov(x86::r10, window_delta(region));
    decided(anchor);
}

bool BlockBuilder::fold(const Insn& insn, bool needs_temp) {
    const MemOperand& m = insn.mem;
    if (insn.address_bits != 64 || m.vsib || (insn.high_byte && insn.encoding == Encoding::kLegacy) ||
        !through_window())
        return false;
    if (mode_.check(m.segment, false) != SegmentCheck::kNothing) return !needs_temp && fold_segment(insn);
    if (m.rip_relative || (m.base == kNoGpr && m.index == kNoGpr)) return fold_constant(insn, needs_temp);
    return fold_pointer(insn, needs_temp);
}

/// A base, and perhaps an index that is known to be a 32-bit number.
bool BlockBuilder::fold_pointer(const Insn& insn, bool needs_temp) {
    const MemOperand& m = insn.mem;
    u8 pointer = m.base;
    u64 distance = magnitude(m.disp);
    const bool indexed = m.index != kNoGpr;
    if (m.base == kNoGpr) return fold_table(insn, needs_temp);
    if (indexed) {
        if (anchors_.small(m.index)) {
            distance += Anchors::kSmall * m.scale;
        } else if (anchors_.small(m.base) && m.scale == 1) {
            distance += Anchors::kSmall;
            pointer = m.index;
        } else if (const LoopPointer* p = loop_.of(m.base, m.index, m.scale); p != nullptr) {
            return fold_loop_pointer(insn, *p, needs_temp);
        } else {
            return false;
        }
    }
    const bool in_rbp = indexed || in_memory(m.base);  // then there is no second temporary
    if (in_rbp && needs_temp) return false;
    if (indexed && in_memory(m.base) && in_memory(m.index)) return false;  // needs r10
    const bool decides = delta_anchor_ == pointer || pointer == kRsp || loop_.of(pointer) != nullptr;
    const bool near = distance + anchors_.bound(pointer) <= Anchors::kReach && !decides;
    decide_by(near ? anchors_.anchor(pointer) : pointer);
    if (const LoopPointer* p = loop_.of(pointer); p != nullptr && distance <= LoopPointers::kNear && !m.suppresses_faults)
        loop_.accessed(p);
    if (pointer == kRsp && !indexed && distance < kLargestAdjustment && !m.suppresses_faults) touched_stack();
    if (indexed) {
        effective_address(insn, kHostAddress);
        at_ = {kHostAddress, true, 0};
    } else {
        if (in_memory(m.base)) hold(m.base);
        at_ = {in_memory(m.base) ? kHostAddress : kHostOf[m.base], true, static_cast<i32>(m.disp)};
    }
    return true;
}

/// A base and an index which only move by constants while their block runs again and again.
bool BlockBuilder::fold_loop_pointer(const Insn& insn, const LoopPointer& p, bool needs_temp) {
    if (needs_temp || (in_memory(p.base) && in_memory(p.index))) return false;
    decide_by_region(p.region % WindowTables::kRegions);
    if (!insn.mem.suppresses_faults) loop_.accessed(&p);
    effective_address(insn, kHostAddress);
    at_ = {kHostAddress, true, 0};
    return true;
}

/// An address that is known here, or relative to the page that RIP is in.
bool BlockBuilder::fold_constant(const Insn& insn, bool needs_temp) {
    const MemOperand& m = insn.mem;
    if (m.rip_relative && !baked()) {
        const i64 offset = static_cast<i64>(offset_in_page(insn.next_rip() + static_cast<u64>(m.disp)));
        if (needs_temp || offset != static_cast<i32>(offset)) return false;
        a.mov(x86::rbp, field(offsetof(JitFrame, page_va)));
        decide_by_address(kAnchorRip);
        at_ = {kHostAddress, true, static_cast<i32>(offset)};
        return true;
    }
    const u64 address = static_cast<u64>(m.disp) + (m.rip_relative ? insn.next_rip() : 0);
    if (address != static_cast<u64>(static_cast<i64>(static_cast<i32>(address)))) return false;
    decide_by_region(WindowArea::region_of(address));
    at_ = {kHostTemp, false, static_cast<i32>(address)};
    return true;
}

/// A table at a known place with a 32-bit index.
bool BlockBuilder::fold_table(const Insn& insn, bool needs_temp) {
    const MemOperand& m = insn.mem;
    if (needs_temp || !anchors_.small(m.index)) return false;
    decide_by_region(WindowArea::region_of(static_cast<u64>(m.disp)));
    effective_address(insn, kHostAddress);
    at_ = {kHostAddress, true, 0};
    return true;
}

/// FS or GS: near its base address.
bool BlockBuilder::fold_segment(const Insn& insn) {
    const MemOperand& m = insn.mem;
    if (m.rip_relative || m.index != kNoGpr || !mode_.has(Mode::kCode64)) return false;
    if (m.base != kNoGpr && (!anchors_.small(m.base) || in_memory(m.base))) return false;
    a.mov(x86::rbp, field(segment_field(m.segment, offsetof(Segment, base))));
    decide_by_address(static_cast<u16>(kAnchorSegment + m.segment));
    if (m.base != kNoGpr) a.lea(x86::rbp, x86::ptr(x86::rbp, host64(kHostOf[m.base])));
    at_ = {kHostAddress, true, static_cast<i32>(m.disp)};
    return true;
}

bool BlockBuilder::fold_stack(u8 guest, i32 displacement) {
    if (!block_.key.mode.has(Mode::kCode64) || !through_window()) return false;
    const u8 near = anchors_.anchor(guest);
    decide_by(delta_anchor_ == near ? near : guest);
    touched_stack();
    at_ = {kHostOf[guest], true, displacement};
    return true;
}

/// After each instruction: whether r10 still holds the delta of its anchor.
void BlockBuilder::keep_delta(const Insn& insn) {
    const u8 guest = static_cast<u8>(delta_anchor_);
    const bool moved = delta_anchor_ < 16 && (written_registers(insn) & (1u << guest)) && !moves_a_little(insn, guest);
    if (!delta_kept_ || moved) delta_anchor_ = kAnchorNone;
    delta_kept_ = false;
    anchors_.follow(insn);
    hints_.follow(insn);
    follow_stack(insn);
}

}  // namespace twin86::jit
