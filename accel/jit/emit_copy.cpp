// Copy and RewriteMem: the guest's own instruction with its registers renamed and its memory operand at [rbp].
#include <utility>

#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

/// Assigns host registers to the explicit general-register fields of one instruction.
struct Assignment {
    FieldMap map;
    u8 guest[3];        ///< memory-resident (or conflicting) guest registers ...
    u8 host[3];         ///< ... and the temporaries that stand for them
    bool read[3], written[3];
    unsigned count = 0;
    u8 borrowed = 0xff;
};

struct FieldRef {
    u8 bit;
    u8 guest;
    u8 FieldMap::*where;
};

/// A pinned legacy-free register that the instruction does not touch.
u8 pick_borrowed(const Insn& insn, const HostOperand& at, const FieldRef* fields, unsigned n) {
    static constexpr u8 kCandidates[] = {kRbx, kR12, kR13, kR14, kR9, kR8, kRdi, kRsi};
    for (const u8 g : kCandidates) {
        bool used = ((insn.implicit_read | insn.implicit_written) & (1u << g)) || (insn.has_mem && at.base == kHostOf[g]);
        for (unsigned i = 0; i < n; ++i) used |= fields[i].guest == g;
        if (!used) return kHostOf[g];
    }
    CHECK(false, "no register to borrow");
}

Assignment assign(const Insn& insn, const HostOperand& at) {
    Assignment as{.map = FieldMap::of(insn)};
    FieldRef fields[4];
    unsigned n = 0;
    // AH..BH (high_fields) keep their numbers: they are halves of pinned registers.
    const u8 renamed = insn.gpr_fields & static_cast<u8>(~insn.high_fields);
    if (renamed & kFieldReg) fields[n++] = {kFieldReg, insn.reg_field, &FieldMap::reg};
    if (renamed & kFieldRm) fields[n++] = {kFieldRm, insn.rm_field, &FieldMap::rm};
    if (renamed & kFieldVvvv) fields[n++] = {kFieldVvvv, insn.vvvv_field, &FieldMap::vvvv};
    if (renamed & kFieldOpcode) fields[n++] = {kFieldOpcode, insn.opcode_field, &FieldMap::opcode};
    const bool operand = insn.has_mem && insn.mem.access != kAccessNone;
    const bool r10_used = operand && (at.delta || at.base == kHostTemp);
    const u8 first = operand && !r10_used ? kHostTemp : kHostAddress;  // r10 may hold a delta that is worth keeping
    const u8 temps[2] = {first, kHostTemp};
    const unsigned free_temps = !operand ? 2 : at.delta && at.base == kHostAddress ? 0 : 1;
    unsigned used_temps = 0;
    for (unsigned f = 0; f < n; ++f) {
        const u8 guest = fields[f].guest;
        // AH..BH cannot go with a REX prefix: the other field must be a legacy register.
        const bool legacy_only = insn.high_byte && insn.encoding == Encoding::kLegacy;
        u8 host = kHostOf[guest];
        if (legacy_only && (host == kInMemory || host >= 8)) {
            as.guest[as.count] = guest;
            host = as.host[as.count] = kHostAddress;
        } else if (host != kInMemory) {
            as.map.*fields[f].where = host;
            continue;
        } else {
            unsigned k = 0;
            while (k < as.count && as.guest[k] != guest) ++k;
            if (k < as.count) {
                as.map.*fields[f].where = as.host[k];
                as.read[k] |= (insn.gpr_read & fields[f].bit) != 0;
                as.written[k] |= (insn.gpr_written & fields[f].bit) != 0;
                continue;
            }
            if (used_temps < free_temps) host = temps[used_temps++];
            else host = as.borrowed = pick_borrowed(insn, at, fields, n);
            as.guest[as.count] = guest;
            as.host[as.count] = host;
        }
        as.read[as.count] = (insn.gpr_read & fields[f].bit) != 0;
        as.written[as.count] = (insn.gpr_written & fields[f].bit) != 0;
        ++as.count;
        as.map.*fields[f].where = host;
    }
    return as;
}

