// CPUID, HLT, MONITOR/MWAIT and cache and TLB maintenance, SDM vol. 2.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"

namespace twin86 {
namespace {

Outcome general_protection() {
    return Outcome::fault(kVectorGP, 0);
}

unsigned current_pcid(const CpuState& s) {
    return s.cr4 & kCr4PCIDE ? s.cr3 & 0xfff : 0;
}

enum InvpcidType : u64 { kOneAddress, kOnePcid, kAllWithGlobals, kAllButGlobals };

}  // namespace

Outcome do_cpuid(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    u32 out[4] = {};
    cpu.model.cpuid(static_cast<u32>(s.gpr[kRax]), static_cast<u32>(s.gpr[kRcx]), s, out);
    s.gpr[kRax] = out[0];
    s.gpr[kRbx] = out[1];
    s.gpr[kRcx] = out[2];
    s.gpr[kRdx] = out[3];
    return Outcome::success();
}

Outcome do_hlt(Cpu& cpu, const Insn&) {
    TRY_GUEST(require_cpl0(cpu.s));
    cpu.s.activity = Activity::kHalted;
    return Outcome::success();
}

Outcome do_monitor(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    if (privilege(s) > 0) return Outcome::fault(kVectorUD);
    if (static_cast<u32>(s.gpr[kRcx]) != 0) return general_protection();
    const unsigned segment = insn.segment_override == kNoSegment ? +kDs : insn.segment_override;
    return probe_segment(cpu, segment, truncate(s.gpr[kRax], insn.address_bits / 8));
}

/// Waits like HLT. ECX[0] asks to wake on masked interrupts, which HLT cannot: then it does not wait at all, as
/// MWAIT may end at any time.
Outcome do_mwait(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    if (privilege(s) > 0) return Outcome::fault(kVectorUD);
    const u32 extensions = static_cast<u32>(s.gpr[kRcx]);
    if (extensions & ~1u) return general_protection();
    if (!(extensions & 1) || (s.rflags & kFlagIF)) s.activity = Activity::kHalted;
    return Outcome::success();
}

Outcome do_invlpg(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    TRY_GUEST(require_cpl0(s));
    const Gva address = linear_address(cpu, insn);
    if (!s.mode64() || canonical(s, address)) cpu.host.flush_page(address, current_pcid(s), false);
    return Outcome::success();
}

Outcome do_invpcid(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    TRY_GUEST(require_cpl0(s));
    const u64 type = read_gpr(s, insn.reg_field, insn.is64() ? 64 : 32);
    u64 descriptor[2] = {};
    TRY_GUEST(read_operand(cpu, insn, descriptor));
    const unsigned pcid = descriptor[0] & 0xfff;
    if (type > kAllButGlobals || descriptor[0] >> 12) return general_protection();
    if (type <= kOnePcid && pcid != 0 && !(s.cr4 & kCr4PCIDE)) return general_protection();
    if (type == kOneAddress && !canonical(s, descriptor[1])) return general_protection();
    switch (type) {
        case kOneAddress:
            cpu.host.flush_page(descriptor[1], pcid, false);
            break;
        case kOnePcid:
            cpu.host.flush(FlushKind::kPcid, pcid);
            break;
        case kAllWithGlobals:
            cpu.host.flush(FlushKind::kAll, 0);
            break;
        default:
            cpu.host.flush(FlushKind::kNonGlobal, 0);
    }
    return Outcome::success();
}

/// Guest memory is always coherent: nothing to write back.
Outcome do_wbinvd(Cpu& cpu, const Insn&) {
    return require_cpl0(cpu.s);
}

Outcome do_invd(Cpu& cpu, const Insn&) {
    return require_cpl0(cpu.s);
}

Outcome do_clflush(Cpu& cpu, const Insn& insn) {
    return probe_line(cpu, insn.mem.segment, effective_address(cpu, insn));
}

/// Writes zeroes to the line that holds the address in rAX. APM vol. 3, CLZERO.
Outcome do_clzero(Cpu& cpu, const Insn& insn) {
    static constexpr u8 kZeroes[64] = {};
    const unsigned segment = insn.segment_override == kNoSegment ? +kDs : insn.segment_override;
    const u64 offset = truncate(cpu.s.gpr[kRax], insn.address_bits / 8);
    return write_segment(cpu, segment, offset - segment_linear(cpu.s, segment, offset) % sizeof kZeroes, kZeroes, sizeof kZeroes);
}

/// There is no system management mode to return from.
Outcome do_rsm(Cpu&, const Insn&) {
    return Outcome::fault(kVectorUD);
}

}  // namespace twin86
