// Control registers: SDM vol. 2, MOV CR, LMSW, SMSW, CLTS; vol. 3, 2.5 and 4.1.2 (mode switches), 4.10.4 (flushes).
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

constexpr u64 kCr0Defined =
    kCr0PE | kCr0MP | kCr0EM | kCr0TS | kCr0ET | kCr0NE | kCr0WP | kCr0AM | kCr0NW | kCr0CD | kCr0PG;
constexpr u64 kCr3NoFlush = bit(63);
constexpr u64 kPcidMask = 0xfff;
/// Changes of these alter the meaning of cached translations.
constexpr u64 kCr0FlushBits = kCr0PE | kCr0WP | kCr0PG;
constexpr u64 kCr4FlushBits = kCr4PSE | kCr4PAE | kCr4PGE | kCr4LA57 | kCr4PCIDE | kCr4SMEP | kCr4SMAP | kCr4PKE;

Outcome general_protection() {
    return Outcome::fault(kVectorGP, 0);
}

/// What long mode asks for when it becomes active: SDM vol. 3, 9.8.5; AMD's processors come out of reset with a 16-bit TSS
/// and do not look at TR (APM vol. 2, 14.6.1).
bool long_mode_consistent(const Cpu& cpu) {
    const CpuState& s = cpu.s;
    return (s.cr4 & kCr4PAE) && !s.segment[kCs].long_mode() && (cpu.traits.amd || tss_is_32bit(s));
}

bool valid_cr0(const Cpu& cpu, u64 value) {
    const CpuState& s = cpu.s;
    if (value >> 32) return false;
    if ((value & kCr0PG) && !(value & kCr0PE)) return false;
    if ((value & kCr0NW) && !(value & kCr0CD)) return false;
    const bool was_paged = s.cr0 & kCr0PG, paged = value & kCr0PG;
    if (!was_paged && paged && (s.efer & kEferLME)) return long_mode_consistent(cpu);
    if (was_paged && !paged) return !(s.cr4 & kCr4PCIDE) && !s.mode64();
    return true;
}

/// PAE paging loads its four pointers when it is entered, and with CR3: SDM vol. 3, 4.4.1.
bool pointers_valid(Cpu& cpu, u64 cr0, u64 cr3, u64 cr4) {
    const bool pae = (cr0 & kCr0PG) && (cr4 & kCr4PAE) && !(cpu.s.efer & kEferLME);
    return !pae || cpu.host.valid_pae_pointers(cr3);
}

Outcome write_cr0(Cpu& cpu, u64 value) {
    CpuState& s = cpu.s;
    if (!valid_cr0(cpu, value) || !pointers_valid(cpu, value, s.cr3, s.cr4)) return general_protection();
    value = (value & kCr0Defined) | kCr0ET;
    const u64 changed = s.cr0 ^ value;
    s.cr0 = value;
    const bool long_mode = (value & kCr0PG) && (s.efer & kEferLME);
    s.efer = long_mode ? s.efer | kEferLMA : s.efer & ~u64{kEferLMA};
    if (changed & kCr0FlushBits) cpu.host.flush(FlushKind::kAll, 0);
    return Outcome::success();
}

Outcome write_cr3(Cpu& cpu, u64 value) {
    CpuState& s = cpu.s;
    const bool pcid = s.cr4 & kCr4PCIDE;
    const bool keep = pcid && (value & kCr3NoFlush);
    if (pcid) value &= ~kCr3NoFlush;
    if (value >> cpu.traits.physical_bits || !pointers_valid(cpu, s.cr0, value, s.cr4)) return general_protection();
    s.cr3 = value;
    cpu.host.address_space_switched(keep);
    return Outcome::success();
}

bool valid_cr4(const Cpu& cpu, u64 value) {
    const CpuState& s = cpu.s;
    if (value & ~cpu.traits.cr4_supported) return false;
    if (s.long_mode() && (!(value & kCr4PAE) || ((s.cr4 ^ value) & kCr4LA57))) return false;
    const bool pcid_enabled = (value & kCr4PCIDE) && !(s.cr4 & kCr4PCIDE);
    return !pcid_enabled || (s.long_mode() && (s.cr3 & kPcidMask) == 0);
}

Outcome write_cr4(Cpu& cpu, u64 value) {
    if (!valid_cr4(cpu, value) || !pointers_valid(cpu, cpu.s.cr0, cpu.s.cr3, value)) return general_protection();
    const u64 changed = cpu.s.cr4 ^ value;
    cpu.s.cr4 = value;
    if (changed & kCr4FlushBits) cpu.host.flush(FlushKind::kAll, 0);
    return Outcome::success();
}

Outcome write_cr8(Cpu& cpu, u64 value) {
    if (value > 15) return general_protection();
    cpu.host.write_tpr(static_cast<u8>(value));
    return Outcome::success();
}

/// LOCK MOV CR0 is CR8 on AMD (APM vol. 3, MOV CRn; CPUID 8000_0001h ECX[4]).
unsigned register_number(const Cpu& cpu, const Insn& insn) {
    return insn.lock && insn.reg_field == 0 && cpu.traits.amd ? 8 : insn.reg_field;
}

bool exists(unsigned number) {
    return number == 0 || number == 2 || number == 3 || number == 4 || number == 8;
}

unsigned register_bits(const Insn& insn) {
    return insn.is64() ? 64 : 32;
}

}  // namespace

Outcome do_mov_to_cr(Cpu& cpu, const Insn& insn) {
    const unsigned number = register_number(cpu, insn);
    if (!exists(number)) return Outcome::fault(kVectorUD);
    TRY_GUEST(require_cpl0(cpu.s));
    const u64 value = read_gpr(cpu.s, insn.rm_field, register_bits(insn));
    switch (number) {
        case 0:
            return write_cr0(cpu, value);
        case 3:
            return write_cr3(cpu, value);
        case 4:
            return write_cr4(cpu, value);
        case 8:
            return write_cr8(cpu, value);
        default:
            cpu.s.cr2 = value;
            return Outcome::success();
    }
}

Outcome do_mov_from_cr(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const unsigned number = register_number(cpu, insn);
    if (!exists(number)) return Outcome::fault(kVectorUD);
    TRY_GUEST(require_cpl0(s));
    const u64 value = number == 0   ? s.cr0
                      : number == 2 ? s.cr2
                      : number == 3 ? s.cr3
                      : number == 4 ? s.cr4
                                    : cpu.host.read_tpr() & 15u;
    write_gpr(s, insn.rm_field, register_bits(insn), value);
    return Outcome::success();
}

Outcome do_clts(Cpu& cpu, const Insn&) {
    TRY_GUEST(require_cpl0(cpu.s));
    cpu.s.cr0 &= ~u64{kCr0TS};
    return Outcome::success();
}

/// Loads PE, MP, EM and TS; PE can be set but not cleared.
Outcome do_lmsw(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(require_cpl0(cpu.s));
    u16 value = 0;
    TRY_GUEST(read_rm16(cpu, insn, value));
    const u64 keep = cpu.s.cr0 & ~u64{kCr0MP | kCr0EM | kCr0TS};
    return write_cr0(cpu, keep | (value & 0xf));
}

Outcome do_smsw(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_umip(cpu.s));
    if (insn.has_mem) return write_operand(cpu, insn, static_cast<u16>(cpu.s.cr0));
    write_gpr(cpu.s, insn.rm_field, insn.operand_bits, cpu.s.cr0);
    return Outcome::success();
}

}  // namespace twin86
