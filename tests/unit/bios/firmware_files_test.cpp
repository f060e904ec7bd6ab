#include <map>
#include <numeric>
#include <string>

#include "base/bits.h"
#include "bios/byte_view.h"
#include "bios/smbios.h"
#include "bios/table_loader.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

std::string name_at(ByteView v, u64 at) {
    return reinterpret_cast<const char*>(v.bytes().data() + at);
}

u8 sum(std::span<const u8> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), u8{0});
}

/// Runs the script as firmware does, with the files at made-up addresses.
struct Loader {
    explicit Loader(const AcpiConfig& config) {
        for (FirmwareFile& f : acpi_firmware_files(config)) files[f.name] = std::move(f.content);
        const std::vector<u8> script = files.at("etc/table-loader");
        REQUIRE(script.size() % 128 == 0);
        for (u64 at = 0; at < script.size(); at += 128) step(*ByteView(script).slice(at, 128));
    }
    void step(ByteView c) {
        switch (c.u32_at(0)) {
            case 1:
                address[name_at(c, 4)] = next;
                CHECK(next % c.u32_at(60) == 0);
                zone[name_at(c, 4)] = c.u8_at(64);
                next += 0x10000;
                break;
            case 2: {
                std::vector<u8>& to = files.at(name_at(c, 4));
                const u32 offset = c.u32_at(116);
                const u64 base = address.at(name_at(c, 60));
                if (c.u8_at(120) == 8)
                    put<u64>(to, offset, ByteView(to).u64_at(offset) + base);
                else
                    put<u32>(to, offset, static_cast<u32>(ByteView(to).u32_at(offset) + base));
                break;
            }
            case 3: {
                std::vector<u8>& of = files.at(name_at(c, 4));
                const std::span<const u8> range = std::span(of).subspan(c.u32_at(64), c.u32_at(68));
                of[c.u32_at(60)] = static_cast<u8>(of[c.u32_at(60)] - sum(range));
                break;
            }
            default:
                FAIL("command " << c.u32_at(0));
        }
    }
    std::map<std::string, std::vector<u8>> files;
    std::map<std::string, u64> address;
    std::map<std::string, u8> zone;
    u64 next = 0x100000;
};

}  // namespace

TEST_CASE("table-loader: the script links and checksums what it placed") {
    Loader l{AcpiConfig{}};
    CHECK(l.zone.at("etc/acpi/rsdp") == 2);
    CHECK(l.zone.at("etc/acpi/tables") == 1);
    const ByteView rsdp(l.files.at("etc/acpi/rsdp"));
    CHECK(sum(rsdp.bytes().first(20)) == 0);
    CHECK(sum(rsdp.bytes()) == 0);
    const u64 base = l.address.at("etc/acpi/tables");
    const ByteView tables(l.files.at("etc/acpi/tables"));
    const u64 xsdt = rsdp.u64_at(24) - base;
    REQUIRE(tables.starts_with(xsdt, "XSDT"));
    CHECK(sum(tables.slice(xsdt, tables.u32_at(xsdt + 4))->bytes()) == 0);
    const u64 fadt = tables.u64_at(xsdt + 36) - base;
    REQUIRE(tables.starts_with(fadt, "FACP"));
    CHECK(tables.starts_with(tables.u64_at(fadt + 140) - base, "DSDT"));
}

TEST_CASE("smbios: every structure ends with its strings, the anchor counts them") {
    SmbiosConfig config;
    config.low_ram = 3 * GiB;
    config.high_ram = 5 * GiB;
    config.cpus = 2;
    config.cpu_name = "max";
    config.version = std::string(3, '1');
    const std::vector<FirmwareFile> files = smbios_firmware_files(config);
    const ByteView tables(files[0].content), anchor(files[1].content);
    CHECK(files[0].name == "etc/smbios/smbios-tables");
    REQUIRE(anchor.size() == 31);
    CHECK(anchor.starts_with(0, "_SM_"));
    CHECK(anchor.starts_with(16, "_DMI_"));
    CHECK(anchor.u16_at(22) == tables.size());
    std::map<u8, unsigned> types;
    u64 at = 0, longest = 0;
    unsigned count = 0;
    while (at < tables.size()) {
        const u64 start = at;
        ++types[tables.u8_at(at)];
        ++count;
        REQUIRE(tables.u8_at(at + 1) >= 4);
        at += tables.u8_at(at + 1);
        while (tables.u16_at(at) != 0) REQUIRE(++at < tables.size());
        at += 2;
        longest = std::max(longest, at - start);
    }
    CHECK(at == tables.size());
    CHECK(count == anchor.u16_at(28));
    CHECK(longest == anchor.u16_at(8));
    CHECK(types == std::map<u8, unsigned>{{1, 1}, {3, 1}, {4, 2}, {16, 1}, {17, 1}, {19, 2}, {32, 1}, {127, 1}});
}
