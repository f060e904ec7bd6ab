#include "bios/smbios.h"

#include <algorithm>

#include "bios/byte_view.h"

namespace twin86 {
namespace {

constexpr u16 kNoHandle = 0xfffe;
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

/// Type 1, 7.2.
void add_system(TableBuilder& t, const SmbiosConfig& c) {
    t.begin(1, kSystem);
    t.text("Twin86");
    t.text("Standard PC (i440FX + PIIX, 1996)");
    t.text(c.version);
    t.text("");
    t.zeroes(16);  // UUID: not set
    t.byte(6);     // woken by the power switch
    t.text("");
    t.text("");
    t.end();
}

/// Type 3, 7.4.
void add_chassis(TableBuilder& t, const SmbiosConfig& c) {
    constexpr u8 kOther = 1, kSafe = 3, kUnknown = 2;
    t.begin(3, kChassis);
    t.text("Twin86");
    t.byte(kOther);
    t.text(c.version);
    t.text("");
    t.text("");
    for (const u8 state : {kSafe, kSafe, kSafe, kUnknown}) t.byte(state);
    t.dword(0);
    t.byte(0);  // height
    t.byte(0);  // power cords
    t.byte(0);  // contained elements
    t.byte(0);
    t.text("");
    t.end();
}

/// Type 4, 7.5; speeds and caches are unknown.
void add_processor(TableBuilder& t, const SmbiosConfig& c, unsigned n) {
    constexpr u8 kCentral = 3, kFamilyOther = 1, kUpgradeOther = 1, kEnabled = 0x41;
    constexpr u16 kNoCache = 0xffff, k64Bit = 1 << 2;
    t.begin(4, static_cast<u16>(kProcessor + n));
    t.text("CPU " + std::to_string(n));
    t.byte(kCentral);
    t.byte(kFamilyOther);
    t.text(c.cpu_vendor);
    t.dword(c.cpu_signature);
    t.dword(c.cpu_features);
    t.text(c.cpu_name);
    t.byte(0);  // voltage
    t.word(0);
    t.word(0);
    t.word(0);
    t.byte(kEnabled);
    t.byte(kUpgradeOther);
    for (int level = 0; level < 3; ++level) t.word(kNoCache);
    t.text("");
    t.text("");
    t.text("");
    for (int cores = 0; cores < 3; ++cores) t.byte(1);  // cores, enabled cores, threads
    t.word(k64Bit);
    t.word(kFamilyOther);
    t.end();
}

/// Types 16 and 17, 7.17 and 7.18: one module that is all of the memory.
void add_memory(TableBuilder& t, u64 bytes) {
    constexpr u8 kSystemBoard = 3, kSystemMemory = 3, kMultiBitEcc = 6, kDimm = 9, kRam = 7;
    const u64 kib = bytes / KiB, mib = bytes / MiB;
    t.begin(16, kMemoryArray);
    t.byte(kSystemBoard);
    t.byte(kSystemMemory);
    t.byte(kMultiBitEcc);
    t.dword(kib < 0x80000000 ? static_cast<u32>(kib) : 0x80000000);
    t.word(kNoHandle);
    t.word(1);
    t.qword(kib < 0x80000000 ? 0 : bytes);
    t.end();

    t.begin(17, kMemoryDevice);
    t.word(kMemoryArray);
    t.word(kNoHandle);
    t.word(0xffff);  // widths are unknown
    t.word(0xffff);
    t.word(mib < 0x7fff ? static_cast<u16>(mib) : 0x7fff);
    t.byte(kDimm);
    t.byte(0);
    t.text("DIMM 0");
    t.text("");
    t.byte(kRam);
    t.word(1 << 1);  // type detail: other
    t.word(0);
    t.text("Twin86");
    t.text("");
    t.text("");
    t.text("");
    t.byte(0);
    t.dword(mib < 0x7fff ? 0 : static_cast<u32>(mib));
    t.word(0);
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

/// Types 32 and 127, 7.33 and 7.45.
void add_end(TableBuilder& t) {
    t.begin(32, kBootInformation);
    t.zeroes(6);
    t.byte(0);  // no errors
    t.end();
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

}  // namespace

std::vector<FirmwareFile> smbios_firmware_files(const SmbiosConfig& c) {
    TableBuilder t;
    add_system(t, c);
    add_chassis(t, c);
    for (unsigned n = 0; n < c.cpus; ++n) add_processor(t, c, n);
    add_memory(t, c.low_ram + c.high_ram);
    add_mapped_range(t, 0, 0, c.low_ram);
    add_mapped_range(t, 1, 4 * GiB, c.high_ram);
    add_end(t);
    return {{"etc/smbios/smbios-tables", t.bytes()}, {"etc/smbios/smbios-anchor", build_anchor(t)}};
}

}  // namespace twin86
