#include "machine/firmware_boot.h"

#include <filesystem>

#include "bios/boot_file.h"
#include "bios/byte_view.h"
#include "bios/smbios.h"
#include "bios/table_loader.h"

namespace twin86 {
namespace {

constexpr const char kDefaultFirmware[] = "bios-256k.bin";
constexpr const char* kFolders[] = {"/usr/share/seabios/", "/usr/share/ovmf/", "/usr/share/OVMF/", "/usr/share/qemu/"};
constexpr u64 kUnit = 64 * KiB, kLargest = 16 * MiB, kLegacyWindow = 128 * KiB;
constexpr u32 kE820Ram = 1;

std::string find_firmware(const std::string& name) {
    std::error_code ignored;
    if (std::filesystem::exists(name, ignored) || name.find('/') != std::string::npos) return name;
    for (const char* folder : kFolders)
        if (std::filesystem::exists(folder + name, ignored)) return folder + name;
    return name;
}

/// etc/e820: base, size, type of each range.
std::vector<u8> e820_file(const PhysMap& phys) {
    std::vector<u8> bytes;
    const auto range = [&](u64 base, u64 size) {
        if (size == 0) return;
        append<u64>(bytes, base);
        append<u64>(bytes, size);
        append<u32>(bytes, kE820Ram);
    };
    range(0, phys.low_size());
    range(PhysMap::kHighRamBase, phys.high_size());
    return bytes;
}

SmbiosConfig smbios_config(const PhysMap& phys, const CpuModel& cpu) {
    const CpuidLeaf leaf = cpu.cpuid(1, 0, CpuState{});
    return {phys.low_size(), phys.high_size(), 1, cpu.vendor(), cpu.name(), leaf.eax, leaf.edx, TWIN86_VERSION};
}

}  // namespace

Result<std::vector<u8>> load_firmware(const std::string& name) {
    const std::string path = find_firmware(name.empty() ? kDefaultFirmware : name);
    std::error_code ignored;
    if (name.empty() && !std::filesystem::exists(path, ignored))
        return error(
            "there is no firmware: install Debian's package 'seabios' (apt-get install seabios), or name an image "
            "with -bios FILE, or a kernel with -kernel FILE");
    auto image = read_boot_file(path, "firmware", kLargest);
    if (!image) return image.failure();
    if (image->empty() || image->size() % kUnit != 0)
        return error("firmware {}: its size must be a multiple of 64 KiB, not {} bytes", path, image->size());
    return image;
}

Status map_firmware(PhysMap& phys, std::span<const u8> image) {
    if (const Status s = phys.map_rom(4 * GiB - image.size(), image, "bios"); !s) return s;
    const std::span<const u8> legacy = image.last(std::min<u64>(image.size(), kLegacyWindow));
    return phys.map_rom(MiB - legacy.size(), legacy, "bios-low");
}

void fill_fw_cfg(FwCfg& fw_cfg, const Options& options, const PhysMap& phys, const CpuModel& cpu,
                 std::function<AcpiConfig()> acpi) {
    constexpr u16 kCpus = 1;
    fw_cfg.set_item(FwCfg::kUuid, std::vector<u8>(16));
    fw_cfg.set_number(FwCfg::kRamSize, options.ram_bytes, 8);
    fw_cfg.set_number(FwCfg::kNoGraphic, options.nographic, 2);
    fw_cfg.set_number(FwCfg::kCpuCount, kCpus, 2);
    fw_cfg.set_number(FwCfg::kMaxCpus, kCpus, 2);
    fw_cfg.set_number(FwCfg::kBootMenu, options.boot.menu, 2);
    fw_cfg.set_file("etc/e820", e820_file(phys));
    if (options.boot.menu_wait_ms != 0) {
        std::vector<u8> wait;
        append<u16>(wait, options.boot.menu_wait_ms);
        fw_cfg.set_file("etc/boot-menu-wait", std::move(wait));
    }
    const std::size_t count = acpi_firmware_files(acpi()).size();
    for (std::size_t n = 0; n < count; ++n)
        fw_cfg.set_file_maker(acpi_firmware_files(acpi())[n].name,
                              [acpi, n] { return acpi_firmware_files(acpi())[n].content; });
    for (FirmwareFile& f : smbios_firmware_files(smbios_config(phys, cpu)))
        fw_cfg.set_file(f.name, std::move(f.content));
}

}  // namespace twin86
