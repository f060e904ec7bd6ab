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

namespace {

struct Structures {
    std::multimap<u8, std::vector<std::string>> strings;  ///< by type
    std::multimap<u8, std::vector<u8>> bytes;             ///< formatted areas
    u64 longest = 0;
    unsigned count = 0;
};

Structures structures(const ByteView& tables) {
    Structures found;
    for (u64 at = 0; at < tables.size();) {
        const u64 start = at;
        const u8 type = tables.u8_at(at);
        ++found.count;
        REQUIRE(tables.u8_at(at + 1) >= 4);
        at += tables.u8_at(at + 1);
        const auto area = tables.bytes().subspan(start, at - start);
        found.bytes.emplace(type, std::vector<u8>(area.begin(), area.end()));
        std::vector<std::string> strings;
        while (tables.u16_at(at) != 0) {
            REQUIRE(at + 2 < tables.size());
            if (at == start + tables.u8_at(start + 1) || tables.u8_at(at - 1) == 0) strings.emplace_back();
            if (tables.u8_at(at) != 0) strings.back() += static_cast<char>(tables.u8_at(at));
            ++at;
        }
        if (!strings.empty() && tables.u8_at(at) != 0) strings.back() += static_cast<char>(tables.u8_at(at));
        found.strings.emplace(type, strings);
        at += 2;
        found.longest = std::max(found.longest, at - start);
    }
    return found;
}

}  // namespace

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
    const Structures found = structures(tables);
    CHECK(found.count == anchor.u16_at(28));
    CHECK(found.longest == anchor.u16_at(8));
    std::map<u8, unsigned> types;
    for (const auto& [type, strings] : found.strings) ++types[type];
    CHECK(types == std::map<u8, unsigned>{{1, 1}, {3, 1}, {4, 2}, {16, 1}, {17, 1}, {19, 2}, {32, 1}, {127, 1}});
}

TEST_CASE("smbios: words in place of the machine's own") {
    SmbiosConfig config;
    config.low_ram = GiB;
    config.uuid = Uuid{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    config.words.text = {{{0, "vendor"}, "v"}, {{0, "release"}, "3.7"}, {{0, "uefi"}, "on"}, {{1, "product"}, "p"}, {{1, "sku"}, "s"},
                         {{2, "asset"}, "a"}, {{17, "speed"}, "3200"}};
    config.words.oem = {"one", "two"};
    config.words.structures = {{3, 5, 0, 3, 1, 'x', 0, 0}};
    REQUIRE(is_smbios_structure(config.words.structures[0]));
    const std::vector<FirmwareFile> files = smbios_firmware_files(config);
    const Structures found = structures(ByteView(files[0].content));
    using Strings = std::vector<std::string>;
    const auto only = [&](u8 type) {
        REQUIRE(found.strings.count(type) == 1);
        return found.strings.find(type)->second;
    };
    CHECK(only(0) == Strings{"v"});
    CHECK(only(1) == Strings{"Twin86", "p", "s"});
    CHECK(only(2) == Strings{"Twin86", "Standard PC (i440FX + PIIX, 1996)", "a"});
    CHECK(only(3) == Strings{"x"});
    CHECK(only(11) == Strings{"one", "two"});
    const std::vector<u8>& system = found.bytes.find(1)->second;
    CHECK(std::vector<u8>(system.begin() + 8, system.begin() + 24) == std::vector<u8>{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15});
    const std::vector<u8>& firmware = found.bytes.find(0)->second;
    CHECK((firmware[19] & 8) != 0);
    CHECK((firmware[20] == 3 && firmware[21] == 7));
    const std::vector<u8>& module = found.bytes.find(17)->second;
    CHECK(module[0x15] + 256 * module[0x16] == 3200);
}

TEST_CASE("smbios: what is no structure") {
    for (const std::vector<u8>& bytes : std::vector<std::vector<u8>>{{}, {1, 4, 0, 0}, {1, 4, 0, 0, 0}, {1, 3, 0, 0, 0, 0}, {1, 9, 0, 0, 0, 0}, {1, 4, 0, 0, 0, 0, 0}, {1, 4, 0, 0, 'a', 0}})
        CHECK_FALSE(is_smbios_structure(bytes));
    CHECK(is_smbios_structure({1, 4, 0, 0, 0, 0}));
}

TEST_CASE("smbios: in memory, for a machine that starts without firmware") {
    class Memory : public BootMemory {
      public:
        u64 low_size() const override { return bytes.size(); }
        u64 high_size() const override { return 0; }
        bool write(Gpa at, std::span<const u8> from) override {
            if (at + from.size() > bytes.size()) return false;
            std::copy(from.begin(), from.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
            return true;
        }
        bool read(Gpa, std::span<u8>) override { return false; }
        std::vector<u8> bytes = std::vector<u8>(MiB);
    } memory;
    REQUIRE(bool(place_smbios(SmbiosConfig{}, memory)));
    const ByteView view(memory.bytes);
    Gpa at = 0xf0000;
    while (at < MiB && !view.starts_with(at, "_SM_")) at += 16;
    REQUIRE(at < MiB);
    CHECK(sum(view.bytes().subspan(at, 31)) == 0);
    CHECK(sum(view.bytes().subspan(at + 16, 15)) == 0);
    CHECK(view.u8_at(view.u32_at(at + 24)) == 1);
}
