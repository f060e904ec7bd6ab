#include "bios/acpi_tables.h"

#include <numeric>

#include "base/bits.h"
#include "bios/acpi_dsdt.h"
#include "bios/acpi_fixed.h"
#include "bios/acpi_pci_express.h"
#include "bios/byte_view.h"
#include "bios/entry_state.h"

namespace twin86 {
namespace {

constexpr u64 kChecksumOffset = 9;
constexpr u64 kTableAlignment = 16;

/// Appends tables to the image and notes what has to be patched.
class ImageBuilder {
  public:
    /// Returns the table's offset.
    u64 add(AcpiTable table) {
        std::vector<u8>& all = image_.tables;
        all.resize(align_up(all.size(), kTableAlignment));
        const u64 at = all.size();
        all.insert(all.end(), table.bytes.begin(), table.bytes.end());
        for (const AcpiTable::Pointer& p : table.pointers)
            image_.pointers.push_back({AcpiPart::kTables, at + p.offset, p.size});
        image_.checksums.push_back({AcpiPart::kTables, at, table.bytes.size(), at + kChecksumOffset});
        return at;
    }

    u64 add_facs() {
        const std::vector<u8> facs = build_facs();
        image_.tables = facs;
        image_.tables.resize(kPageSize);
        return 0;
    }

    AcpiImage finish(u64 rsdt, u64 xsdt) {
        image_.rsdp = build_rsdp(rsdt, xsdt);
        image_.pointers.push_back({AcpiPart::kRsdp, 16, 4});
        image_.pointers.push_back({AcpiPart::kRsdp, 24, 8});
        image_.checksums.push_back({AcpiPart::kRsdp, 0, 20, 8});   // what ACPI 1.0 reads
        image_.checksums.push_back({AcpiPart::kRsdp, 0, 36, 32});  // all
        return std::move(image_);
    }

  private:
    AcpiImage image_;
};

}  // namespace

AcpiImage build_acpi_image(const AcpiConfig& config) {
    ImageBuilder image;
    const u64 facs = image.add_facs();
    const u64 dsdt = image.add(acpi_table("DSDT", 2, build_dsdt_body(config)));
    std::vector<u64> listed;
    listed.push_back(image.add(build_fadt(config, facs, dsdt)));
    listed.push_back(image.add(build_madt(config)));
    if (config.hpet_address != 0) listed.push_back(image.add(build_hpet(config)));
    if (config.is_q35()) listed.push_back(image.add(build_mcfg(config)));
    listed.push_back(image.add(build_waet()));
    const u64 rsdt = image.add(build_root_table("RSDT", 4, listed));
    const u64 xsdt = image.add(build_root_table("XSDT", 8, listed));
    return image.finish(rsdt, xsdt);
}

void AcpiImage::relocate(Gpa tables_address) {
    for (const AcpiPointer& p : pointers) {
        std::vector<u8>& bytes = part(p.part);
        if (p.size == 4)
            put<u32>(bytes, p.offset, static_cast<u32>(ByteView(bytes).u32_at(p.offset) + tables_address));
        else
            put<u64>(bytes, p.offset, ByteView(bytes).u64_at(p.offset) + tables_address);
    }
    for (const AcpiChecksum& c : checksums) {
        std::vector<u8>& bytes = part(c.part);
        const auto first = bytes.begin() + static_cast<long>(c.start);
        bytes[c.at] = static_cast<u8>(bytes[c.at] - std::accumulate(first, first + static_cast<long>(c.length), u8{0}));
    }
}

Result<AcpiPlacement> place_acpi_tables(const AcpiConfig& config, BootMemory& memory) {
    AcpiImage image = build_acpi_image(config);
    const u64 size = align_up(image.tables.size(), kPageSize);
    const Gpa top = align_down(memory.low_size(), kPageSize);
    if (top < kExtendedMemory + size)
        return error("the ACPI tables need {} KiB above 1 MiB, the machine has {} KiB of RAM; use a larger -m",
                     size / KiB, memory.low_size() / KiB);
    const Gpa base = top - size;
    image.relocate(base);
    if (Status s = store(memory, base, image.tables); !s) return s.failure();
    if (Status s = store(memory, kBiosArea, image.rsdp); !s) return s.failure();
    return AcpiPlacement{
        kBiosArea,
        {{base, kPageSize, MemoryType::kAcpiNvs}, {base + kPageSize, size - kPageSize, MemoryType::kAcpiTables}}};
}

}  // namespace twin86
