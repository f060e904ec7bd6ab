// Which model-specific registers exist beside those with side effects, and what they hold.
//
// Semantics (EFER, FS/GS base, APIC base, TSC, x2APIC) are in cpu/semantics, which asks this table for the rest: plain
// state with a validity check, constants, and registers whose writes mean nothing here. SDM vol. 4; AMD64 APM vol. 2,
// appendix A; the list is what Linux, Windows and firmware touch on the processors of cpu/state/cpu_models.cpp.
#pragma once

#include <string_view>

#include "cpu/state/cpu_state.h"

namespace twin86 {

/// Facts of the processor model that decide which registers exist.
struct MsrTraits {
    bool amd = true;
    unsigned physical_bits = 40;
    bool machine_check = true;       ///< CPUID offers MCA
    bool arch_capabilities = false;  ///< CPUID offers IA32_ARCH_CAPABILITIES
    bool la57 = false;               ///< linear addresses have up to 57 bits
};

/// False: no such register, #GP(0).
bool rdmsr(const CpuState& state, u32 index, u64& value, const MsrTraits& traits = {});
/// False: no such register, read-only, or a value with reserved bits: #GP(0), nothing changed.
bool wrmsr(CpuState& state, u32 index, u64 value, const MsrTraits& traits = {});
/// The registers of this table as after RESET.
void reset_plain_msrs(CpuState& state);
/// For logs; empty when the table does not know it.
std::string_view msr_name(u32 index);

constexpr unsigned kMtrrVariableCount = 8;
constexpr u64 kPatReset = 0x0007040600070406;
/// IA32_ARCH_CAPABILITIES: RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO,
/// SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO, ITS_NO.
constexpr u64 kArchCapabilities = bit(0) | bit(1) | bit(3) | bit(4) | bit(5) | bit(6) | bit(8) | bit(13) | bit(14) | bit(15) | bit(20) | bit(24) | bit(26) | bit(27) | bit(62);

}  // namespace twin86
