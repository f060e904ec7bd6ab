// FXSAVE and FXRSTOR, SDM vol. 1, 10.5; with AMD's EFER.FFXSR (APM vol. 2, 3.1.7).
#include <cstring>

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/xsave_area.h"

namespace twin86 {
namespace {

constexpr unsigned kFxsaveSize = 512;

/// The form with REX.W keeps 64-bit instruction and data pointers, the other has 32 bits and a (zero) selector.
bool wide_pointers(const Insn& insn) {
    return insn.is64() && (insn.rex & 8);
}

void drop_pointer_uppers(u8* area) {
    std::memset(area + kXsaveFip + 4, 0, 4);
    std::memset(area + kXsaveFdp + 4, 0, 4);
}

/// Fast FXSAVE leaves out the XMM registers at CPL 0 in 64-bit mode.
u64 components(const CpuState& s) {
    const bool fast = (s.efer & kEferFFXSR) && s.mode64() && s.cpl() == 0;
    return fast ? u64{kXfeatureX87} : kXfeatureX87 | kXfeatureSse;
}

/// The operand has 512 bytes whatever parts of it are used. Its end is touched first, as on Zen 4. Whether #AC or #GP comes
/// of a misaligned one is open (SDM vol. 2, FXSAVE): #AC where not even dwords are aligned, as there.
Outcome check_operand(Cpu& cpu, const Insn& insn, bool write) {
    TRY_GUEST(check_fpu_available(cpu.s, kCr0TS | kCr0EM));
    TRY_GUEST(check_segment(cpu, insn.mem.segment, effective_address(cpu, insn), kFxsaveSize, write));
    const Gva linear = linear_address(cpu, insn);
    TRY_GUEST(check_alignment(cpu, linear, 4));
    if (linear & 15) return Outcome::fault(kVectorGP, 0);
    TRY_GUEST(probe_operand(cpu, insn, kFxsaveSize - 1, 1, write));
    return probe_operand(cpu, insn, 0, 1, write);
}

}  // namespace

Outcome do_fxsave(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_operand(cpu, insn, true));
    const CpuState& s = cpu.s;
    XsaveImage image(cpu);
    image.normalize(kXfeatureX87 | kXfeatureSse);
    u8 area[kXsaveAvailable];
    std::memcpy(area, s.xsave, sizeof area);
    if (!wide_pointers(insn)) drop_pointer_uppers(area);
    const u32 mask = image.mxcsr_mask();
    std::memcpy(area + kXsaveMxcsrMask, &mask, 4);
    const unsigned end = !(components(s) & kXfeatureSse) ? kXsaveXmm0
                         : s.mode64()                    ? kXsaveXmm0 + 256
                                                         : kXsaveXmm0 + 128;
    return write_operand(cpu, insn, area, end);
}

Outcome do_fxrstor(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_operand(cpu, insn, false));
    u8 area[kFxsaveSize];
    TRY_GUEST(read_operand(cpu, insn, area, sizeof area));
    XsaveImage image(cpu);
    u32 mxcsr;
    std::memcpy(&mxcsr, area + kXsaveMxcsr, 4);
    if (mxcsr & ~image.mxcsr_mask()) return Outcome::fault(kVectorGP, 0);
    if (!wide_pointers(insn)) drop_pointer_uppers(area);
    XsaveRanges ranges;
    const u64 loaded = components(cpu.s);
    add_legacy_ranges(ranges, cpu.s, loaded);
    image.normalize(loaded);
    for (const auto& r : ranges) std::memcpy(image.at(r.image), area + r.memory, r.size);
    image.set_control_and_status(image.read16(kXsaveFcw), image.read16(kXsaveFsw));
    image.mark_in_use(loaded);
    image.set_mxcsr(mxcsr);
    return Outcome::success();
}

}  // namespace twin86
