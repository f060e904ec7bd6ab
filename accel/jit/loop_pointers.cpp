#include "accel/jit/loop_pointers.h"

#include <algorithm>

#include "accel/jit/block.h"
#include "accel/jit/register_effects.h"

namespace twin86::jit {

static_assert(Anchors::kReach + LoopPointers::kNear + LoopPointers::kRound < WindowArea::kGuardSize);
static_assert(LoopPointers::kStep * 8 * kMaxBlockInsns <= LoopPointers::kRound);

namespace {

/// Instructions whose effects on registers are known, and that enter the next one or leave the block.
bool is_followed(const Insn& i) {
    return is_plain(i) || i.op == Op::kJcc || i.op == Op::kJmpRel;
}

bool is_branch_to(const Insn& i, u64 rip) {
    return (i.op == Op::kJcc || i.op == Op::kJmpRel) && i.next_rip() + static_cast<u64>(i.imm) == rip;
}

/// Whether the instruction accesses its operand for certain, by a base in a flat segment.
bool is_operand(const Insn& i) {
    const bool accesses =
        i.has_mem && i.mem.access != kAccessNone && i.mem.size != 0 && !i.mem.suppresses_faults;
    return accesses && i.address_bits == 64 && !i.mem.vsib && !i.mem.rip_relative && i.mem.segment != kFs &&
           i.mem.segment != kGs;
}

/// Registers that each instruction leaves alone or adjusts.
u16 steady_registers(std::span<const Insn> insns) {
    u16 steady = 0xffff;
    for (const Insn& i : insns) {
        const Adjustment moves = adjustment(i);
        u16 written = written_registers(i);
        if (moves.guest != kNoGpr && magnitude(moves.by) < LoopPointers::kStep)
            written &= static_cast<u16>(~(1u << moves.guest));
        steady &= static_cast<u16>(~written);
    }
    return steady;
}

}  // namespace

const LoopPointer* LoopPointers::of(u8 base, u8 index, u8 scale) const {
    for (const LoopPointer& p : all())
        if (p.base == base && p.index == index && (index == kNoGpr || p.scale == scale)) return &p;
    return nullptr;
}

/// The operand of an instruction that every round executes.
void LoopPointers::add(const Insn& insn, const Anchors& anchors, const u64* gpr) {
    const MemOperand& m = insn.mem;
    const auto steady = [&](u8 r) { return r != kNoGpr && (steady_ >> r & 1); };
    LoopPointer p{m.base, m.index, m.scale};
    u64 distance = magnitude(m.disp), address = steady(m.base) ? gpr[m.base] : 0;
    if (m.index != kNoGpr && anchors.small(m.index)) {
        distance += Anchors::kSmall * m.scale;
        p.index = kNoGpr;
    } else if (m.index != kNoGpr) {
        address += gpr[m.index] * m.scale;
    }
    if (!steady(m.base) || (p.index != kNoGpr && !steady(p.index)) || distance > kNear) return;
    if (p.base == kRsp && p.index == kNoGpr) return;  // the frame has its delta
    if (count_ == kMost || of(p.base, p.index, p.scale) != nullptr) return;
    p.region = RegionSite::of(address);
    pointers_[count_++] = p;
}

void LoopPointers::find(std::span<const Insn> insns, std::size_t from, const u64* gpr, ThroughWindow through_window, const void* self) {
    const auto end = std::ranges::find_if(insns.subspan(from), [&](const Insn& i) { return is_branch_to(i, insns.front().rip); });
    const std::size_t length = from + static_cast<std::size_t>(end - insns.subspan(from).begin());
    if (length == insns.size()) return;
    const auto round = insns.first(length);
    if (!std::ranges::all_of(round, is_followed)) return;
    steady_ = steady_registers(round);
    Anchors anchors;
    for (const Insn& i : round) {
        if (is_operand(i) && through_window(self, i)) add(i, anchors, gpr);
        anchors.follow(i);
    }
}

}  // namespace twin86::jit
