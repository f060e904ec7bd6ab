#include "bios/acpi_fixed.h"

#include "base/bits.h"
#include "bios/byte_view.h"

namespace twin86 {
namespace {

constexpr u64 kHeaderSize = 36;
constexpr std::string_view kOemId = "TWIN86", kOemTableId = "TWIN86PC", kCreatorId = "TW86";

void add_text(std::vector<u8>& bytes, std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
}
void put_text(std::vector<u8>& bytes, u64 offset, std::string_view text) {
    CHECK(offset + text.size() <= bytes.size(), "{}", text);
    std::memcpy(bytes.data() + offset, text.data(), text.size());
}

/// Generic address structure, 5.2.3.2.
struct GenericAddress {
    enum Space : u8 { kMemory = 0, kIo = 1 };
    u8 space = kMemory;
    u8 width_bits = 0;
    u8 access_size = 0;  // 1: byte, 2: word, 3: dword
    u64 address = 0;
};

void put_address(std::vector<u8>& bytes, u64 offset, const GenericAddress& a) {
    put<u8>(bytes, offset, a.space);
    put<u8>(bytes, offset + 1, a.width_bits);
    put<u8>(bytes, offset + 3, a.access_size);
    put<u64>(bytes, offset + 4, a.address);
}

// FADT, table 5.9: offsets.
constexpr u64 kFadtSize = 276;
constexpr u8 kFadtRevision = 6;
constexpr u64 kFirmwareCtrl = 36, kDsdt = 40, kPreferredProfile = 45, kSciInt = 46, kSmiCmd = 48, kAcpiEnable = 52;
constexpr u64 kAcpiDisable = 53, kPm1aEvtBlk = 56, kPm1aCntBlk = 64, kPmTmrBlk = 76, kGpe0Blk = 80, kPm1EvtLen = 88;
constexpr u64 kPm1CntLen = 89, kPmTmrLen = 91, kGpe0BlkLen = 92, kPLvl2Lat = 96, kPLvl3Lat = 98, kCentury = 108;
constexpr u64 kIapcBootArch = 109, kFlags = 112, kResetReg = 116, kResetValue = 128, kXDsdt = 140, kXPm1aEvt = 148;
constexpr u64 kXPm1aCnt = 172, kXPmTmr = 208, kXGpe0 = 220;

// Table 5.10, fixed feature flags: the power button is a fixed one, there is no sleep button and no RTC wake.
constexpr u32 kWbinvd = bit(0), kProcC1 = bit(2), kNoSleepButton = bit(5), kNoFixedRtcWake = bit(6);
constexpr u32 kTmrValExt = bit(8), kResetRegSup = bit(10);
// Table 5.11, IA-PC boot architecture flags.
constexpr u16 kLegacyDevices = bit(0), k8042 = bit(1), kVgaNotPresent = bit(2);

void put_power_blocks(std::vector<u8>& t, const AcpiConfig& c) {
    using G = GenericAddress;
    put<u32>(t, kPm1aEvtBlk, c.pm1a_event);
    put<u32>(t, kPm1aCntBlk, c.pm1a_control);
    put<u32>(t, kPmTmrBlk, c.pm_timer);
    put<u32>(t, kGpe0Blk, c.gpe0);
    put<u8>(t, kPm1EvtLen, 4);
    put<u8>(t, kPm1CntLen, 2);
    put<u8>(t, kPmTmrLen, 4);
    put<u8>(t, kGpe0BlkLen, c.gpe0_length);
    put_address(t, kXPm1aEvt, {G::kIo, 32, 2, c.pm1a_event});
    put_address(t, kXPm1aCnt, {G::kIo, 16, 2, c.pm1a_control});
    put_address(t, kXPmTmr, {G::kIo, 32, 3, c.pm_timer});
    put_address(t, kXGpe0, {G::kIo, static_cast<u8>(c.gpe0_length * 8), 1, c.gpe0});
}

// MADT, 5.2.12.
constexpr u16 kActiveHighEdge = 0x5, kActiveHighLevel = 0xd;  // MPS INTI flags, table 5.26

void add_local_apic(std::vector<u8>& body, unsigned id) {
    constexpr u32 kEnabled = 1;
    if (id < 0xff) {
        append<u8>(body, 0);  // processor local APIC
        append<u8>(body, 8);
        append<u8>(body, static_cast<u8>(id));
        append<u8>(body, static_cast<u8>(id));
        append<u32>(body, kEnabled);
        return;
    }
    append<u8>(body, 9);  // processor local x2APIC
    append<u8>(body, 16);
    append<u16>(body, 0);
    append<u32>(body, id);
    append<u32>(body, kEnabled);
    append<u32>(body, id);
}

void add_source_override(std::vector<u8>& body, u8 irq, u32 gsi, u16 flags) {
    append<u8>(body, 2);
    append<u8>(body, 10);
    append<u8>(body, 0);  // ISA
    append<u8>(body, irq);
    append<u32>(body, gsi);
    append<u16>(body, flags);
}

/// LINT1 of every processor is NMI.
void add_nmi(std::vector<u8>& body, bool x2apic) {
    append<u8>(body, 4);
    append<u8>(body, 6);
    append<u8>(body, 0xff);
    append<u16>(body, 0);
    append<u8>(body, 1);
    if (!x2apic) return;
    append<u8>(body, 10);
    append<u8>(body, 12);
    append<u16>(body, 0);
    append<u32>(body, 0xffffffff);
    append<u32>(body, 1);  // LINT1 and three reserved bytes
}

}  // namespace

AcpiTable acpi_table(std::string_view signature, u8 revision, const std::vector<u8>& body) {
    AcpiTable table;
    std::vector<u8>& t = table.bytes;
    add_text(t, signature);
    append<u32>(t, static_cast<u32>(kHeaderSize + body.size()));
    append<u8>(t, revision);
    append<u8>(t, 0);
    add_text(t, kOemId);
    add_text(t, kOemTableId);
    append<u32>(t, 1);
    add_text(t, kCreatorId);
    append<u32>(t, 1);
    CHECK(t.size() == kHeaderSize, "{}", t.size());
    t.insert(t.end(), body.begin(), body.end());
    return table;
}

std::vector<u8> build_rsdp(u64 rsdt, u64 xsdt) {
    std::vector<u8> t(36);
    put_text(t, 0, "RSD PTR ");
    put_text(t, 9, kOemId);
    put<u8>(t, 15, 2);
    put<u32>(t, 16, static_cast<u32>(rsdt));
    put<u32>(t, 20, static_cast<u32>(t.size()));
    put<u64>(t, 24, xsdt);
    return t;
}

std::vector<u8> build_facs() {
    std::vector<u8> t(64);
    put_text(t, 0, "FACS");
    put<u32>(t, 4, static_cast<u32>(t.size()));
    put<u8>(t, 32, 2);  // version
    return t;
}

AcpiTable build_root_table(std::string_view signature, unsigned entry_size, const std::vector<u64>& tables) {
    std::vector<u8> body(tables.size() * entry_size);
    for (u64 i = 0; i < tables.size(); ++i) {
        if (entry_size == 4)
            put<u32>(body, i * 4, static_cast<u32>(tables[i]));
        else
            put<u64>(body, i * 8, tables[i]);
    }
    AcpiTable table = acpi_table(signature, 1, body);
    for (u64 i = 0; i < tables.size(); ++i) table.pointers.push_back({kHeaderSize + i * entry_size, entry_size});
    return table;
}

AcpiTable build_fadt(const AcpiConfig& c, u64 facs, u64 dsdt) {
    AcpiTable table = acpi_table("FACP", kFadtRevision, std::vector<u8>(kFadtSize - kHeaderSize));
    std::vector<u8>& t = table.bytes;
    put<u32>(t, kFirmwareCtrl, static_cast<u32>(facs));
    put<u32>(t, kDsdt, static_cast<u32>(dsdt));
    put<u64>(t, kXDsdt, dsdt);
    // X_FIRMWARE_CTRL stays zero: only one of the two FACS fields may be set (table 5.9).
    table.pointers = {{kFirmwareCtrl, 4}, {kDsdt, 4}, {kXDsdt, 8}};
    put<u8>(t, kPreferredProfile, 1);  // desktop
    put<u16>(t, kSciInt, c.sci_irq);
    put<u32>(t, kSmiCmd, c.smi_command);
    put<u8>(t, kAcpiEnable, c.acpi_enable);
    put<u8>(t, kAcpiDisable, c.acpi_disable);
    put_power_blocks(t, c);
    put<u16>(t, kPLvl2Lat, 0xfff);  // no C2
    put<u16>(t, kPLvl3Lat, 0xfff);  // no C3
    put<u8>(t, kCentury, c.century_register);
    put<u16>(t, kIapcBootArch,
             static_cast<u16>(kLegacyDevices | (c.has_8042 ? k8042 : 0) | (c.has_vga ? 0 : kVgaNotPresent)));
    put<u32>(t, kFlags,
             kWbinvd | kProcC1 | kNoSleepButton | kNoFixedRtcWake | kResetRegSup | (c.pm_timer_32bit ? kTmrValExt : 0));
    put_address(t, kResetReg, {GenericAddress::kIo, 8, 1, c.reset_port});
    put<u8>(t, kResetValue, c.reset_value);
    return table;
}

AcpiTable build_madt(const AcpiConfig& c) {
    constexpr u32 kPcatCompatible = 1;
    std::vector<u8> body;
    append<u32>(body, c.lapic_address);
    append<u32>(body, kPcatCompatible);
    for (unsigned id = 0; id < c.cpus; ++id) add_local_apic(body, id);
    append<u8>(body, 1);  // I/O APIC
    append<u8>(body, 12);
    append<u8>(body, c.ioapic_id);
    append<u8>(body, 0);
    append<u32>(body, c.ioapic_address);
    append<u32>(body, 0);  // first GSI
    add_source_override(body, 0, 2, kActiveHighEdge);
    for (const u8 irq : {u8{5}, c.sci_irq, u8{10}, u8{11}}) add_source_override(body, irq, irq, kActiveHighLevel);
    add_nmi(body, c.cpus > 0xff);
    return acpi_table("APIC", 5, body);
}

AcpiTable build_hpet(const AcpiConfig& c) {
    AcpiTable table = acpi_table("HPET", 1, std::vector<u8>(56 - kHeaderSize));
    put<u32>(table.bytes, 36, c.hpet_block_id);
    put_address(table.bytes, 40, {GenericAddress::kMemory, 64, 0, c.hpet_address});
    return table;
}

AcpiTable build_waet() {
    constexpr u32 kPmTimerGood = bit(1);  // one read of the ACPI timer is enough
    std::vector<u8> body;
    append<u32>(body, kPmTimerGood);
    return acpi_table("WAET", 1, body);
}

}  // namespace twin86
