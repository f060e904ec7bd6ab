#include "bios/smbios.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "bios/byte_view.h"
#include "bios/memory_map.h"

namespace twin86 {
namespace {

constexpr u16 kNoHandle = 0xfffe;
constexpr u16 kFirmware = 0, kBaseboard = 0x200, kOemStrings = 0xe00;
constexpr u16 kSystem = 0x100, kChassis = 0x300, kProcessor = 0x400, kMemoryArray = 0x1000, kMemoryDevice = 0x1100;
constexpr u16 kArrayMapped = 0x1300, kBootInformation = 0x2000, kEnd = 0x7f00;

/// Structure after structure: the formatted area, then its strings (6.1.3).
class TableBuilder {
  public:
    void begin(u8 type, u16 handle) {
        start_ = bytes_.size();
        strings_.clear();
        byte(type);
        byte(0);
        word(handle);
        ++count_;
    }
    void byte(u8 value) { append(bytes_, value); }
    void word(u16 value) { append(bytes_, value); }
    void dword(u32 value) { append(bytes_, value); }
    void qword(u64 value) { append(bytes_, value); }
    void zeroes(unsigned n) { bytes_.resize(bytes_.size() + n); }
    /// The number of the string, 0 for an empty one.
    void text(const std::string& value) {
        if (value.empty()) return byte(0);
        strings_.push_back(value);
        byte(static_cast<u8>(strings_.size()));
    }
    /// Strings that no field names.
    void strings(const std::vector<std::string>& values) { strings_.insert(strings_.end(), values.begin(), values.end()); }
    /// Whole ones, with their strings.
    void add(const std::vector<u8>& structure) {
        bytes_.insert(bytes_.end(), structure.begin(), structure.end());
        longest_ = std::max(longest_, structure.size());
        ++count_;
    }
    void end() {
        bytes_[start_ + 1] = static_cast<u8>(bytes_.size() - start_);
        for (const std::string& s : strings_) {
            bytes_.insert(bytes_.end(), s.begin(), s.end());
            byte(0);
        }
        if (strings_.empty()) byte(0);
        byte(0);
        longest_ = std::max(longest_, bytes_.size() - start_);
    }
    const std::vector<u8>& bytes() const { return bytes_; }
    u16 count() const { return count_; }
    u16 longest() const { return static_cast<u16>(longest_); }

