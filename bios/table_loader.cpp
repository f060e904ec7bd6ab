#include "bios/table_loader.h"

#include "bios/byte_view.h"

namespace twin86 {
namespace {

constexpr const char kTablesFile[] = "etc/acpi/tables", kRsdpFile[] = "etc/acpi/rsdp";
constexpr u64 kCommandSize = 128, kNameSize = 56;

enum Command : u32 { kAllocate = 1, kAddPointer = 2, kAddChecksum = 3 };
enum Zone : u8 { kAnywhere = 1, kFSegment = 2 };

const char* file_of(AcpiPart part) {
    return part == AcpiPart::kTables ? kTablesFile : kRsdpFile;
}

/// Appends commands; each is padded to its fixed size.
class Script {
  public:
    void allocate(std::string_view file, u32 alignment, Zone zone) {
        begin(kAllocate);
        name(file);
        append<u32>(bytes_, alignment);
        append<u8>(bytes_, zone);
    }
    void add_pointer(std::string_view file, std::string_view to, u64 offset, unsigned size) {
        begin(kAddPointer);
        name(file);
        name(to);
        append<u32>(bytes_, static_cast<u32>(offset));
        append<u8>(bytes_, static_cast<u8>(size));
    }
    void add_checksum(std::string_view file, const AcpiChecksum& c) {
        begin(kAddChecksum);
        name(file);
        append<u32>(bytes_, static_cast<u32>(c.at));
        append<u32>(bytes_, static_cast<u32>(c.start));
        append<u32>(bytes_, static_cast<u32>(c.length));
    }
    std::vector<u8> finish() {
        pad();
        return std::move(bytes_);
    }

  private:
    void pad() { bytes_.resize((bytes_.size() + kCommandSize - 1) / kCommandSize * kCommandSize); }
    void begin(Command command) {
        pad();
        append<u32>(bytes_, command);
    }
    void name(std::string_view file) {
        bytes_.insert(bytes_.end(), file.begin(), file.end());
        bytes_.resize(bytes_.size() + kNameSize - file.size());
    }

    std::vector<u8> bytes_;
};

}  // namespace

std::vector<FirmwareFile> acpi_firmware_files(const AcpiConfig& config) {
    AcpiImage image = build_acpi_image(config);
    Script script;
    script.allocate(kRsdpFile, 16, kFSegment);
    script.allocate(kTablesFile, 64, kAnywhere);
    for (const AcpiPointer& p : image.pointers) script.add_pointer(file_of(p.part), kTablesFile, p.offset, p.size);
    for (const AcpiChecksum& c : image.checksums) script.add_checksum(file_of(c.part), c);
    return {{kTablesFile, std::move(image.tables)},
            {kRsdpFile, std::move(image.rsdp)},
            {"etc/table-loader", script.finish()}};
}

}  // namespace twin86
