#include "cpu/state/machine_check.h"

#include <algorithm>
#include <iterator>

#include "base/bits.h"

namespace twin86 {

namespace {

enum Index : u32 { kMcgCap = 0x179, kMcgStatus = 0x17a, kMcgCtl = 0x17b, kFirstBank = 0x400 };
enum BankRegister : u32 { kCtl, kStatus, kAddr, kMisc, kBankRegisters };

constexpr u64 kCtlPresent = bit(8);
constexpr u64 kStatusBits = 7;  // RIPV, EIPV, MCIP

bool in_bank(u32 index) { return index - kFirstBank < kMachineCheckBanks * kBankRegisters; }
unsigned bank_of(u32 index) { return (index - kFirstBank) / kBankRegisters; }
BankRegister register_of(u32 index) { return static_cast<BankRegister>((index - kFirstBank) % kBankRegisters); }

bool store(u64& field, u64 value) {
    field = value;
    return true;
}

/// Software clears what a bank has reported; only hardware sets it. AMD's address register takes any value. Its
/// HWCR.McStatusWrEn, which would open the others for tests, is not offered.
bool write_bank(CpuState& s, u32 index, u64 value, bool amd) {
    switch (register_of(index)) {
        case kCtl: return store(s.mc_ctl[bank_of(index)], value);
        case kAddr: return amd ? store(s.mc_addr[bank_of(index)], value) : value == 0;
        default: return value == 0;
    }
}

}  // namespace

bool is_machine_check_msr(u32 index) { return (index >= kMcgCap && index <= kMcgCtl) || in_bank(index); }

u64 read_machine_check(const CpuState& s, u32 index) {
    switch (index) {
        case kMcgCap: return kCtlPresent | kMachineCheckBanks;
        case kMcgStatus: return s.mcg_status;
        case kMcgCtl: return s.mcg_ctl;
        default: break;
    }
    if (register_of(index) == kCtl) return s.mc_ctl[bank_of(index)];
    return register_of(index) == kAddr ? s.mc_addr[bank_of(index)] : 0;
}

/// IA32_MCG_STATUS: Intel takes 0 alone, AMD lets software write the bits that exist.
bool write_machine_check(CpuState& s, u32 index, u64 value, bool amd) {
    switch (index) {
        case kMcgCap: return false;
        case kMcgStatus: return (value & ~(amd ? kStatusBits : 0)) == 0 && store(s.mcg_status, value);
        case kMcgCtl: return store(s.mcg_ctl, value);
        default: return write_bank(s, index, value, amd);
    }
}

void reset_machine_check(CpuState& s) {
    s.mcg_status = s.mcg_ctl = 0;
    std::fill(std::begin(s.mc_ctl), std::end(s.mc_ctl), 0);
    std::fill(std::begin(s.mc_addr), std::end(s.mc_addr), 0);
}

}  // namespace twin86
