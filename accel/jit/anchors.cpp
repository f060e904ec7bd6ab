#include "accel/jit/anchors.h"

#include <bit>

#include "accel/jit/register_effects.h"

namespace twin86::jit {

namespace {

unsigned group(const Insn& i) {
    return (i.modrm >> 3) & 7;
}
bool legacy(const Insn& i, u8 map) {
    return i.encoding == Encoding::kLegacy && i.map == map;
}

/// The one explicit register that is written, or kNoGpr.
u8 destination(const Insn& i) {
    switch (i.gpr_written) {
        case kFieldReg:
            return i.reg_field;
        case kFieldRm:
            return i.rm_field;
        case kFieldOpcode:
            return i.opcode_field;
        default:
            return kNoGpr;
    }
}

/// Integer instructions that always write all of their destination. SDM vol. 1, 3.4.1.1: 32-bit results are
/// zero-extended. Shifts by CL, BSF and CMPXCHG may leave it alone.
bool writes_whole(const Insn& i) {
    const u8 op = i.opcode;
    if (legacy(i, 1)) return op == 0xaf || op == 0xb6 || op == 0xb7 || op == 0xbe || op == 0xbf;
    if (!legacy(i, 0)) return false;
    if (op < 0x40) return (op & 7) == 1 || (op & 7) == 3;
    if (op == 0xc1) return (i.imm & 31) != 0;
    if (op == 0xf7) return group(i) == 2 || group(i) == 3;
    return op == 0x69 || op == 0x6b || op == 0x81 || op == 0x83 || op == 0x89 || op == 0x8b || op == 0xc7 ||
           op == 0xd1 || (op >= 0xb8 && op <= 0xbf);
}

/// A result that is a 32-bit number: a 32-bit write, or a sign extension of at most 32 bits.
bool writes_small(const Insn& i) {
    if (i.high_byte) return false;
    if (i.operand_bits == 32) return writes_whole(i) || (i.op == Op::kLea && i.address_bits == 64);
    if (i.operand_bits != 64) return false;
    if (legacy(i, 0)) return (i.opcode == 0x63 && i.prefix66 == false) || i.opcode == 0xc7;
    return legacy(i, 1) && (i.opcode == 0xb6 || i.opcode == 0xb7 || i.opcode == 0xbe || i.opcode == 0xbf);
}

bool is_add(const Insn& i) {
    return legacy(i, 0) && (i.opcode == 0x01 || i.opcode == 0x03);
}
bool is_mov(const Insn& i) {
    return legacy(i, 0) && (i.opcode == 0x89 || i.opcode == 0x8b);
}
bool to_rm(const Insn& i) {
    return !(i.opcode & 2);
}

}  // namespace

void Anchors::reset() {
    for (u8 r = 0; r < 16; ++r) value_[r] = {r};
    near_ = 0;
}

void Anchors::put(u8 r, Value v) {
    value_[r] = v;
    near_ = static_cast<u16>((near_ & ~(1u << r)) | (v.anchor != r ? 1u << r : 0));
}

/// The other registers whose anchor r is.
template <class F>
void Anchors::for_near(u8 r, F f) {
    for (unsigned left = near_; left != 0; left &= left - 1) {
        const u8 other = static_cast<u8>(std::countr_zero(left));
        if (value_[other].anchor == r) f(other);
    }
}

/// Something near `pointer`'s anchor; the caller sees to it that a bound beyond kReach is not used.
Anchors::Value Anchors::sum(u8 pointer, u64 distance) const {
    return {value_[pointer].anchor, value_[pointer].bound + distance};
}

/// r gets a new value: who was near the old one stands for itself.
void Anchors::set(u8 r, Value v) {
    if (v.anchor == r) v.bound = 0;
    if (v.bound > kReach) v = {r};
    for_near(r, [&](u8 other) { put(other, {other, 0, value_[other].small}); });
    put(r, v);
}

/// r moves by a constant: who is near it stays near.
void Anchors::adjust(u8 r, i64 by) {
    const u64 distance = magnitude(by);
    for_near(r, [&](u8 other) {
        value_[other].bound += distance;
        if (value_[other].bound > kReach) put(other, {other, 0, value_[other].small});
    });
    value_[r].small = false;
    if (value_[r].anchor == r) return;
    value_[r].bound += distance;
    if (value_[r].bound > kReach) put(r, {r});
}

/// The 64-bit moves that keep a relation. False: not one of them.
bool Anchors::moved(const Insn& i) {
    if (i.operand_bits != 64 || i.has_mem != (i.op == Op::kLea)) return false;
    if (i.op == Op::kLea) {
        const MemOperand& m = i.mem;
        const u64 distance = magnitude(m.disp);
        if (i.address_bits != 64 || m.rip_relative || m.base == kNoGpr) return false;
        if (m.index == kNoGpr) return set(i.reg_field, sum(m.base, distance)), true;
        if (small(m.index)) return set(i.reg_field, sum(m.base, distance + kSmall * m.scale)), true;
        if (small(m.base) && m.scale == 1) return set(i.reg_field, sum(m.index, distance + kSmall)), true;
        return false;
    }
    const u8 to = destination(i);
    if (to == kNoGpr) return false;
    if (const Adjustment moves = adjustment(i); moves.by != 0) return adjust(moves.guest, moves.by), true;
    const u8 from = to_rm(i) ? i.reg_field : i.rm_field;
    if (from == to) return false;
    if (is_mov(i)) return set(to, {value_[from].anchor, value_[from].bound, value_[from].small}), true;
    if (is_add(i) && small(from) && anchor(to) != to) return set(to, sum(to, kSmall)), true;
    if (is_add(i) && small(to)) return set(to, sum(from, kSmall)), true;
    return false;
}

void Anchors::follow(const Insn& i) {
    if (i.op == Op::kPushReg || i.op == Op::kPushImm || i.op == Op::kPopReg) {
        adjust(kRsp, adjustment(i).by);
        if (i.op == Op::kPopReg) forget(i.opcode_field);
        return;
    }
    if (i.op == Op::kJcc || i.op == Op::kNop || i.op == Op::kPrefetch) return;
    const bool plain = i.klass == InsnClass::kCopy || i.klass == InsnClass::kRewriteMem || i.op == Op::kLea;
    if (!plain) return reset();
    if (moved(i)) return;
    const u16 written = written_registers(i);
    for (unsigned left = written; left != 0; left &= left - 1) forget(static_cast<u8>(std::countr_zero(left)));
    if (const u8 to = destination(i); to != kNoGpr && i.implicit_written == 0 && writes_small(i))
        value_[to].small = true;
}

}  // namespace twin86::jit
