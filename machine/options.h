// Options: the command line, in QEMU's spelling, as plain data.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "accel/accel_options.h"
#include "base/result.h"
#include "base/types.h"
#include "bios/smbios.h"
#include "devices/display/vga.h"
#include "machine/pc/machine_type.h"
#include "machine/pc/pci_place.h"
#include "mmu/guest_ram.h"

namespace twin86 {

struct DebugExitOptions {
    IoPort iobase = 0x501;
    u32 iosize = 2;
};

struct DebugconOptions {
    IoPort iobase = 0xe9;
    std::string chardev;  ///< a -serial spelling
    bool by_option = false;  ///< -debugcon: takes the port that -global sets
};

/// The display adapter.
struct VgaOptions {
    bool present = true;  ///< after parsing: with -nodefaults only when it was asked for
    bool chosen = false;  ///< by -vga or -device VGA
    VgaProfile profile;
    u64 memory_bytes = 16 * MiB;
};

enum class PciTestKind { kPciTestdev, kEdu };

struct PciTestOptions {
    PciTestKind kind = PciTestKind::kEdu;
    PciPlace place;
};

/// How the machine starts its real-time clock.
struct RtcOptions {
    enum class Base { kUtc, kLocaltime, kDate } base = Base::kUtc;
    i64 date_unix = 0;
};

struct BootOptions {
    std::string order = "cad";  ///< a: floppy, c: hard disk, d: CD-ROM, n: network
    std::string once;           ///< instead of it, for the first start
    bool menu = false;
    u16 menu_wait_ms = 0;  ///< 0: the firmware's own
    std::optional<i32> reboot_wait_ms;  ///< when nothing boots; -1: never
    std::string splash;                 ///< a picture to show meanwhile
    bool check_floppy_signature = true;
};

enum class DriveInterface { kIde, kFloppy, kPflash, kAhci, kNone };

/// An AHCI adapter beside the board's own devices.
struct AhciOptions {
    std::string id;
    PciPlace place;
};

/// A PCI Express root port, whose id names the bus behind it.
struct RootPortOptions {
    std::string id;
    PciPlace place;
    u8 chassis = 0;
    u16 slot = 0;  ///< the number that people see, one of its kind in a chassis
};

struct DriveOptions {
    std::string file;  ///< empty: no medium
    std::string id;
    DriveInterface interface = DriveInterface::kIde;
    std::optional<unsigned> index, bus, unit;  ///< index: channel * 2 + device; none: the first free one
    bool cdrom = false;
    bool read_only = false;
    bool surely_raw = false;  ///< format=raw
    bool snapshot = false;  ///< writes go to a temporary file
    unsigned adapter = 0;   ///< kAhci: which; `index` is the port there
    std::optional<unsigned> boot_index;  ///< firmware tries low ones first
    std::string serial;  ///< of an ATA drive; empty: by its place
};

/// A file of fw_cfg for the guest.
struct FwCfgFileOptions {
    std::string name;
    std::string path;  ///< empty: `text` is the content
    std::string text;
};

/// -object secret.
struct Secret {
    std::string id, data;
    std::string argument;  ///< where it comes from
};

struct Options {
    MachineType machine = MachineType::kPc;
    u64 ram_bytes = 128 * MiB;
    RamBacking ram_backing;
    std::string cpu = "max";
    AccelOptions accel;
    bool hpet = true;

    std::string kernel, initrd, append;
    std::vector<std::string> firmware_folders;  ///< beside the system's
    std::string bios;  ///< empty without a kernel: the system's SeaBIOS
    BootOptions boot;
    std::vector<RootPortOptions> root_ports;
    std::vector<AhciOptions> ahci;
    std::vector<DriveOptions> drives;
    bool snapshot = false;  ///< for all drives
    bool has_flash() const;  ///< firmware is in flash chips
    bool has_firmware() const { return kernel.empty() || !bios.empty() || has_flash(); }

    std::vector<std::string> option_roms;  ///< for firmware to run

    std::vector<FwCfgFileOptions> fw_cfg_files;
    std::optional<Uuid> uuid;
    SmbiosWords smbios;
    std::vector<std::string> smbios_arguments;  ///< where they come from

    bool nographic = false;
    bool no_reboot = false;
    bool no_shutdown = false;
    bool start_stopped = false;
    bool nodefaults = false;
    bool display_none = false;  ///< nobody looks, and the terminal is not for the guest's console
    bool display_sdl = false;
    bool full_screen = false;
    std::vector<std::string> vnc;  ///< -vnc and -display vnc=
    std::vector<Secret> secrets;
    const Secret* secret(const std::string& id) const;  ///< null: there is none of that id
    bool explain = false;

    std::vector<std::string> serials;   ///< -serial, in order
    std::vector<std::string> monitors;  ///< -monitor
    std::vector<std::string> chardevs;  ///< -chardev
    std::vector<DebugconOptions> debugcons;
    std::optional<DebugExitOptions> debug_exit;
    bool pc_testdev = false;
    std::vector<PciTestOptions> pci_tests;
    VgaOptions vga;
    RtcOptions rtc;

    u32 log_mask = 0;
    std::string log_file;
    std::string name = "twin86";
    std::string pidfile;
    std::string process_name;  ///< for the host; empty: the program's
    bool daemonize = false;
};

/// What the command line asks for instead of a machine.
enum class OptionAction { kRun, kHelp, kVersion, kCpuHelp, kDeviceHelp, kMachineHelp, kAccelHelp, kLogHelp, kVgaHelp, kDisplayHelp };

/// -object memory-backend-memfd.
struct MemoryObject {
    std::string id;
    u64 bytes = 0;
    RamBacking backing;
};

struct ParsedOptions {
    OptionAction action = OptionAction::kRun;
    std::string help_on;  ///< -device NAME,help
    Options options;
    // Taken in at the end, because -global may come behind the device.
    std::vector<std::string> devices, globals;
    std::array<std::string, 2> flash_nodes;  ///< -machine pflash0= and pflash1=: nodes of -blockdev
    std::vector<MemoryObject> memories;
    std::string memory;          ///< -machine memory-backend=
    bool memory_sized = false;   ///< by -m
};

Result<ParsedOptions> parse_options(const std::vector<std::string>& arguments);
std::string options_help();
std::string log_help();
/// All devices, or the properties of one.
std::string device_help(const std::string& name);
std::string vga_help();
std::string display_help();

}  // namespace twin86