/// Integer instructions that take memory for ModRM.rm with the same meaning. (XCHG would lock, BT go further.)
bool takes_memory(const Insn& i) {
    const u8 op = i.opcode;
    if (i.encoding != Encoding::kLegacy || !i.has_modrm || i.lock) return false;
    if (i.map == 1) return (op >= 0x40 && op <= 0x4f) || op == 0xaf || op == 0xb6 || op == 0xb7 || op == 0xbe || op == 0xbf;
    if (i.map != 0) return false;
    if (op < 0x40) return (op & 7) < 4;
    const unsigned group = (i.modrm >> 3) & 7;
    if (op == 0xc7 || op == 0xc6) return group == 0;
    if (op == 0xff || op == 0xfe) return group < 2;
    const bool alu_or_mov = (op >= 0x80 && op <= 0x85 && op != 0x82) || (op >= 0x88 && op <= 0x8b);
    const bool shift = op == 0xc0 || op == 0xc1 || (op >= 0xd0 && op <= 0xd3);
    return alu_or_mov || shift || op == 0x63 || op == 0x69 || op == 0x6b || op == 0xf6 || op == 0xf7;
}

/// Those with a twin of the other direction.
bool has_direction(const Insn& i) {
    return i.map == 0 && ((i.opcode < 0x40 && (i.opcode & 7) < 4) || (i.opcode >= 0x88 && i.opcode <= 0x8b));
}

/// Whether one memory-resident register can be the memory operand; it is in map.rm then. Writes of less than 64 bits
/// to a slot would have to be completed, or would stall the next read. What adds to a slot waits for the last store to it (Zen 5:
/// 7 cycles), while a slot that is loaded and stored by moves is renamed like a register.
bool choose_slot(const Insn& i, FieldMap& map) {
    if (i.klass != InsnClass::kCopy || i.high_byte || !takes_memory(i)) return false;
    const bool reg = (i.gpr_fields & kFieldReg) && in_memory(i.reg_field);
    const bool rm = (i.gpr_fields & kFieldRm) && in_memory(i.rm_field);
    if (reg == rm) return false;
    const u8 field = reg ? kFieldReg : kFieldRm;
    if ((i.gpr_written & field) && (i.operand_bits != 64 || (i.gpr_read & field))) return false;
    if (rm) return true;
    if (!has_direction(i)) return false;
    std::swap(map.reg, map.rm);
    map.swapped = true;
    return true;
}

/// Whether the guest's bytes are the host's: no register has another name. What an instruction ignores may mean something to a
/// newer processor, so only prefixes that count may be there.
bool is_as_it_was(const Insn& i) {
    if (i.has_mem || !i.is64() || i.encoding != Encoding::kLegacy) return false;
    const u8 start = i.bytes[0];
    if ((start & 0xf0) != 0x40 && i.opcode_at != (i.map == 0 ? 0 : i.map == 1 ? 1 : 2)) return false;
    const u8 named = i.gpr_fields & static_cast<u8>(~i.high_fields);
    const auto stays = [&](u8 field, u8 guest) { return !(named & field) || kHostOf[guest] == guest; };
    return stays(kFieldReg, i.reg_field) && stays(kFieldRm, i.rm_field) && stays(kFieldOpcode, i.opcode_field);
}

}  // namespace

void BlockBuilder::embed(const Insn& insn, const FieldMap& map) {
    u8 bytes[kMaxHostLength];
    const unsigned n = encode(insn, map, at_, bytes);
    a.embed(bytes, n);
}

/// A memory-resident register used where it is. False: it needs a temporary.
bool BlockBuilder::encoded_in_slot(const Insn& insn) {
    FieldMap map = FieldMap::of(insn);
    if (!choose_slot(insn, map)) return false;
    const u8 field = map.swapped ? kFieldReg : kFieldRm;
    if (held_ == map.rm && (insn.gpr_written & field)) held_ = kNoGpr;
    if (held_ == map.rm) return false;  // rbp is nearer
    const bool host_reg = map.swapped || (insn.gpr_fields & kFieldReg);
    if (host_reg) map.reg = kHostOf[map.reg];
    at_ = {kHostFrame, false, static_cast<i32>(offsetof(JitFrame, mem_gpr) + slot_of(map.rm) * 8), true};
    delta_kept_ = held_kept_ = true;
    embed(insn, map);
    at_ = {};
    return true;
}

