#include "base/bits.h"
#include "bios/acpi_tables.h"
#include "bios/aml.h"
#include "fake_memory.h"
#include "test_files.h"

#include <map>
#include <numeric>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

u8 sum(const std::vector<u8>& bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), u8{0});
}

struct Placed {
    explicit Placed(const AcpiConfig& config, u64 ram = 64 * MiB)
        : memory(ram), placement(place_acpi_tables(config, memory).take()) {
        const Gpa xsdt = memory.get<u64>(placement.rsdp + 24);
        const Gpa rsdt = memory.get<u32>(placement.rsdp + 16);
        add(xsdt), add(rsdt);
        const u32 count = (memory.get<u32>(xsdt + 4) - 36) / 8;
        for (u32 i = 0; i < count; ++i) {
            add(memory.get<u64>(xsdt + 36 + i * 8));
            from_rsdt.push_back(memory.get<u32>(rsdt + 36 + i * 4));
            from_xsdt.push_back(static_cast<u32>(memory.get<u64>(xsdt + 36 + i * 8)));
        }
        add(memory.get<u64>(address.at("FACP") + 140));
    }
    void add(Gpa at) {
        const std::string name = std::string(reinterpret_cast<const char*>(memory.bytes(at, 4).data()), 4);
        address[name] = at;
        table[name] = memory.bytes(at, memory.get<u32>(at + 4));
    }
    FakeMemory memory;
    AcpiPlacement placement;
    std::map<std::string, Gpa> address;
    std::map<std::string, std::vector<u8>> table;
    std::vector<u32> from_rsdt, from_xsdt;
};

std::string run(const std::string& command, int& status) {
    std::string output;
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
    status = pclose(pipe);
    return output;
}

}  // namespace

TEST_CASE("acpi: from the RSDP on every pointer, length and checksum is right") {
    AcpiConfig config;
    config.cpus = 4;
    Placed p(config);
    CHECK(p.placement.rsdp % 16 == 0);
    CHECK(p.placement.rsdp >= 0xe0000);
    CHECK(p.memory.bytes(p.placement.rsdp, 8) == bytes_of("RSD PTR "));
    CHECK(sum(p.memory.bytes(p.placement.rsdp, 20)) == 0);
    CHECK(sum(p.memory.bytes(p.placement.rsdp, 36)) == 0);
    CHECK(p.from_rsdt == p.from_xsdt);
    for (const auto& [name, bytes] : p.table) {
        INFO(name);
        CHECK(sum(bytes) == 0);
        CHECK(p.address[name] >= p.placement.ranges[1].base);
        CHECK(p.address[name] + bytes.size() <= p.placement.ranges[1].end());
    }
    for (const char* name : {"FACP", "APIC", "HPET", "WAET", "DSDT", "XSDT", "RSDT"}) CHECK(p.table.count(name) == 1);
    const Gpa facs = p.memory.get<u32>(p.address["FACP"] + 36);
    CHECK(facs % 64 == 0);
    CHECK(p.memory.bytes(facs, 4) == bytes_of("FACS"));
    CHECK(p.placement.ranges[0].type == MemoryType::kAcpiNvs);
    CHECK(p.placement.ranges[1].end() == 64 * MiB);
}

TEST_CASE("acpi: the FADT and HPET carry the configured addresses") {
    AcpiConfig config;
    config.pm_timer = 0x1234;
    config.reset_value = 0x5a;
    config.hpet_address = 0xfed01000;
    Placed p(config);
    const ByteView fadt(p.table["FACP"]);
    CHECK(fadt.size() == 276);
    CHECK(fadt.u32_at(76) == 0x1234);
    CHECK(fadt.u64_at(208 + 4) == 0x1234);
    CHECK(fadt.u8_at(128) == 0x5a);
    CHECK(fadt.u64_at(116 + 4) == 0xcf9);
    CHECK(fadt.u32_at(40) == fadt.u64_at(140));
    CHECK((fadt.u32_at(112) & bit(10)) != 0);
    CHECK((fadt.u16_at(109) & 2) != 0);
    CHECK(ByteView(p.table["HPET"]).u64_at(44) == 0xfed01000);
    config.hpet_address = 0;
    CHECK(Placed(config).table.count("HPET") == 0);
}

TEST_CASE("acpi: the MADT lists every processor, large ids as x2APIC") {
    AcpiConfig config;
    config.cpus = 300;
    Placed p(config);
    const ByteView madt(p.table["APIC"]);
    std::map<u8, unsigned> count;
    u64 at = 44;
    while (at < madt.size()) {
        REQUIRE(madt.u8_at(at + 1) >= 6);
        ++count[madt.u8_at(at)];
        at += madt.u8_at(at + 1);
    }
    CHECK(at == madt.size());
    CHECK(count[0] == 255);
    CHECK(count[9] == 45);
    CHECK(count[1] == 1);
    CHECK(count[2] == 5);
    CHECK(count[4] == 1);
    CHECK(count[10] == 1);
}

