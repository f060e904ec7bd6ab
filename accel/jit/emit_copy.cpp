// Copy and RewriteMem: the guest's own instruction with its registers renamed and its memory operand at [rbp].
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
    const u8 temps[2] = {r10_used ? kHostAddress : kHostTemp, kHostAddress};
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

}  // namespace

void BlockBuilder::embed(const Insn& insn, const FieldMap& map) {
    u8 bytes[kMaxHostLength];
    const unsigned n = encode(insn, map, at_, bytes);
    a.embed(bytes, n);
}

void BlockBuilder::encoded(const Insn& insn) {
    const Assignment as = assign(insn, at_);
    if (as.count == 0) {
        delta_kept_ |= !insn.has_mem;
        return embed(insn, as.map);
    }
    const u32 guest_offset = static_cast<u32>(insn.rip - block_.rip);
    if (as.borrowed != 0xff) {
        a.mov(field(offsetof(JitFrame, borrow)), host64(as.borrowed));
        point(guest_offset, as.borrowed);
    }
    for (unsigned k = 0; k < as.count; ++k) {
        if (!as.read[k]) continue;
        if (in_memory(as.guest[k])) a.mov(host64(as.host[k]), slot(as.guest[k]));
        else a.mov(host64(as.host[k]), host64(kHostOf[as.guest[k]]));
    }
    embed(insn, as.map);
    for (unsigned k = 0; k < as.count; ++k)
        if (as.written[k]) write_gpr(as.guest[k], as.host[k]);
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
    call(context_.thunks.exit_raise);
    a.embedUInt64(reinterpret_cast<u64>(site));
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
    if (insn.mem.access == kAccessNone) return (void)(delta_kept_ = true);
    // Of two registers that live in memory (MULX, ANDN) one can be borrowed, the other needs a temporary.
    const u8 both = kFieldReg | kFieldVvvv;
    const bool two = (insn.gpr_fields & both) == both && insn.reg_field != insn.vvvv_field && in_memory(insn.reg_field) && in_memory(insn.vvvv_field);
    access_operand(insn, insn.mem.size, insn.mem.access, [&] { encoded(insn); }, two);
}

}  // namespace twin86::jit
