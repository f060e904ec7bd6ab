#include "machine/firmware_boot.h"

#include <filesystem>

#include "bios/boot_file.h"
#include "bios/byte_view.h"
#include "bios/linux_header.h"
#include "bios/smbios.h"
#include "bios/table_loader.h"

namespace twin86 {
namespace {

constexpr const char kDefaultFirmware[] = "bios-256k.bin";
constexpr const char* kFolders[] = {"/usr/share/seabios/", "/usr/share/ovmf/", "/usr/share/OVMF/", "/usr/share/qemu/"};
constexpr u64 kUnit = 64 * KiB, kLargest = 16 * MiB, kLegacyWindow = 128 * KiB;
constexpr u32 kE820Ram = 1;

std::string find_firmware(const std::string& name, const std::vector<std::string>& folders) {
    std::error_code ignored;
    if (std::filesystem::exists(name, ignored) || name.find('/') != std::string::npos) return name;
    for (const std::string& folder : folders)
        if (const auto path = std::filesystem::path(folder) / name; std::filesystem::exists(path, ignored)) return path;
    for (const char* folder : kFolders)
        if (std::filesystem::exists(folder + name, ignored)) return folder + name;
    return name;
}

/// By their units: the code, then the variables.
Result<std::vector<const DriveOptions*>> flash_drives(const std::vector<DriveOptions>& drives) {
    constexpr unsigned kChips = 2;
    std::vector<const DriveOptions*> chips(kChips);
    for (const DriveOptions& d : drives) {
        if (d.interface != DriveInterface::kPflash) continue;
        const unsigned unit = d.index.value_or(chips[0] != nullptr);
        if (unit >= kChips || chips[unit] != nullptr)
            return error("-drive {}: there are flash chips 0 and 1, each once", d.file);
        chips[unit] = &d;
    }
    if (chips[0] == nullptr) return error("-drive if=pflash: unit 0, the firmware's code, is missing");
    if (chips[1] == nullptr) chips.pop_back();
    return chips;
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

void put_counted(FwCfg& fw_cfg, u16 size_key, u16 data_key, std::vector<u8> content) {
    fw_cfg.set_number(size_key, content.size(), 4);
    fw_cfg.set_item(data_key, std::move(content));
}

}  // namespace

SmbiosConfig smbios_config(const Options& options, const PhysMap& phys, const CpuModel& cpu) {
    const CpuidLeaf leaf = cpu.cpuid(1, 0, CpuState{});
    SmbiosConfig c;
    c.low_ram = phys.low_size();
    c.high_ram = phys.high_size();
    c.cpu_vendor = cpu.vendor();
    c.cpu_name = cpu.name();
    c.cpu_signature = leaf.eax;
    c.cpu_features = leaf.edx;
    c.version = TWIN86_VERSION;
    if (options.machine == MachineType::kQ35) c.product = "Standard PC (Q35 + ICH9, 2009)";
    c.uuid = options.uuid;
    c.words = options.smbios;
    return c;
}

Result<std::vector<u8>> load_firmware(const std::string& name, const std::vector<std::string>& folders) {
    const std::string path = find_firmware(name.empty() ? kDefaultFirmware : name, folders);
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

bool is_uefi_firmware(std::span<const u8> image) {
    constexpr u64 kSignatureAt = 40;
    constexpr std::string_view kSignature = "_FVH";
    return image.size() >= kSignatureAt + kSignature.size() &&
           std::equal(kSignature.begin(), kSignature.end(), image.begin() + kSignatureAt);
}

Result<std::vector<std::unique_ptr<pc::FlashBank>>> plug_flash(const Options& options, PhysMap& phys, MmioBus& mmio,
                                                               DeferredWork& work, Log& log) {
    auto drives = flash_drives(options.drives);
    if (!drives) return drives.failure();
    std::vector<std::unique_ptr<pc::FlashBank>> chips;
    for (const DriveOptions* d : *drives) {
        auto image = open_raw_image({d->file, d->read_only, d->snapshot || options.snapshot});
        if (!image) return image.failure();
        const Gpa end = chips.empty() ? Gpa{4 * GiB} : chips.back()->base();
        if ((*image)->size() > end - (4 * GiB - kLargest))
            return error("-drive {}: flash chips hold {} MiB together", d->file, kLargest / MiB);
        auto chip = pc::FlashBank::create(image.take(), fmt::format("pflash{}", chips.size()), end, phys, mmio, work, log);
        if (!chip) return chip.failure();
        chips.push_back(chip.take());
    }
    return chips;
}

Status map_firmware(PhysMap& phys, std::span<const u8> image) {
    if (const Status s = phys.map_rom(4 * GiB - image.size(), image, "bios"); !s) return s;
    return show_below_1_mib(phys, image);
}

Status show_below_1_mib(PhysMap& phys, std::span<const u8> image) {
    const std::span<const u8> legacy = image.last(std::min<u64>(image.size(), kLegacyWindow));
    return phys.map_rom(MiB - legacy.size(), legacy, "bios-low");
}

/// A bzImage goes in two parts: its real-mode code with the setup header, and the rest.
Status offer_kernel(FwCfg& fw_cfg, const Options& options) {
    if (options.kernel.empty() || !options.has_firmware()) return {};
    auto kernel = read_boot_file(options.kernel, "kernel", options.ram_bytes);
    if (!kernel) return kernel.failure();
    auto header = parse_linux_header(options.kernel, ByteView(*kernel));
    if (!header) return header.failure();
    const auto setup_end = kernel->begin() + static_cast<std::ptrdiff_t>(header->setup_size);
    put_counted(fw_cfg, FwCfg::kSetupSize, FwCfg::kSetupData, {kernel->begin(), setup_end});
    put_counted(fw_cfg, FwCfg::kKernelSize, FwCfg::kKernelData, {setup_end, kernel->end()});
    if (!options.initrd.empty()) {
        auto initrd = read_boot_file(options.initrd, "initrd", options.ram_bytes);
        if (!initrd) return initrd.failure();
        put_counted(fw_cfg, FwCfg::kInitrdSize, FwCfg::kInitrdData, initrd.take());
    }
    std::vector<u8> line(options.append.begin(), options.append.end());
    line.push_back(0);
    put_counted(fw_cfg, FwCfg::kCommandLineSize, FwCfg::kCommandLineData, std::move(line));
    return {};
}

Status offer_option_roms(FwCfg& fw_cfg, const Options& options) {
    constexpr u64 kLargestRom = 255 * 512;  // its length is a byte of 512-byte units (PCI firmware 3.2, 5.2.1.8)
    for (const std::string& path : options.option_roms) {
        auto rom = read_boot_file(path, "option ROM", kLargestRom);
        if (!rom) return rom.failure();
        fw_cfg.set_file("genroms/" + std::filesystem::path(path).filename().string(), rom.take());
    }
    return {};
}

/// By its first bytes: SeaBIOS shows bitmaps and JPEG.
Status offer_splash(FwCfg& fw_cfg, const Options& options) {
    constexpr u64 kLargestPicture = 16 * MiB;
    if (options.boot.splash.empty()) return {};
    auto picture = read_boot_file(options.boot.splash, "boot picture", kLargestPicture);
    if (!picture) return picture.failure();
    const auto begins = [&](u8 a, u8 b) { return picture->size() > 2 && (*picture)[0] == a && (*picture)[1] == b; };
    const bool bitmap = begins('B', 'M');
    if (!bitmap && !begins(0xff, 0xd8)) return error("-boot splash={}: neither a bitmap (BMP) nor a JPEG picture", options.boot.splash);
    fw_cfg.set_file(bitmap ? "bootsplash.bmp" : "bootsplash.jpg", picture.take());
    return {};
}

Status offer_files(FwCfg& fw_cfg, const Options& options) {
    constexpr u64 kLargestFile = 64 * MiB;
    if (const Status s = offer_splash(fw_cfg, options); !s) return s;
    for (const FwCfgFileOptions& f : options.fw_cfg_files) {
        if (fw_cfg.file(f.name) != nullptr) return error("-fw_cfg name={}: there is a file of that name", f.name);
        std::vector<u8> content(f.text.begin(), f.text.end());
        if (!f.path.empty()) {
            auto read = read_boot_file(f.path, "fw_cfg file", kLargestFile);
            if (!read) return read.failure();
            content = read.take();
        }
        fw_cfg.set_file(f.name, std::move(content));
    }
    return {};
}

void fill_fw_cfg(FwCfg& fw_cfg, const Options& options, const PhysMap& phys, const CpuModel& cpu,
                 std::function<AcpiConfig()> acpi) {
    constexpr u16 kCpus = 1;
    const Uuid uuid = options.uuid.value_or(Uuid{});
    fw_cfg.set_item(FwCfg::kUuid, {uuid.begin(), uuid.end()});
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
    if (options.boot.reboot_wait_ms) {
        std::vector<u8> wait;
        append<u32>(wait, static_cast<u32>(*options.boot.reboot_wait_ms));
        fw_cfg.set_file("etc/boot-fail-wait", std::move(wait));
    }
    const std::size_t count = acpi_firmware_files(acpi()).size();
    for (std::size_t n = 0; n < count; ++n)
        fw_cfg.set_file_maker(acpi_firmware_files(acpi())[n].name,
                              [acpi, n] { return acpi_firmware_files(acpi())[n].content; });
    for (FirmwareFile& f : smbios_firmware_files(smbios_config(options, phys, cpu)))
        fw_cfg.set_file(f.name, std::move(f.content));
}

}  // namespace twin86
