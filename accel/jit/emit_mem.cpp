// Effective addresses and the soft-TLB probe.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

unsigned log2_scale(u8 scale) { return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0; }

/// A field of the TLB entry whose byte offset in the table is r10 << shift.
x86::Mem tlb_field(u8 view, std::size_t entry_field, unsigned shift) {
    return x86::Mem(x86::rsp, x86::r10, shift,
                    static_cast<i32>(offsetof(JitFrame, tlb) + view * sizeof(TlbTable) + entry_field), 8);
}

std::size_t tag_of(u8 kind) {
    return kind & kAccessWrite ? offsetof(TlbEntry, write_tag) : offsetof(TlbEntry, read_tag);
}

/// FNSTCW and FNSTSW to memory do not wait for pending exceptions.
bool is_fnst(const Insn& i) { return i.has_mem && ((i.modrm >> 3) & 7) == 7 && (i.opcode == 0xd9 || i.opcode == 0xdd); }

}  // namespace

void BlockBuilder::effective_address(const Insn& insn, u8 to) {
    const MemOperand& m = insn.mem;
    const x86::Gp dst = host64(to);
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

/// rbp += segment base; outside 64-bit mode linear addresses are 32 bits wide.
void BlockBuilder::add_segment_base(u8 segment) {
    if (block_.key.mode.flat(segment)) return;
    const std::size_t base = offsetof(JitFrame, cpu.segment) + segment * sizeof(Segment) + offsetof(Segment, base);
    a.mov(x86::r10, field(base));
    if (block_.key.mode.has(Mode::kCode64)) a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
    else a.lea(x86::ebp, x86::ptr(x86::rbp, x86::r10));
}

void BlockBuilder::linear_address(const Insn& insn) {
    stack_access_ = false;
    effective_address(insn, kHostAddress);
    add_segment_base(insn.mem.segment);
}

/// rbp: linear -> host address. r10 and flags are clobbered; on a miss rbp holds the offset from the wrong page.
void BlockBuilder::probe_dead_flags(unsigned size, u8 kind, const Label& miss) {
    const u8 view = mode_.view();
    a.rorx(x86::r10, x86::rbp, 7);
    a.and_(x86::r10d, (kTlbEntries - 1) * static_cast<u32>(sizeof(TlbEntry)));
    a.add(x86::rbp, tlb_field(view, tag_of(kind), 0));
    a.cmp(x86::rbp, static_cast<u32>(kPageSize - size));
    a.ja(miss);
    a.add(x86::rbp, tlb_field(view, offsetof(TlbEntry, host), 0));
}

/// The same without touching flags: pext and lea for arithmetic, jrcxz for the decision. rbp is intact on a miss.
void BlockBuilder::probe_live_flags(unsigned size, u8 kind, const Label& miss) {
    const u8 view = mode_.view();
    Label hit = a.newLabel();
    a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
    a.pext(x86::r10, x86::rbp, field(offsetof(JitFrame, tlb_index_mask)));
    a.lea(x86::r10, x86::ptr(0, x86::r10, 2));
    a.mov(x86::rcx, tlb_field(view, tag_of(kind), 3));
    a.lea(x86::rcx, x86::ptr(x86::rcx, x86::rbp, 0, static_cast<i32>(size - 1)));
    a.pext(x86::rcx, x86::rcx, field(offsetof(JitFrame, page_number_mask)));
    a.jecxz(x86::rcx, hit);
    long_jump(miss);
    a.bind(hit);
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    a.mov(x86::r10, tlb_field(view, offsetof(TlbEntry, delta), 3));
    a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
}

/// The cold call that fills the TLB and, when that is not enough, leaves for the run loop.
void BlockBuilder::slow_call(unsigned size, u8 kind, const Label& retry) {
    const u8 view = mode_.view();
    if (flags_live_ == 0) a.sub(x86::rbp, tlb_field(view, tag_of(kind), 0));
    else a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    u8 flags = view;
    if (current_->has_mem && current_->mem.suppresses_faults) {
        flags |= kAccessMasked;
        new_helper(*current_);
    }
    if (current_->uses_fpu && !is_fnst(*current_)) flags |= kAccessWaits;
    if (current_->has_mem && current_->mem.aligned) flags |= kAccessAligned;
    if (stack_access_ || (current_->has_mem && current_->mem.segment == kSs)) flags |= kAccessStack;
    const AccessMeta meta{static_cast<u16>(size), kind, flags};
    call(context_.thunks.slow_mem);
    a.embed(&meta, sizeof meta);
    long_jump(retry);
    call(context_.thunks.exit_slow);
    a.embed(&meta, sizeof meta);
}

}  // namespace twin86::jit
