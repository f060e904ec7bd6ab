#include "cpu/semantics/segment_load.h"

#include <initializer_list>

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/stack.h"

namespace twin86 {
namespace {

bool is_8086(const CpuState& s) {
    return !s.protected_mode() || s.vm86();
}

Outcome prepare_ss(Cpu& cpu, u16 selector, Segment& out) {
    const CpuState& s = cpu.s;
    const unsigned cpl = s.cpl();
    if (null_selector(selector)) {
        if (!s.mode64() || cpl == 3 || (selector & 3u) != cpl) return Outcome::fault(kVectorGP, 0);
        out = null_segment(selector, cpl);
        return Outcome::success();
    }
    Descriptor d;
    TRY_GUEST(read_descriptor(cpu, selector, d));
    if ((selector & 3u) != cpl || !d.is_writable_data() || d.dpl() != cpl)
        return Outcome::fault(kVectorGP, selector_error(selector));
    if (!d.present()) return Outcome::fault(kVectorSS, selector_error(selector));
    TRY_GUEST(mark_accessed(cpu, selector, d));
    out = make_segment(selector, d);
    return Outcome::success();
}

Outcome prepare_data(Cpu& cpu, u16 selector, Segment& out) {
    if (null_selector(selector)) {
        out = null_segment(selector);
        return Outcome::success();
    }
    Descriptor d;
    TRY_GUEST(read_descriptor(cpu, selector, d));
    const unsigned rpl = selector & 3, cpl = cpu.s.cpl();
    const bool privileged = !d.is_conforming_code() && (rpl > d.dpl() || cpl > d.dpl());
    if (!d.is_readable() || privileged) return Outcome::fault(kVectorGP, selector_error(selector));
    if (!d.present()) return Outcome::fault(kVectorNP, selector_error(selector));
    TRY_GUEST(mark_accessed(cpu, selector, d));
    out = make_segment(selector, d);
    return Outcome::success();
}

/// PUSH/POP ES..GS: the register is in the opcode (06/07 ... 1E/1F, 0F A0/A1, 0F A8/A9).
unsigned opcode_segment(const Insn& insn) {
    if (insn.map == 0) return (insn.opcode >> 3) & 3;
    return insn.opcode & 8 ? kGs : kFs;
}

/// Destination of LES, LDS, LSS, LFS, LGS.
unsigned far_pointer_segment(const Insn& insn) {
    if (insn.map == 0) return insn.opcode == 0xc4 ? kEs : kDs;
    return insn.opcode == 0xb2 ? kSs : insn.opcode == 0xb4 ? kFs : kGs;
}

}  // namespace

Segment segment_8086(const CpuState& s, const Segment& old, u16 selector) {
    if (s.vm86()) return segment_vm86(selector);
    return {selector * 16u, old.limit, selector, static_cast<u16>((old.attributes & 0xff00) | 0x93)};
}

Segment segment_vm86(u16 selector) {
    return {selector * 16u, 0xffff, selector, 0xf3};
}

Outcome prepare_segment(Cpu& cpu, unsigned segment, u16 selector, Segment& out) {
    if (is_8086(cpu.s)) {
        out = segment_8086(cpu.s, cpu.s.segment[segment], selector);
        return Outcome::success();
    }
    return segment == kSs ? prepare_ss(cpu, selector, out) : prepare_data(cpu, selector, out);
}

Outcome load_segment(Cpu& cpu, unsigned segment, u16 selector) {
    return prepare_segment(cpu, segment, selector, cpu.s.segment[segment]);
}

void drop_inner_segments(CpuState& s) {
    const unsigned cpl = s.cpl();
    for (const unsigned i : {kEs, kDs, kFs, kGs}) {
        Segment& seg = s.segment[i];
        if (null_selector(seg.selector)) seg.selector = 0;  // 1 to 3 are null too; the base stays
        const bool conforming = seg.is_code() && seg.conforming_or_expand_down();
        if (!seg.unusable() && !conforming && seg.dpl() < cpl) seg = null_segment(0);
    }
}

Outcome do_mov_to_seg(Cpu& cpu, const Insn& insn) {
    const unsigned segment = insn.reg_field & 7;
    if (segment == kCs || segment > kGs) return Outcome::fault(kVectorUD);
    u16 selector = 0;
    TRY_GUEST(read_rm16(cpu, insn, selector));
    TRY_GUEST(load_segment(cpu, segment, selector));
    if (segment == kSs) cpu.s.shadow = kShadowMovSs;
    return Outcome::success();
}

Outcome do_push_seg(Cpu& cpu, const Insn& insn) {
    return push(cpu, cpu.s.segment[opcode_segment(insn)].selector, stack_operand_bytes(insn));
}

Outcome do_pop_seg(Cpu& cpu, const Insn& insn) {
    const unsigned segment = opcode_segment(insn);
    PopFrame frame(cpu, stack_operand_bytes(insn));
    u64 value = 0;
    TRY_GUEST(frame.pop(value));
    Segment loaded;
    TRY_GUEST(prepare_segment(cpu, segment, static_cast<u16>(value), loaded));
    frame.commit();  // with the width of the old SS
    cpu.s.segment[segment] = loaded;
    if (segment == kSs) cpu.s.shadow = kShadowMovSs;
    return Outcome::success();
}

/// A 64-bit offset exists on Intel only; AMD ignores REX.W here (APM vol. 3, LFS).
Outcome do_load_far_pointer(Cpu& cpu, const Insn& insn) {
    const unsigned operand_bits = insn.operand_bits == 64 && cpu.traits.amd ? 32 : insn.operand_bits;
    const unsigned bytes = operand_bits / 8;
    u8 raw[10] = {};
    TRY_GUEST(read_operand(cpu, insn, raw, bytes + 2));
    u64 offset = 0;
    for (unsigned i = 0; i < bytes; ++i) offset |= u64{raw[i]} << (8 * i);
    TRY_GUEST(load_segment(cpu, far_pointer_segment(insn), static_cast<u16>(raw[bytes] | raw[bytes + 1] << 8)));
    write_gpr(cpu.s, insn.reg_field, operand_bits, offset);
    return Outcome::success();
}

}  // namespace twin86
