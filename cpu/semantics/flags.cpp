// PUSHF, POPF, STI, CLI, STAC, CLAC, CLD, STD. SDM vol. 2; virtual interrupts, SDM vol. 3, 20.3.3 and 20.4.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/stack.h"

namespace twin86 {
namespace {

constexpr u64 kPopf16 = kFlagCF | kFlagPF | kFlagAF | kFlagZF | kFlagSF | kFlagTF | kFlagDF | kFlagOF | kFlagNT;
constexpr u64 kPopf32 = kPopf16 | kFlagAC | kFlagID;

Outcome general_protection() {
    return Outcome::fault(kVectorGP, 0);
}

void merge_flags(CpuState& s, u64 image, u64 mask) {
    s.rflags = (s.rflags & ~(mask | kFlagRF)) | (image & mask) | kFlagReserved1;
}

/// VM86 with IOPL < 3: PUSHF and POPF work on VIF under CR4.VME in their 16-bit forms, else they are #GP.
bool uses_virtual_if(const CpuState& s) {
    return s.vm86() && s.iopl() < 3;
}

bool virtual_if_allowed(const CpuState& s, unsigned bytes) {
    return (s.cr4 & kCr4VME) && bytes == 2;
}

Outcome popf_virtual(CpuState& s, PopFrame& frame, u64 image) {
    if ((image & kFlagTF) || ((image & kFlagIF) && (s.rflags & kFlagVIP))) return general_protection();
    frame.commit();
    merge_flags(s, image, kPopf16);
    s.rflags = image & kFlagIF ? s.rflags | kFlagVIF : s.rflags & ~u64{kFlagVIF};
    return Outcome::success();
}

enum class IfControl { kReal, kVirtual, kDenied };

/// Which flag STI and CLI work on.
IfControl if_control(const CpuState& s) {
    if (!s.protected_mode() || s.iopl() >= s.cpl()) return IfControl::kReal;
    if (s.vm86()) return s.cr4 & kCr4VME ? IfControl::kVirtual : IfControl::kDenied;
    return s.cpl() == 3 && (s.cr4 & kCr4PVI) ? IfControl::kVirtual : IfControl::kDenied;
}

Outcome set_ac(CpuState& s, bool on) {
    if (privilege(s) > 0) return Outcome::fault(kVectorUD);
    s.rflags = on ? s.rflags | kFlagAC : s.rflags & ~u64{kFlagAC};
    return Outcome::success();
}

}  // namespace

Outcome do_pushf(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const unsigned bytes = stack_operand_bytes(insn);
    u64 image = s.rflags & ~u64{kFlagRF | kFlagVM};
    if (uses_virtual_if(s)) {
        if (!virtual_if_allowed(s, bytes)) return general_protection();
        image = (image & ~u64{kFlagIF}) | kFlagIOPL | (s.rflags & kFlagVIF ? u64{kFlagIF} : 0);
    }
    return push(cpu, image, bytes);
}

Outcome do_popf(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const unsigned bytes = stack_operand_bytes(insn);
    if (uses_virtual_if(s) && !virtual_if_allowed(s, bytes)) return general_protection();
    PopFrame frame(cpu, bytes);
    u64 image = 0;
    TRY_GUEST(frame.pop(image));
    if (uses_virtual_if(s)) return popf_virtual(s, frame, image);
    u64 mask = bytes == 2 ? kPopf16 : kPopf32;
    const unsigned cpl = privilege(s);
    if (cpl <= s.iopl()) mask |= kFlagIF;
    if (cpl == 0) mask |= kFlagIF | kFlagIOPL;
    frame.commit();
    merge_flags(s, image, mask);
    return Outcome::success();
}

Outcome do_sti(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    switch (if_control(s)) {
        case IfControl::kReal:
            if (!(s.rflags & kFlagIF)) s.shadow = kShadowSti;
            s.rflags |= kFlagIF;
            return Outcome::success();
        case IfControl::kVirtual:
            if (s.rflags & kFlagVIP) return general_protection();
            s.rflags |= kFlagVIF;
            return Outcome::success();
        default:
            return general_protection();
    }
}

Outcome do_cli(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    switch (if_control(s)) {
        case IfControl::kReal:
            s.rflags &= ~u64{kFlagIF};
            return Outcome::success();
        case IfControl::kVirtual:
            s.rflags &= ~u64{kFlagVIF};
            return Outcome::success();
        default:
            return general_protection();
    }
}

Outcome do_stac(Cpu& cpu, const Insn&) {
    return set_ac(cpu.s, true);
}

Outcome do_clac(Cpu& cpu, const Insn&) {
    return set_ac(cpu.s, false);
}

Outcome do_cld(Cpu& cpu, const Insn&) {
    cpu.s.rflags &= ~u64{kFlagDF};
    return Outcome::success();
}

Outcome do_std(Cpu& cpu, const Insn&) {
    cpu.s.rflags |= kFlagDF;
    return Outcome::success();
}

}  // namespace twin86