  private:
    std::vector<u8> bytes_;
    std::vector<std::string> strings_;
    std::size_t start_ = 0, longest_ = 0;
    u16 count_ = 0;
};

/// Type 0, 7.1. What it says of the firmware's size and abilities is nothing, but that it is a virtual machine's.
void add_firmware(TableBuilder& t, const SmbiosWords& w) {
    constexpr u64 kNoAbilities = 1 << 3;
    constexpr u8 kUefi = 1 << 3, kVirtual = 1 << 4, kContentUpdate = 1 << 2, kNoController = 0xff;
    unsigned major = 0, minor = 0;
    std::sscanf(w.get(0, "release").c_str(), "%u.%u", &major, &minor);
    t.begin(0, kFirmware);
    t.text(w.get(0, "vendor"));
    t.text(w.get(0, "version"));
    t.word(0xe800);
    t.text(w.get(0, "date"));
    t.byte(0);
    t.qword(kNoAbilities);
    t.byte(0);
    t.byte(kContentUpdate | kVirtual | (w.get(0, "uefi") == "on" ? kUefi : 0));
    t.byte(static_cast<u8>(major));
    t.byte(static_cast<u8>(minor));
    t.byte(kNoController);
    t.byte(kNoController);
    t.end();
}

/// Its first three fields are little-endian, 7.2.1.
void add_uuid(TableBuilder& t, const std::optional<Uuid>& uuid) {
    static constexpr u8 kOrder[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    for (const u8 n : kOrder) t.byte(uuid ? (*uuid)[n] : 0);
}

/// Type 1, 7.2.
void add_system(TableBuilder& t, const SmbiosConfig& c) {
    constexpr u8 kPowerSwitch = 6;
    t.begin(1, kSystem);
    t.text(c.words.get(1, "manufacturer", "Twin86"));
    t.text(c.words.get(1, "product", c.product));
    t.text(c.words.get(1, "version", c.version));
    t.text(c.words.get(1, "serial"));
    add_uuid(t, c.uuid);
    t.byte(kPowerSwitch);
    t.text(c.words.get(1, "sku"));
    t.text(c.words.get(1, "family"));
    t.end();
}

/// Type 2, 7.3.
void add_baseboard(TableBuilder& t, const SmbiosConfig& c) {
    constexpr u8 kHosting = 1, kMotherboard = 10;
    t.begin(2, kBaseboard);
    t.text(c.words.get(2, "manufacturer", "Twin86"));
    t.text(c.words.get(2, "product", c.product));
    t.text(c.words.get(2, "version", c.version));
    t.text(c.words.get(2, "serial"));
    t.text(c.words.get(2, "asset"));
    t.byte(kHosting);
    t.text(c.words.get(2, "location"));
    t.word(kChassis);
    t.byte(kMotherboard);
    t.byte(0);
    t.end();
}

/// Type 3, 7.4.
void add_chassis(TableBuilder& t, const SmbiosConfig& c) {
    constexpr u8 kOther = 1, kSafe = 3, kUnknown = 2;
    t.begin(3, kChassis);
    t.text(c.words.get(3, "manufacturer", "Twin86"));
    t.byte(kOther);
    t.text(c.words.get(3, "version", c.version));
    t.text(c.words.get(3, "serial"));
    t.text(c.words.get(3, "asset"));
    for (const u8 state : {kSafe, kSafe, kSafe, kUnknown}) t.byte(state);
    t.dword(0);
    t.byte(0);  // height
    t.byte(0);  // power cords
    t.byte(0);  // contained elements
    t.byte(0);
    t.text(c.words.get(3, "sku"));
    t.end();
}

/// Type 4, 7.5; unless said, speeds and caches are unknown.
void add_processor(TableBuilder& t, const SmbiosConfig& c, unsigned n) {
    constexpr u8 kCentral = 3, kFamilyOther = 1, kUpgradeOther = 1, kEnabled = 0x41;
    constexpr u16 kNoCache = 0xffff, k64Bit = 1 << 2;
    t.begin(4, static_cast<u16>(kProcessor + n));
    t.text(c.words.get(4, "sock_pfx", "CPU") + " " + std::to_string(n));
    t.byte(kCentral);
    t.byte(kFamilyOther);
    t.text(c.words.get(4, "manufacturer", c.cpu_vendor));
    t.dword(c.cpu_signature);
    t.dword(c.cpu_features);
    t.text(c.words.get(4, "version", c.cpu_name));
    t.byte(0);  // voltage
    t.word(0);
    t.word(static_cast<u16>(c.words.number(4, "max-speed", 0)));
    t.word(static_cast<u16>(c.words.number(4, "current-speed", 0)));
    t.byte(kEnabled);
    t.byte(kUpgradeOther);
    for (int level = 0; level < 3; ++level) t.word(kNoCache);
    t.text(c.words.get(4, "serial"));
    t.text(c.words.get(4, "asset"));
    t.text(c.words.get(4, "part"));
    for (int cores = 0; cores < 3; ++cores) t.byte(1);  // cores, enabled cores, threads
    t.word(k64Bit);
    t.word(kFamilyOther);
    t.end();
}

/// Type 11, 7.12.
void add_oem_strings(TableBuilder& t, const std::vector<std::string>& strings) {
    t.begin(11, kOemStrings);
    t.byte(static_cast<u8>(strings.size()));
    t.strings(strings);
    t.end();
}

/// Type 16, 7.17.
void add_memory_array(TableBuilder& t, u64 bytes) {
    constexpr u8 kSystemBoard = 3, kSystemMemory = 3, kMultiBitEcc = 6;
    const u64 kib = bytes / KiB;
    t.begin(16, kMemoryArray);
    t.byte(kSystemBoard);
    t.byte(kSystemMemory);
    t.byte(kMultiBitEcc);
    t.dword(kib < 0x80000000 ? static_cast<u32>(kib) : 0x80000000);
    t.word(kNoHandle);
    t.word(1);
    t.qword(kib < 0x80000000 ? 0 : bytes);
    t.end();
}

/// Type 17, 7.18: one module that is all of the memory.
void add_memory_module(TableBuilder& t, const SmbiosWords& w, u64 bytes) {
    constexpr u8 kDimm = 9, kRam = 7;
    const u64 mib = bytes / MiB;
    const u16 speed = static_cast<u16>(w.number(17, "speed", 0));
    t.begin(17, kMemoryDevice);
    t.word(kMemoryArray);
    t.word(kNoHandle);
    t.word(0xffff);  // widths are unknown
    t.word(0xffff);
    t.word(mib < 0x7fff ? static_cast<u16>(mib) : 0x7fff);
    t.byte(kDimm);
    t.byte(0);
    t.text(w.get(17, "loc_pfx", "DIMM") + " 0");
    t.text(w.get(17, "bank"));
    t.byte(kRam);
    t.word(1 << 1);  // type detail: other
    t.word(speed);
    t.text(w.get(17, "manufacturer", "Twin86"));
    t.text(w.get(17, "serial"));
    t.text(w.get(17, "asset"));
    t.text(w.get(17, "part"));
    t.byte(0);
    t.dword(mib < 0x7fff ? 0 : static_cast<u32>(mib));
    t.word(speed);
    t.zeroes(6);  // voltages
    t.end();
}

/// Type 19, 7.20.
void add_mapped_range(TableBuilder& t, unsigned n, u64 base, u64 size) {
    if (size == 0) return;
    t.begin(19, static_cast<u16>(kArrayMapped + n));
    const bool fits = (base + size) / KiB <= 0xffffffff;
    t.dword(fits ? static_cast<u32>(base / KiB) : 0xffffffff);
    t.dword(fits ? static_cast<u32>((base + size) / KiB - 1) : 0xffffffff);
    t.word(kMemoryArray);
    t.byte(1);
    t.qword(fits ? 0 : base);
    t.qword(fits ? 0 : base + size - 1);
    t.end();
}

/// Type 32, 7.33.
void add_boot_information(TableBuilder& t) {
    t.begin(32, kBootInformation);
    t.zeroes(6);
    t.byte(0);  // no errors
    t.end();
}

/// Type 127, 7.45.
void add_end(TableBuilder& t) {
    t.begin(127, kEnd);
    t.end();
}

/// The 2.1 entry point, 5.2.1; lengths and counts are known, the address is firmware's.
std::vector<u8> build_anchor(const TableBuilder& t) {
    std::vector<u8> a{'_', 'S', 'M', '_', 0, 0x1f, 2, 8};
    append<u16>(a, t.longest());
    a.resize(16);
    for (const char c : {'_', 'D', 'M', 'I', '_'}) a.push_back(static_cast<u8>(c));
    append<u8>(a, 0);
    append<u16>(a, static_cast<u16>(t.bytes().size()));
    append<u32>(a, 0);
    append<u16>(a, t.count());
    append<u8>(a, 0x28);
    return a;
}

TableBuilder build_tables(const SmbiosConfig& c) {
    TableBuilder t;
    const SmbiosWords& w = c.words;
    const auto replaced = [&w](u8 type) {
        return std::any_of(w.structures.begin(), w.structures.end(), [type](const auto& s) { return s[0] == type; });
    };
    if (w.has(0) && !replaced(0)) add_firmware(t, w);
    if (!replaced(1)) add_system(t, c);
    if (w.has(2) && !replaced(2)) add_baseboard(t, c);
    if (!replaced(3)) add_chassis(t, c);
    for (unsigned n = 0; n < c.cpus && !replaced(4); ++n) add_processor(t, c, n);
    if (!w.oem.empty() && !replaced(11)) add_oem_strings(t, w.oem);
    if (!replaced(16)) add_memory_array(t, c.low_ram + c.high_ram);
    if (!replaced(17)) add_memory_module(t, w, c.low_ram + c.high_ram);
    if (!replaced(19)) {
        add_mapped_range(t, 0, 0, c.low_ram);
        add_mapped_range(t, 1, 4 * GiB, c.high_ram);
    }
    if (!replaced(32)) add_boot_information(t);
    for (const std::vector<u8>& structure : w.structures) t.add(structure);
    add_end(t);
    return t;
}

constexpr u64 kTablesAt = 24;  ///< in the anchor, as a u32
constexpr u64 kSumAt = 4, kInnerAt = 16, kInnerSumAt = 21;

/// The byte at `at` makes the sum over [from, end) zero.
void set_checksum(std::vector<u8>& bytes, u64 from, u64 at) {
    bytes[at] = 0;
    bytes[at] = static_cast<u8>(-std::accumulate(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), 0));
}

}  // namespace

bool SmbiosWords::has(u8 type) const {
    return std::any_of(text.begin(), text.end(), [type](const auto& field) { return field.first.first == type; });
}

std::string SmbiosWords::get(u8 type, const std::string& field, const std::string& otherwise) const {
    const auto at = text.find({type, field});
    return at == text.end() ? otherwise : at->second;
}

u64 SmbiosWords::number(u8 type, const std::string& field, u64 otherwise) const {
    const auto at = text.find({type, field});
    return at == text.end() ? otherwise : std::strtoull(at->second.c_str(), nullptr, 0);
}

bool is_smbios_structure(const std::vector<u8>& bytes) {
    constexpr u64 kHeader = 4;
    if (bytes.size() < kHeader + 2 || bytes[1] < kHeader || bytes.size() < u64{bytes[1]} + 2) return false;
    for (u64 at = bytes[1]; at + 1 < bytes.size(); ++at)
        if (bytes[at] == 0 && bytes[at + 1] == 0) return at + 2 == bytes.size();
    return false;
}

std::vector<FirmwareFile> smbios_firmware_files(const SmbiosConfig& c) {
    const TableBuilder t = build_tables(c);
    return {{"etc/smbios/smbios-tables", t.bytes()}, {"etc/smbios/smbios-anchor", build_anchor(t)}};
}

Status place_smbios(const SmbiosConfig& config, BootMemory& memory) {
    constexpr Gpa kAnchor = kBiosArea + 0x40, kTables = kAnchor + 0x20, kEnd = 0x100000;  // behind the RSDP
    const TableBuilder t = build_tables(config);
    if (t.bytes().size() > kEnd - kTables) return error("-smbios: the tables have {} bytes, {} fit", t.bytes().size(), kEnd - kTables);
    std::vector<u8> anchor = build_anchor(t);
    for (unsigned n = 0; n < 4; ++n) anchor[kTablesAt + n] = static_cast<u8>(kTables >> 8 * n);
    set_checksum(anchor, kInnerAt, kInnerSumAt);
    set_checksum(anchor, 0, kSumAt);
    const bool written = memory.write(kAnchor, anchor) && memory.write(kTables, t.bytes());
    if (!written) return error("the SMBIOS tables do not fit at {:#x}", kAnchor);
    return {};
}

}  // namespace twin86
