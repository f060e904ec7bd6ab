#include "cpu/state/msr_table.h"

#include <algorithm>
#include <iterator>

#include "cpu/state/machine_check.h"

namespace twin86 {

namespace {

// ---- validity of values ----------------------------------------------------------------------------------------------

using Valid = bool (*)(u64 value, const MsrTraits& traits);

bool any(u64, const MsrTraits&) { return true; }
bool zero(u64 value, const MsrTraits&) { return value == 0; }
bool low_32(u64 value, const MsrTraits&) { return value >> 32 == 0; }
/// By the width that the processor has, whatever CR4.LA57 says.
bool canonical(u64 value, const MsrTraits& t) {
    const unsigned unused = t.la57 ? 64 - 57 : 64 - 48;
    return static_cast<u64>(static_cast<i64>(value << unused) >> unused) == value;
}
/// IBRS, STIBP and SSBD may be set and mean nothing here.
bool spec_ctrl(u64 value, const MsrTraits&) { return (value & ~u64{7}) == 0; }
/// Both halves of a command register; nothing to do for either.
bool one_bit(u64 value, const MsrTraits&) { return value <= 1; }

/// UC, WC, WT, WP, WB (SDM vol. 3, table 12-8).
bool mtrr_type(u64 type) { return type <= 6 && type != 2 && type != 3; }

template <class Check>
bool every_byte(u64 value, Check check) {
    for (unsigned i = 0; i < 8; ++i)
        if (!check(value >> (i * 8) & 0xff)) return false;
    return true;
}

bool mtrr_fixed(u64 value, const MsrTraits&) { return every_byte(value, mtrr_type); }
bool pat(u64 value, const MsrTraits&) {
    return every_byte(value, [](u64 type) { return type == 7 || mtrr_type(type); });
}
bool mtrr_def_type(u64 value, const MsrTraits&) { return (value & ~u64{0xcff}) == 0 && mtrr_type(value & 0xff); }

/// Even registers are bases with a type, odd ones masks with a valid bit.
bool mtrr_base(u64 value, const MsrTraits& t) { return value >> t.physical_bits == 0 && (value & 0xf00) == 0 && mtrr_type(value & 0xff); }
bool mtrr_mask(u64 value, const MsrTraits& t) { return value >> t.physical_bits == 0 && (value & 0x7ff) == 0; }

// ---- the registers ---------------------------------------------------------------------------------------------------

enum class Who : u8 { kAll, kAmd, kIntel, kArchCapabilities };
enum class Kind : u8 {
    kState,      ///< a field of CpuState
    kConstant,   ///< writes are #GP
    kIgnored,    ///< reads a constant, valid writes are dropped
    kWriteOnly,  ///< reads are #GP, valid writes are dropped
};

struct Row {
    u32 first, count;
    std::string_view name;
    Who who;
    Kind kind;
    u64 CpuState::*field;
    u64 constant;
    Valid valid;
};

constexpr Row state(u32 index, std::string_view name, u64 CpuState::*field, Valid valid) {
    return {index, 1, name, Who::kAll, Kind::kState, field, 0, valid};
}
constexpr Row constant(u32 index, std::string_view name, Who who, u64 value = 0) {
    return {index, 1, name, who, Kind::kConstant, nullptr, value, zero};
}
constexpr Row ignored(u32 first, u32 count, std::string_view name, Who who, u64 value = 0, Valid valid = any) {
    return {first, count, name, who, Kind::kIgnored, nullptr, value, valid};
}
constexpr Row command(u32 index, std::string_view name, Valid valid) {
    return {index, 1, name, Who::kAll, Kind::kWriteOnly, nullptr, 0, valid};
}

/// Sorted by number; of two rows with the same number the first that the processor has counts.
constexpr Row kRows[] = {
    ignored(0x0, 2, "P5_MC", Who::kAll),
    constant(0x17, "IA32_PLATFORM_ID", Who::kIntel),
    ignored(0x2a, 1, "EBL_CR_POWERON", Who::kIntel),
    ignored(0x33, 1, "TEST_CTRL", Who::kIntel),
    constant(0x34, "SMI_COUNT", Who::kIntel),
    constant(0x3a, "IA32_FEATURE_CONTROL", Who::kIntel, 1),  // locked, VMX off
    state(0x48, "IA32_SPEC_CTRL", &CpuState::spec_ctrl, spec_ctrl),
    command(0x49, "IA32_PRED_CMD", one_bit),
    command(0x79, "IA32_BIOS_UPDT_TRIG", any),
    ignored(0x8b, 1, "PATCH_LEVEL", Who::kAmd, 0x01000065),
    ignored(0x8b, 1, "IA32_BIOS_SIGN_ID", Who::kIntel, u64{1} << 32),  // software writes 0 before CPUID loads it
    constant(0xce, "PLATFORM_INFO", Who::kIntel),
    constant(0xfe, "IA32_MTRRCAP", Who::kAll, 0x500 | kMtrrVariableCount),  // WC, fixed ranges
    constant(0x10a, "IA32_ARCH_CAPABILITIES", Who::kArchCapabilities, kArchCapabilities),
    command(0x10b, "IA32_FLUSH_CMD", one_bit),
    ignored(0x140, 1, "MISC_FEATURES_ENABLES", Who::kIntel, 0, zero),
    state(0x174, "IA32_SYSENTER_CS", &CpuState::sysenter_cs, low_32),
    state(0x175, "IA32_SYSENTER_ESP", &CpuState::sysenter_esp, canonical),
    state(0x176, "IA32_SYSENTER_EIP", &CpuState::sysenter_eip, canonical),
    constant(0x198, "IA32_PERF_STATUS", Who::kIntel),
    ignored(0x199, 1, "IA32_PERF_CTL", Who::kIntel),
    state(0x1a0, "IA32_MISC_ENABLE", &CpuState::misc_enable, any),
    ignored(0x1d9, 1, "IA32_DEBUGCTL", Who::kAll, 0, low_32),  // no branch records, no BTF
    constant(0x1db, "LASTBRANCHFROMIP", Who::kAll),
    constant(0x1dc, "LASTBRANCHTOIP", Who::kAll),
    constant(0x1dd, "LASTINTFROMIP", Who::kAll),
    constant(0x1de, "LASTINTTOIP", Who::kAll),
    state(0x277, "IA32_PAT", &CpuState::pat, pat),
    state(0x2ff, "IA32_MTRR_DEF_TYPE", &CpuState::mtrr_def_type, mtrr_def_type),
    state(0xda0, "IA32_XSS", &CpuState::xss, zero),  // no supervisor components
    state(0xc0000081, "STAR", &CpuState::star, any),
    state(0xc0000082, "LSTAR", &CpuState::lstar, canonical),
    state(0xc0000083, "CSTAR", &CpuState::cstar, canonical),
    state(0xc0000084, "SFMASK", &CpuState::sfmask, low_32),
    state(0xc0000102, "KERNEL_GS_BASE", &CpuState::kernel_gs_base, canonical),
    state(0xc0000103, "TSC_AUX", &CpuState::tsc_aux, low_32),
    ignored(0xc0010000, 8, "PERF_LEGACY", Who::kAmd),  // Linux sees that they do not count and does without
    ignored(0xc0010010, 1, "SYSCFG", Who::kAmd),
    ignored(0xc0010015, 1, "HWCR", Who::kAmd, bit(24)),  // TscFreqSel: Linux complains when it is 0
    ignored(0xc0010016, 4, "IORR", Who::kAmd),
    ignored(0xc001001a, 1, "TOP_MEM", Who::kAmd),
    ignored(0xc001001d, 1, "TOP_MEM2", Who::kAmd),
    ignored(0xc001001f, 1, "NB_CFG", Who::kAmd),  // Linux sets EnableCf8ExtCfg
    command(0xc0010020, "PATCH_LOADER", any),
    ignored(0xc0010055, 1, "INT_PENDING", Who::kAmd),  // no C1E
    ignored(0xc0010058, 1, "MMIO_CONF_BASE", Who::kAmd),
    constant(0xc0010061, "PSTATE_CUR_LIMIT", Who::kAmd),
    ignored(0xc0010062, 1, "PSTATE_CONTROL", Who::kAmd),
    constant(0xc0010063, "PSTATE_STATUS", Who::kAmd),
    ignored(0xc0010064, 8, "PSTATE_DEF", Who::kAmd),
    ignored(0xc0010111, 3, "SMM_BASE", Who::kAmd),
    ignored(0xc0010114, 1, "VM_CR", Who::kAmd, bit(3) | bit(4)),  // SVM disabled and locked
    ignored(0xc0010115, 1, "IGNNE", Who::kAmd),
    constant(0xc0010140, "OSVW_ID_LENGTH", Who::kAmd),  // no erratum is listed
    constant(0xc0010141, "OSVW_STATUS", Who::kAmd),
    ignored(0xc0011020, 9, "LS_CFG", Who::kAmd),  // LS, IC, DC, BU, FP: chicken bits
    ignored(0xc0011029, 1, "DE_CFG", Who::kAmd, bit(1)),  // LFENCE serializes
    ignored(0xc001102a, 4, "BU_CFG2", Who::kAmd),
};

static_assert(std::is_sorted(std::begin(kRows), std::end(kRows), [](const Row& a, const Row& b) { return a.first < b.first; }));

bool exists(Who who, const MsrTraits& traits) {
    switch (who) {
        case Who::kAmd: return traits.amd;
        case Who::kIntel: return !traits.amd;
        case Who::kArchCapabilities: return traits.arch_capabilities;
        case Who::kAll: break;
    }
    return true;
}

/// `accept` sees the rows that cover the index, in order.
template <class Accept>
const Row* find(u32 index, Accept accept) {
    const Row* row = std::upper_bound(std::begin(kRows), std::end(kRows), index, [](u32 i, const Row& r) { return i < r.first; });
    while (row != std::begin(kRows)) {
        --row;
        if (index - row->first >= row->count) return nullptr;
        if (accept(*row)) return row;
    }
    return nullptr;
}

const Row* find(u32 index, const MsrTraits& traits) {
    return find(index, [&traits](const Row& r) { return exists(r.who, traits); });
}

// ---- MTRRs: arrays of CpuState ---------------------------------------------------------------------------------------

constexpr u32 kFirstMtrrVariable = 0x200;

struct MtrrSlot {
    int fixed = -1, variable = -1;
    explicit operator bool() const { return fixed >= 0 || variable >= 0; }
    u64& in(CpuState& s) const { return fixed >= 0 ? s.mtrr_fixed[fixed] : s.mtrr_variable[variable]; }
    u64 in(const CpuState& s) const { return fixed >= 0 ? s.mtrr_fixed[fixed] : s.mtrr_variable[variable]; }
    bool valid(u64 value, const MsrTraits& t) const {
        if (fixed >= 0) return mtrr_fixed(value, t);
        return variable % 2 == 0 ? mtrr_base(value, t) : mtrr_mask(value, t);
    }
};

MtrrSlot mtrr_slot(u32 index) {
    static constexpr u32 kFixed[11] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    MtrrSlot slot;
    if (index - kFirstMtrrVariable < 2 * kMtrrVariableCount) slot.variable = static_cast<int>(index - kFirstMtrrVariable);
    if (const auto at = std::find(std::begin(kFixed), std::end(kFixed), index); at != std::end(kFixed)) slot.fixed = static_cast<int>(at - kFixed);
    return slot;
}

}  // namespace

bool rdmsr(const CpuState& s, u32 index, u64& value, const MsrTraits& traits) {
    if (const MtrrSlot slot = mtrr_slot(index)) return value = slot.in(s), true;
    if (is_machine_check_msr(index)) return value = read_machine_check(s, index), traits.machine_check;
    const Row* row = find(index, traits);
    if (row == nullptr || row->kind == Kind::kWriteOnly) return false;
    value = row->kind == Kind::kState ? s.*row->field : row->constant;
    return true;
}

bool wrmsr(CpuState& s, u32 index, u64 value, const MsrTraits& traits) {
    if (const MtrrSlot slot = mtrr_slot(index)) {
        if (!slot.valid(value, traits)) return false;
        slot.in(s) = value;
        return true;
    }
    if (is_machine_check_msr(index)) return traits.machine_check && write_machine_check(s, index, value, traits.amd);
    const Row* row = find(index, traits);
    if (row == nullptr || row->kind == Kind::kConstant || !row->valid(value, traits)) return false;
    if (row->kind == Kind::kState) s.*row->field = value;
    return true;
}

void reset_plain_msrs(CpuState& s) {
    for (const Row& row : kRows)
        if (row.kind == Kind::kState) s.*row.field = 0;
    std::fill(std::begin(s.mtrr_fixed), std::end(s.mtrr_fixed), 0);
    std::fill(std::begin(s.mtrr_variable), std::end(s.mtrr_variable), 0);
    reset_machine_check(s);
    s.pat = kPatReset;
    s.misc_enable = bit(0) | bit(11) | bit(12);  // fast strings; no branch trace, no PEBS
}

std::string_view msr_name(u32 index) {
    if (mtrr_slot(index)) return "IA32_MTRR";
    if (is_machine_check_msr(index)) return "IA32_MC";
    const Row* row = find(index, [](const Row&) { return true; });
    return row != nullptr ? row->name : std::string_view{};
}

}  // namespace twin86