void BlockBuilder::encoded(const Insn& insn) {
    if (is_as_it_was(insn)) {
        delta_kept_ = held_kept_ = true;
        return (void)a.embed(insn.bytes, insn.length);
    }
    if (!insn.has_mem && encoded_in_slot(insn)) return;
    const Assignment as = assign(insn, at_);
    const u32 guest_offset = offset_in_block(insn);
    bool r10_free = !insn.has_mem;
    for (unsigned k = 0; k < as.count; ++k) r10_free &= as.host[k] != kHostTemp;
    delta_kept_ |= r10_free;
    held_kept_ = !insn.has_mem || (at_.delta && (at_.base != kHostAddress || held_ == insn.mem.base));
    if (as.borrowed != 0xff) {
        a.mov(field(offsetof(JitFrame, borrow)), host64(as.borrowed));
        point(guest_offset, as.borrowed);
    }
    for (unsigned k = 0; k < as.count; ++k) {
        const bool in_rbp = as.host[k] == kHostAddress;
        if (in_rbp && as.read[k] && in_memory(as.guest[k])) {
            hold(as.guest[k]);
            continue;
        }
        if (in_rbp) held_ = kNoGpr;
        if (!as.read[k]) continue;
        if (in_memory(as.guest[k])) a.mov(host64(as.host[k]), slot(as.guest[k]));
        else a.mov(host64(as.host[k]), host64(kHostOf[as.guest[k]]));
    }
    embed(insn, as.map);
    for (unsigned k = 0; k < as.count; ++k)
        if (as.written[k]) write_temp(as.guest[k], as.host[k]);
    if (as.borrowed != 0xff) {
        a.mov(host64(as.borrowed), field(offsetof(JitFrame, borrow)));
        point(guest_offset);
    }
}

/// Raises what the mode key says about floating-point and vector instructions. True: the path has ended.
bool BlockBuilder::fpu_trap(const Insn& insn) {
    const Mode mode = block_.key.mode;
    const bool trap = (insn.uses_fpu && mode.has(Mode::kNoX87)) || (insn.uses_sse && mode.has(Mode::kNoSse)) ||
                      (insn.uses_avx && mode.has(Mode::kNoAvx)) || (insn.uses_avx512 && mode.has(Mode::kNoAvx512)) ||
                      (insn.is_fwait && mode.has(Mode::kWaitTraps)) ||
                      (insn.encoding != Encoding::kLegacy && !mode.has(Mode::kProtected));
    if (!trap) return false;
    auto* site = new_helper(insn);
    site->vector = kVectorNM;  // refined to #UD by the run loop, which sees CR0 and CR4
    leave(context_.thunks.exit_raise, site);
    ended_ = true;
    return true;
}

void BlockBuilder::emit_copy(const Insn& insn) {
    // VZEROUPPER and VZEROALL: outside of 64-bit mode registers 8 to 15 stay as they are.
    if (insn.encoding == Encoding::kVex && insn.map == 1 && insn.opcode == 0x77 && !insn.is64()) {
        for (unsigned n = 0; n < 8; ++n) {
            const bool all = insn.bytes[insn.opcode_at - 1] & 4;  // VEX.L
            if (all) a.vpxor(x86::xmm(n), x86::xmm(n), x86::xmm(n));
            else a.vmovaps(x86::xmm(n), x86::xmm(n));
        }
        return;
    }
    encoded(insn);
}

void BlockBuilder::emit_rewrite(const Insn& insn) {
    if (insn.mem.access == kAccessNone) return (void)(delta_kept_ = held_kept_ = true);
    if (emit_shared(insn)) return;
    // Of two registers that live in memory (MULX, ANDN) one can be borrowed, the other needs a temporary.
    const u8 both = kFieldReg | kFieldVvvv;
    const bool two = (insn.gpr_fields & both) == both && insn.reg_field != insn.vvvv_field && in_memory(insn.reg_field) && in_memory(insn.vvvv_field);
    access_operand(insn, insn.mem.size, insn.mem.access, [&] { encoded(insn); }, two);
}

}  // namespace twin86::jit
