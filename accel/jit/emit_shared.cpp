// Accesses near one base register, outside of windows: the first one's probe covers them all, and rbp keeps the host address. Where
// that finds a fault, a device or code, the first instruction runs by itself, and the rest as another block: JitVcpu::run_first.
#include <algorithm>

#include "accel/jit/builder.h"
#include "accel/jit/register_effects.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

constexpr std::size_t kFarthest = 16;  ///< instructions looked at
constexpr i64 kWidest = 256;           ///< bytes between the first and the last

/// Needs neither temporary beside its operand.
bool leaves_address(const Insn& i) {
    const std::pair<u8, u8> fields[] = {{kFieldReg, i.reg_field}, {kFieldRm, i.rm_field}, {kFieldVvvv, i.vvvv_field}, {kFieldOpcode, i.opcode_field}};
    const bool pinned = std::ranges::none_of(fields, [&](const auto& f) { return (i.gpr_fields & f.first) && in_memory(f.second); });
    const auto is_pinned = [](u8 r) { return r == kNoGpr || !in_memory(r); };
    if (i.high_byte || i.uses_fpu || !pinned) return false;
    if (i.op == Op::kLea) return i.operand_bits == 64 && i.address_bits == 64 && is_pinned(i.mem.base) && is_pinned(i.mem.index);
    return i.klass == InsnClass::kCopy && !i.has_mem;
}

bool shareable(const Insn& i, Mode mode) {
    const MemOperand& m = i.mem;
    const bool plain = i.klass == InsnClass::kRewriteMem && i.has_mem && m.access != kAccessNone && !i.high_byte && !i.uses_fpu;
    const bool special = m.suppresses_faults || m.aligned || m.packed_by_mask || m.vsib || m.rip_relative || m.broadcast_lanes != 0;
    return plain && !special && i.address_bits == 64 && m.base != kNoGpr && m.index == kNoGpr && m.size <= 64 && magnitude(m.disp) < u64{1} << 30 &&
           mode.check(m.segment, m.access & kAccessWrite) == SegmentCheck::kNothing;
}

}  // namespace

/// What shares the probe of the first of these instructions.
SharedProbe BlockBuilder::shared_from(std::span<const Insn> insns) const {
    const Insn& first = insns.front();
    const Mode mode = block_.key.mode;
    SharedProbe s{first.mem.base, first.mem.disp, first.mem.disp + first.mem.size, first.mem.access, nullptr};
    if (!mode.has(Mode::kCode64) || mode.has(Mode::kWindows | Mode::kAligned) || block_.checked != nullptr || steps()) return s;
    if (!shareable(first, mode_) || !begins_run(first)) return s;
    for (const Insn& i : insns.first(std::min(insns.size(), kFarthest))) {
        if (shareable(i, mode_) && i.mem.base == s.base) {
            const i64 low = std::min(s.low, i.mem.disp), high = std::max(s.high, i.mem.disp + i.mem.size);
            if (high - low > kWidest) break;
            s.low = low, s.high = high, s.access |= i.mem.access;
            if (&i != &first) s.last = &i;
        } else if (!leaves_address(i)) {
            break;
        }
        if (written_registers(i) & 1u << s.base) break;
    }
    return s;
}

/// rbp = host address of what the operands share.
void BlockBuilder::probe_shared() {
    held_ = kNoGpr;
    a.lea(x86::rbp, x86::ptr(host64(read_gpr(shared_.base, kHostAddress)), static_cast<i32>(shared_.low)));
    const bool writes = shared_.access & kAccessWrite;
    const u8 alone = writes ? kAccessRun | kAccessAlone : kAccessRun;
    const AccessMeta meta{static_cast<u16>(shared_.high - shared_.low), static_cast<u8>(shared_.access | alone), mode_.view()};
    const ProbeTemplate& probe = buffer_.probes.get(mode_.view(), writes, flags_live_ != 0);
    u32 miss_fixup = 0;
    const u32 retry = static_cast<u32>(a.offset());
    begin_probe(probe, meta.size, miss_fixup);
    const u32 go = static_cast<u32>(a.offset());
    cold();
    point(offset_in_block(*current_));
    buffer_.local_fixups[miss_fixup].to = static_cast<u32>(a.offset());
    slow_call(probe, meta, retry);
    if (!writes) jump_to(false, go);  // they read the bounce buffer
    hot();
}

/// The instruction's operand, if it is one of those that share. False: it is not.
bool BlockBuilder::emit_shared(const Insn& insn) {
    if (shared_.last == nullptr) {
        shared_ = shared_from({&insn, end_});
        if (shared_.last == nullptr) return false;
        probe_shared();
    }
    at_ = {kHostAddress, false, static_cast<i32>(insn.mem.disp - shared_.low)};
    encoded(insn);
    if (&insn == shared_.last) shared_ = {};
    return true;
}

}  // namespace twin86::jit
