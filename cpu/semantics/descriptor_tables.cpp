// LGDT, LIDT, LLDT, LTR and their stores, SDM vol. 2 and vol. 3, 2.4.
#include <cstring>

#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"

namespace twin86 {
namespace {

Outcome load_table(Cpu& cpu, const Insn& insn, DescriptorTable& table) {
    CpuState& s = cpu.s;
    TRY_GUEST(require_cpl0(s));
    u8 raw[10] = {};
    TRY_GUEST(read_operand(cpu, insn, raw, s.mode64() ? 10 : 6));
    DescriptorTable loaded;
    std::memcpy(&loaded.limit, raw, 2);
    std::memcpy(&loaded.base, raw + 2, 8);  // bytes 6-9 are zero outside 64-bit mode
    if (s.mode64() && !canonical(s, loaded.base)) return Outcome::fault(kVectorGP, 0);
    if (!s.mode64() && insn.operand_bits == 16) loaded.base &= 0xffffff;
    table = loaded;
    return Outcome::success();
}

Outcome store_table(Cpu& cpu, const Insn& insn, const DescriptorTable& table) {
    TRY_GUEST(check_umip(cpu.s));
    u8 raw[10] = {};
    std::memcpy(raw, &table.limit, 2);
    std::memcpy(raw + 2, &table.base, 8);
    return write_operand(cpu, insn, raw, cpu.s.mode64() ? 10 : 6);
}

/// SLDT and STR: 16 bits to memory, zero-extended to a register.
Outcome store_selector(Cpu& cpu, const Insn& insn, u16 selector) {
    TRY_GUEST(require_protected(cpu.s));
    TRY_GUEST(check_umip(cpu.s));
    if (insn.has_mem) return write_operand(cpu, insn, selector);
    write_gpr(cpu.s, insn.rm_field, insn.operand_bits, selector);
    return Outcome::success();
}

/// A system descriptor in the GDT, of 16 bytes in long mode.
Outcome read_system_descriptor(Cpu& cpu, u16 selector, Descriptor& d) {
    if (selector & 4) return Outcome::fault(kVectorGP, selector_error(selector));
    TRY_GUEST(read_descriptor(cpu, selector, d));
    if (!cpu.s.long_mode()) return Outcome::success();
    TRY_GUEST(read_descriptor_upper(cpu, selector, d));
    return canonical(cpu.s, d.base()) ? Outcome::success() : Outcome::fault(kVectorGP, selector_error(selector));
}

Outcome fetch_selector(Cpu& cpu, const Insn& insn, u16& selector) {
    TRY_GUEST(require_protected(cpu.s));
    TRY_GUEST(require_cpl0(cpu.s));
    return read_rm16(cpu, insn, selector);
}

}  // namespace

Outcome do_lgdt(Cpu& cpu, const Insn& insn) {
    return load_table(cpu, insn, cpu.s.gdtr);
}

Outcome do_lidt(Cpu& cpu, const Insn& insn) {
    return load_table(cpu, insn, cpu.s.idtr);
}

Outcome do_sgdt(Cpu& cpu, const Insn& insn) {
    return store_table(cpu, insn, cpu.s.gdtr);
}

Outcome do_sidt(Cpu& cpu, const Insn& insn) {
    return store_table(cpu, insn, cpu.s.idtr);
}

Outcome do_sldt(Cpu& cpu, const Insn& insn) {
    return store_selector(cpu, insn, cpu.s.ldtr.selector);
}

Outcome do_str(Cpu& cpu, const Insn& insn) {
    return store_selector(cpu, insn, cpu.s.tr.selector);
}

Outcome do_lldt(Cpu& cpu, const Insn& insn) {
    u16 selector = 0;
    TRY_GUEST(fetch_selector(cpu, insn, selector));
    if (null_selector(selector)) {
        cpu.s.ldtr = null_segment(selector);
        return Outcome::success();
    }
    Descriptor d;
    TRY_GUEST(read_system_descriptor(cpu, selector, d));
    if (!d.is_system(kLdt)) return Outcome::fault(kVectorGP, selector_error(selector));
    if (!d.present()) return Outcome::fault(kVectorNP, selector_error(selector));
    cpu.s.ldtr = make_segment(selector, d);
    return Outcome::success();
}

Outcome do_ltr(Cpu& cpu, const Insn& insn) {
    u16 selector = 0;
    TRY_GUEST(fetch_selector(cpu, insn, selector));
    if (null_selector(selector)) return Outcome::fault(kVectorGP, 0);
    Descriptor d;
    TRY_GUEST(read_system_descriptor(cpu, selector, d));
    const bool available = d.is_system(kTssAvailable) || (!cpu.s.long_mode() && d.is_system(kTss16Available));
    if (!available) return Outcome::fault(kVectorGP, selector_error(selector));
    if (!d.present()) return Outcome::fault(kVectorNP, selector_error(selector));
    TRY_GUEST(set_tss_busy(cpu, selector, d, true));
    cpu.s.tr = make_segment(selector, d);
    cpu.s.tr.attributes |= 2;
    return Outcome::success();
}

}  // namespace twin86
