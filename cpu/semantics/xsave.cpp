// XSAVE, XSAVEOPT, XSAVEC and XSAVES, SDM vol. 1, 13.7, 13.9 to 13.11.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/xsave_area.h"
#include "cpu/semantics/xsave_checks.h"

namespace twin86 {
namespace {

constexpr u64 kCompactedFlag = bit(63);

/// The whole area of what is asked for must be writable, whatever of it is written then: its start and its end are touched
/// first, as on Zen 4.
Outcome check_area(Cpu& cpu, const Insn& insn, unsigned size) {
    TRY_GUEST(probe_operand(cpu, insn, 0, 1, true));
    return probe_operand(cpu, insn, size - 1, 1, true);
}

/// The area is known to be writable.
Outcome write_ranges(Cpu& cpu, const Insn& insn, const XsaveRanges& ranges, const u64* header, unsigned header_bytes) {
    const u64 area = effective_address(cpu, insn);
    const auto linear = [&](unsigned offset) { return segment_linear(cpu.s, insn.mem.segment, area + offset); };
    for (const auto& r : ranges) TRY_GUEST(cpu.host.write_linear(linear(r.memory), cpu.s.xsave + r.image, r.size));
    return cpu.host.write_linear(linear(kXsaveXstateBv), header, header_bytes);
}

/// XSAVE saves all that is asked for, XSAVEOPT what is in use. MXCSR goes with SSE and AVX in any configuration.
Outcome save_standard(Cpu& cpu, const Insn& insn, bool optimize) {
    TRY_GUEST(check_xsave_operand(cpu, insn));
    const u64 requested = requested_components(cpu.s) & cpu.s.xcr0;
    TRY_GUEST(check_area(cpu, insn, standard_size(cpu.traits.xsave, requested)));
    u64 header = 0;
    TRY_GUEST(read_segment(cpu, insn.mem.segment, effective_address(cpu, insn) + kXsaveXstateBv, &header, 8));
    XsaveImage image(cpu);
    const u64 in_use = image.in_use();
    const u64 saved = optimize ? requested & in_use : requested;
    image.normalize(saved);
    XsaveRanges ranges = standard_ranges(cpu, saved);
    if (requested & (kXfeatureSse | kXfeatureAvx)) add_mxcsr_range(ranges);
    header = (header & ~requested) | (requested & in_use);
    return write_ranges(cpu, insn, ranges, &header, 8);
}

/// XSAVEC and XSAVES: the compacted format; only what is in use is written.
Outcome save_compacted(Cpu& cpu, const Insn& insn, u64 enabled) {
    TRY_GUEST(check_xsave_operand(cpu, insn));
    const u64 requested = requested_components(cpu.s) & enabled;
    const CompactedOffsets offsets(cpu.traits.xsave, requested);
    TRY_GUEST(check_area(cpu, insn, offsets.total));
    XsaveImage image(cpu);
    u64 saved = requested & image.in_use();
    if ((requested & kXfeatureSse) && image.mxcsr() != kInitialMxcsr) saved |= kXfeatureSse;
    image.normalize(saved);
    XsaveRanges ranges;
    add_legacy_ranges(ranges, cpu.s, saved);
    if (saved & kXfeatureSse) add_mxcsr_range(ranges);
    add_extended_ranges(ranges, cpu, saved, &offsets);
    const u64 header[2] = {saved, requested | kCompactedFlag};
    return write_ranges(cpu, insn, ranges, header, 16);
}

}  // namespace

u64 requested_components(const CpuState& s) {
    return static_cast<u32>(s.gpr[kRax]) | s.gpr[kRdx] << 32;
}

Outcome check_xsave_operand(Cpu& cpu, const Insn& insn) {
    const CpuState& s = cpu.s;
    if (!(s.cr4 & kCr4OSXSAVE)) return Outcome::fault(kVectorUD);
    TRY_GUEST(check_fpu_available(s, kCr0TS));
    if (linear_address(cpu, insn) & 63) return Outcome::fault(kVectorGP, 0);
    return check_segment(cpu, insn.mem.segment, effective_address(cpu, insn), kXsaveExtendedStart, false);
}

Outcome do_xsave(Cpu& cpu, const Insn& insn) {
    return save_standard(cpu, insn, false);
}

Outcome do_xsaveopt(Cpu& cpu, const Insn& insn) {
    return save_standard(cpu, insn, true);
}

Outcome do_xsavec(Cpu& cpu, const Insn& insn) {
    return save_compacted(cpu, insn, cpu.s.xcr0);
}

Outcome do_xsaves(Cpu& cpu, const Insn& insn) {
    if (cpu.s.cr4 & kCr4OSXSAVE) TRY_GUEST(require_cpl0(cpu.s));
    return save_compacted(cpu, insn, cpu.s.xcr0 | cpu.s.xss);
}

}  // namespace twin86
