// LAR, LSL, VERR, VERW and ARPL, SDM vol. 2: an unusable selector clears ZF and is no fault.
#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"

namespace twin86 {
namespace {

void set_zf(CpuState& s, bool on) {
    s.rflags = on ? s.rflags | kFlagZF : s.rflags & ~u64{kFlagZF};
}

/// System types for which LAR and LSL succeed; in long mode LDT, TSS and (LAR) call gate only.
constexpr u32 kLarTypes = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12;
constexpr u32 kLslTypes = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 11;
constexpr u32 kLongModeTypes = 1 << 2 | 1 << 9 | 1 << 11 | 1 << 12;

/// The descriptor of a selector that the current level may see.
Outcome inspect(Cpu& cpu, u16 selector, Descriptor& d, bool& visible) {
    visible = false;
    Gva address = 0;
    if (null_selector(selector) || !descriptor_address(cpu.s, selector, 8, address)) return Outcome::success();
    TRY_GUEST(read_descriptor(cpu, selector, d));
    const unsigned rpl = selector & 3;
    visible = d.is_conforming_code() || (cpu.s.cpl() <= d.dpl() && rpl <= d.dpl());
    return Outcome::success();
}

Outcome inspect_typed(Cpu& cpu, const Insn& insn, u32 system_types, Descriptor& d, bool& visible) {
    TRY_GUEST(require_protected(cpu.s));
    u16 selector = 0;
    TRY_GUEST(read_rm16(cpu, insn, selector));
    TRY_GUEST(inspect(cpu, selector, d, visible));
    if (cpu.s.long_mode()) system_types &= kLongModeTypes;
    if (visible && !d.code_or_data()) visible = system_types >> d.type() & 1;
    set_zf(cpu.s, visible);
    return Outcome::success();
}

Outcome verify(Cpu& cpu, const Insn& insn, bool write) {
    TRY_GUEST(require_protected(cpu.s));
    u16 selector = 0;
    TRY_GUEST(read_rm16(cpu, insn, selector));
    Descriptor d;
    bool visible = false;
    TRY_GUEST(inspect(cpu, selector, d, visible));
    set_zf(cpu.s, visible && (write ? d.is_writable_data() : d.is_readable()));
    return Outcome::success();
}

}  // namespace

Outcome do_lar(Cpu& cpu, const Insn& insn) {
    Descriptor d;
    bool visible = false;
    TRY_GUEST(inspect_typed(cpu, insn, kLarTypes, d, visible));
    if (visible)
        write_gpr(cpu.s, insn.reg_field, insn.operand_bits, d.high & (insn.operand_bits == 16 ? 0xff00 : 0xffff00));
    return Outcome::success();
}

Outcome do_lsl(Cpu& cpu, const Insn& insn) {
    Descriptor d;
    bool visible = false;
    TRY_GUEST(inspect_typed(cpu, insn, kLslTypes, d, visible));
    if (visible) write_gpr(cpu.s, insn.reg_field, insn.operand_bits, d.limit());
    return Outcome::success();
}

Outcome do_verr(Cpu& cpu, const Insn& insn) {
    return verify(cpu, insn, false);
}

Outcome do_verw(Cpu& cpu, const Insn& insn) {
    return verify(cpu, insn, true);
}

Outcome do_arpl(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(require_protected(cpu.s));
    u16 destination = 0;
    TRY_GUEST(read_rm16(cpu, insn, destination));
    const unsigned rpl = cpu.s.gpr[insn.reg_field & 15] & 3;
    const bool raise = (destination & 3u) < rpl;
    if (raise) {
        const u16 adjusted = static_cast<u16>((destination & ~3u) | rpl);
        if (insn.has_mem)
            TRY_GUEST(write_operand(cpu, insn, adjusted));
        else
            write_gpr(cpu.s, insn.rm_field, 16, adjusted);
    }
    set_zf(cpu.s, raise);
    return Outcome::success();
}

}  // namespace twin86