TEST_CASE("acpi: too little memory is one line") {
    FakeMemory memory(1 * MiB);
    auto placed = place_acpi_tables(AcpiConfig{}, memory);
    REQUIRE_FALSE(placed);
    CHECK(placed.failure().message.find("use a larger -m") != std::string::npos);
}

AcpiConfig q35_config() {
    AcpiConfig config;
    config.ecam_base = 0xb0000000;
    config.ecam_buses = 256;
    config.root_complex_base = 0xfed1c000;
    config.pci_window_first = 0x80000000;
    return config;
}

TEST_CASE("aml: encodings of ACPI 6.4, 20.2") {
    using namespace aml;
    CHECK(path("\\_SB.PCI0") == Code{'\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I', '0'});
    CHECK(path("A.B.C").front() == 0x2f);
    CHECK(integer(0) == Code{0});
    CHECK(integer(1) == Code{1});
    CHECK(integer(0x1234) == Code{0x0b, 0x34, 0x12});
    CHECK(eisa_id("PNP0A03") == Code{0x0c, 0x41, 0xd0, 0x0a, 0x03});
    // PkgLength of one byte up to 63, then two: low nibble first.
    CHECK(scope("S", Code(58)).at(1) == 63);
    const Code two = scope("S", Code(59));
    CHECK(two[1] == (0x40 | (65 & 0xf)));
    CHECK(two[2] == 65 >> 4);
    CHECK(buffer(Code(5000)).at(1) >> 6 == 2);
}

TEST_CASE("acpi: on a q35 the MCFG says where configuration space is, wherever that is in a DSDT of one length") {
    AcpiConfig config = q35_config();
    Placed p(config);
    const std::vector<u8>& mcfg = p.table.at("MCFG");
    REQUIRE(mcfg.size() == 60);
    CHECK(sum(mcfg) == 0);
    CHECK(p.memory.get<u64>(p.address["MCFG"] + 44) == 0xb0000000);
    CHECK((mcfg[54] == 0 && mcfg[55] == 0xff));  // buses
    CHECK(Placed(AcpiConfig{}).table.count("MCFG") == 0);
    config.pci_window_first = config.ecam_base = 0xc0000000;
    CHECK(Placed(config).table.at("DSDT").size() == p.table.at("DSDT").size());
}

/// Disassembles and compiles.
void check_by_iasl(const AcpiConfig& config, const std::vector<const char*>& parts) {
    int status = 0;
    run("command -v iasl", status);
    if (status != 0) {
        WARN("skipped: iasl is not installed");
        return;
    }
    Placed p(config);
    TemporaryDirectory files;
    for (const auto& [name, bytes] : p.table) {
        files.file(name + ".aml", bytes);
        const std::string output = run("cd " + files.path("") + " && iasl -d " + name + ".aml", status);
        INFO(name << ": " << output);
        CHECK(status == 0);
        for (const char* bad : {"Error", "rror:", "Warning", "Invalid", "Incorrect", "Unknown", "nvalid"})
            CHECK(output.find(bad) == std::string::npos);
    }
    const std::vector<u8> text = read_whole(files.path("DSDT.dsl"));
    const std::string dsl(text.begin(), text.end());
    for (const char* part : parts) {
        INFO(part);
        CHECK(dsl.find(part) != std::string::npos);
    }

    const std::string compiled = run("cd " + files.path("") + " && iasl -oa -p again DSDT.dsl", status);
    INFO(compiled);
    CHECK(status == 0);
    CHECK(compiled.find(" 0 Errors, 0 Warnings") != std::string::npos);
    const std::vector<u8> again = read_whole(files.path("again.aml"));
    const std::vector<u8>& ours = p.table["DSDT"];
    REQUIRE(again.size() == ours.size());
    CHECK(std::vector<u8>(again.begin() + 36, again.end()) == std::vector<u8>(ours.begin() + 36, ours.end()));
}

TEST_CASE("acpi: iasl reads every table, and what it disassembles compiles to the same DSDT") {
    AcpiConfig config;
    config.cpus = 3;
    config.pci_window64_first = 0x800000000;
    config.pci_window64_last = 0xfffffffff;
    check_by_iasl(config, {"Device (PCI0)", "Package (0x7C)", "Device (LNKD)", "Method (_SRS, 1, Serialized)",
                           "(\\_S5, Package (0x04)", "Device (C002)", "EisaId (\"PNP0103\")", "EisaId (\"PNP0303\")",
                           "0xFEBFFFFF"});
}

TEST_CASE("acpi: the same of a q35, whose host bridge has _OSC and a _PRT for each interrupt model") {
    check_by_iasl(q35_config(), {"EisaId (\"PNP0A08\")", "Method (_OSC, 4, Serialized)", "33db4d5b-1ff7-401c-9657-7441c03dd766",
                                 "Method (_PIC, 1", "Name (PRTA, Package (0x7C)", "Device (LNKH)", "Offset (0x08)",
                                 "_ADR, 0x001F0000", "0xAFFFFFFF", "0xFED1C000"});
}
