// Effective addresses and the soft-TLB probe.
#include "accel/jit/builder.h"

#include <cstring>

namespace twin86::jit {

using namespace asmjit;

namespace {

unsigned log2_scale(u8 scale) { return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0; }

}  // namespace

/// Whether a pending x87 exception comes first. FNSTCW and FNSTSW to memory do not wait for one.
bool BlockBuilder::waits_for_x87(const Insn& i) {
    const bool stores_control = i.has_mem && i.map == 0 && ((i.modrm >> 3) & 7) == 7 && (i.opcode == 0xd9 || i.opcode == 0xdd);
    return i.uses_fpu && !stores_control;
}

void BlockBuilder::effective_address(const Insn& insn, u8 to) {
    const MemOperand& m = insn.mem;
    const x86::Gp dst = host64(to);
    if (to == kHostAddress) held_ = kNoGpr;
    if (m.rip_relative) {
        const u64 target = insn.next_rip() + static_cast<u64>(m.disp);
        const i64 offset = static_cast<i64>(offset_in_page(target));
        if (!baked() && offset == static_cast<i32>(offset)) {
            a.mov(dst, field(offsetof(JitFrame, page_va)));
            a.lea(dst, x86::ptr(dst, static_cast<i32>(offset)));
        } else if (baked()) {
            load_constant(to, target);
        } else {
            load_rip(to, insn.next_rip());
            a.lea(dst, x86::ptr(dst, static_cast<i32>(m.disp)));
        }
        if (insn.address_bits == 32) a.mov(host32(to), host32(to));
        return;
    }
    const i32 disp = static_cast<i32>(m.disp);
    x86::Mem ea;
    if (m.base == kNoGpr && m.index == kNoGpr) {
        load_constant(to, insn.address_bits == 64 ? static_cast<u64>(m.disp)
                                                  : truncate(static_cast<u64>(m.disp), insn.address_bits / 8));
        return;
    }
    if (m.index == kNoGpr) {
        ea = x86::ptr(host64(read_gpr(m.base, to)), disp);
    } else if (m.base == kNoGpr) {
        const u8 index = read_gpr(m.index, to);
        ea = x86::ptr(0, host64(index), log2_scale(m.scale));
        ea.setOffset(disp);
    } else if (in_memory(m.base) && in_memory(m.index)) {
        // dst = index * scale, then the base through r10; `to` is never r10 here.
        a.mov(dst, slot(m.index));
        a.mov(x86::r10, slot(m.base));
        ea = x86::ptr(x86::r10, dst, log2_scale(m.scale), disp);
    } else {
        const u8 base = read_gpr(m.base, to);
        const u8 index = read_gpr(m.index, to);
        ea = x86::ptr(host64(base), host64(index), log2_scale(m.scale), disp);
    }
    if (insn.address_bits == 64) {
        a.lea(dst, ea);
    } else {
        a.lea(host32(to), ea);
        if (insn.address_bits == 16) a.movzx(host32(to), x86::gpw(to));
    }
}

void BlockBuilder::linear_address(const Insn& insn) {
    stack_access_ = false;
    effective_address(insn, kHostAddress);
    to_linear(insn.mem.segment, insn.mem.size, insn.mem.access);
}

/// Copies the probe for this access; its miss leads to the cold offset that end_probe() is told.
void BlockBuilder::begin_probe(const ProbeTemplate& t, unsigned size, u32& miss_fixup) {
    u8 bytes[sizeof t.bytes];
    std::memcpy(bytes, t.bytes, sizeof bytes);
    const u32 constant = t.live ? size - 1 : static_cast<u32>(kPageSize - size);
    std::memcpy(bytes + t.size_at, &constant, sizeof constant);
    miss_fixup = static_cast<u32>(buffer_.local_fixups.size());
    buffer_.local_fixups.push_back({in_cold_, true, static_cast<u32>(a.offset()) + t.miss_at, 0});
    a.embed(bytes, t.length);
}

/// A jump to a known offset of a section.
void BlockBuilder::jump_to(bool to_cold, u32 to) {
    a.embedUInt8(0xe9);
    buffer_.local_fixups.push_back({in_cold_, to_cold, static_cast<u32>(a.offset()), to});
    a.embedUInt32(0);
}

AccessMeta BlockBuilder::access_meta(unsigned size, u8 kind) {
    u8 flags = mode_.view();
    if (current_->has_mem && current_->mem.suppresses_faults) {
        flags |= kAccessMasked;
        new_helper(*current_);
    }
    if (waits_for_x87(*current_)) flags |= kAccessWaits;
    if (current_->has_mem && current_->mem.aligned) flags |= kAccessAligned;
    const u8 segment = stack_access_ ? u8{kSs} : current_->has_mem ? current_->mem.segment : u8{kDs};
    if (segment == kSs) flags |= kAccessStack;
    if (goes_on_) flags |= kAccessGoesOn;
    if (!mode_.has(Mode::kCode64) && mode_.check(segment, kind & kAccessWrite) == SegmentCheck::kNothing) flags |= kAccessFlat;
    return {static_cast<u16>(size), kind, flags};
}

/// The cold call that fills the TLB and, when that is not enough, leaves for the run loop.
void BlockBuilder::slow_call(const ProbeTemplate& t, AccessMeta meta, u32 retry) {
    a.embed(t.undo, t.undo_length);
    call(context_.thunks.slow_mem);
    a.embed(&meta, sizeof meta);
    jump_to(false, retry);
    call(context_.thunks.exit_slow);
    a.embed(&meta, sizeof meta);
}

}  // namespace twin86::jit
