// -device and -global: the devices that can be asked for, as rows; parsing, help and error lines come from them.
#include <algorithm>

#include "devices/pci/pcie_root_port.h"
#include "machine/option_json.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

struct Property {
    const char* name;
    const char* help;
};

/// One device that is being put together from "name=value" pairs.
struct DeviceRequest {
    std::string prefix;  ///< for messages
    Properties values;
};

struct DeviceKind {
    const char* name;
    const char* help;
    std::vector<Property> properties;
    Status (*add)(Options& o, const DeviceRequest& request);
};

Result<u64> number(const DeviceRequest& r, const std::string& name, u64 otherwise, u64 last) {
    u64 value = otherwise;
    for (const auto& [key, text] : r.values) {
        if (key != name) continue;
        auto n = parse_number(text, r.prefix + name, last);
        if (!n) return n.failure();
        value = *n;
    }
    return value;
}

std::string text(const DeviceRequest& r, const std::string& name) {
    std::string value;
    for (const auto& [key, given] : r.values)
        if (key == name) value = given;
    return value;
}

Status add_debug_exit(Options& o, const DeviceRequest& r) {
    const auto base = number(r, "iobase", DebugExitOptions{}.iobase, 0xffff);
    if (!base) return base.failure();
    const auto size = number(r, "iosize", DebugExitOptions{}.iosize, 0xffff);
    if (!size) return size.failure();
    const DebugExitOptions exit{static_cast<IoPort>(base.value()), static_cast<u32>(size.value())};
    if (exit.iosize == 0 || exit.iobase + exit.iosize > 65536)
        return error("-device isa-debug-exit: ports {:#x} to {:#x} do not exist", exit.iobase,
                     exit.iobase + exit.iosize);
    if (o.debug_exit) return error("-device isa-debug-exit: there can be only one");
    o.debug_exit = exit;
    return {};
}

Status add_debugcon(Options& o, const DeviceRequest& r) {
    const auto base = number(r, "iobase", DebugconOptions{}.iobase, 0xffff);
    if (!base) return base.failure();
    const std::string chardev = text(r, "chardev");
    o.debugcons.push_back({static_cast<IoPort>(base.value()), chardev.empty() ? "null" : "chardev:" + chardev});
    return {};
}

/// A serial port, at its place among those of -serial.
Status add_isa_serial(Options& o, const DeviceRequest& r) {
    constexpr std::size_t kPorts = 4;
    const std::string chardev = text(r, "chardev");
    if (chardev.empty()) return error("-device isa-serial: needs chardev=ID");
    const bool placed = !text(r, "index").empty();
    const auto index = number(r, "index", o.serials.size(), kPorts - 1);
    if (!index) return index.failure();
    const std::size_t at = index.value();
    if (at >= kPorts) return error("-device isa-serial: a PC has four serial ports");
    if (at >= o.serials.size()) o.serials.resize(at + 1, "none");
    else if (placed && o.serials[at] != "none") return error("-device isa-serial,index={}: there is a port there already", at);
    o.serials[at] = "chardev:" + chardev;
    return {};
}

Status add_pc_testdev(Options& o, const DeviceRequest&) {
    if (o.pc_testdev) return error("-device pc-testdev: there can be only one");
    o.pc_testdev = true;
    return {};
}

/// "5", "0x5" or "5.0".
Result<std::optional<u8>> slot_of(const DeviceRequest& r) {
    std::string where = text(r, "addr");
    if (where.empty()) return std::optional<u8>();
    if (where.ends_with(".0")) where.resize(where.size() - 2);
    const auto n = parse_number(where.starts_with("0x") ? where : "0x" + where, r.prefix + "addr", 31);
    if (!n) return n.failure();
    return std::optional(static_cast<u8>(n.value()));
}

Result<PciPlace> place_of(const DeviceRequest& r) {
    auto slot = slot_of(r);
    if (!slot) return slot.failure();
    return PciPlace{text(r, "bus"), *slot};
}

/// The boards have a slot for it, where QEMU's default and libvirt put it, too.
Status check_vga_place(const Options& o, const DeviceRequest& r) {
    const bool q35 = o.machine == MachineType::kQ35;
    const std::string bus = q35 ? "pcie.0" : "pci.0";
    const u8 slot = q35 ? 1 : 2;
    auto place = place_of(r);
    if (!place) return place.failure();
    if ((place->bus.empty() || place->bus == bus) && place->slot.value_or(slot) == slot) return {};
    return error("-device VGA: its place is bus={},addr={:#x}; leave them out", bus, slot);
}

Status add_vga(Options& o, const DeviceRequest& r) {
    if (o.vga.chosen && o.vga.present) return error("-device VGA: there can be only one display adapter");
    if (const Status s = check_vga_place(o, r); !s) return s;
    o.vga.present = o.vga.chosen = true;
    for (const auto& [name, value] : r.values) {
        if (name == "id" || name == "bus" || name == "addr") continue;
        if (const Status s = set_vga_property(o.vga, r.prefix, name, value); !s) return s;
    }
    return {};
}

template <PciTestKind kind>
Status add_pci_test(Options& o, const DeviceRequest& r) {
    auto place = place_of(r);
    if (!place) return place.failure();
    o.pci_tests.push_back({kind, place.take()});
    return {};
}

Status add_ahci(Options& o, const DeviceRequest& r) {
    auto place = place_of(r);
    if (!place) return place.failure();
    return add_ahci_adapter(o, text(r, "id"), *place);
}

Status add_pcie_root_port(Options& o, const DeviceRequest& r) {
    auto place = place_of(r);
    if (!place) return place.failure();
    const auto chassis = number(r, "chassis", 0, 0xff);
    if (!chassis) return chassis.failure();
    const auto slot = number(r, "slot", 0, PcieRootPort::kMostSlot);
    if (!slot) return slot.failure();
    return add_root_port(
        o, {text(r, "id"), place.take(), static_cast<u8>(chassis.value()), static_cast<u16>(slot.value())});
}

/// What ide-hd and ide-cd have besides.
const Property kSerial{"serial", "serial number that the guest reads"};

/// What ide-hd, ide-cd and floppy have in common.
std::vector<Property> drive_properties(const char* bus) {
    return {{"drive", "id of a -drive with if=none"}, {"bus", bus}, {"unit", "0 or 1 (the first free one)"},
            {"bootindex", "firmware tries low ones first"}};
}

std::vector<Property> ata_properties() {
    std::vector<Property> all = drive_properties("ide.0, ide.1, or ID.PORT of an ahci");
    all.push_back(kSerial);
    return all;
}

/// The name of the device is for messages.
template <const char* const& kName>
Status add_drive_device(Options& o, const DeviceRequest& r) {
    return attach_drive(o, {kName, text(r, "drive"), text(r, "bus"), text(r, "unit"), text(r, "bootindex"), text(r, "serial")});
}

constexpr const char* kIdeDisk = "ide-hd";
constexpr const char* kIdeCdrom = "ide-cd";
constexpr const char* kFloppyDrive = "floppy";

const std::vector<DeviceKind>& device_kinds() {
    static const Property kSlot{"addr", "PCI slot, hexadecimal (the first free one)"};
    static const Property kBus{"bus", "pci.0, pcie.0 (q35), or the id of a pcie-root-port"};
    static const std::vector<DeviceKind> kKinds{
        {"VGA", "display adapter with VBE extensions (as -vga std)",
         {{"vgamem_mb", "memory in MiB, a power of two up to 256 (16)"},
          {"xres", "width that the monitor likes best (1280)"},
          {"yres", "height (800)"},
          {"edid", "off: the monitor does not say what it is"},
          {"mmio", "off: no registers in memory (BAR 2), ports alone"},
          {"bus", "pci.0 (pc) or pcie.0 (q35)"},
          {"addr", "2 (pc) or 1 (q35)"}},
         add_vga},
        {"ahci", "SATA adapter with six ports (also ich9-ahci)", {kBus, kSlot}, add_ahci},
        {"ich9-ahci", "the same as ahci", {kBus, kSlot}, add_ahci},
        {"ide-hd", "disk on an IDE channel or a SATA port", ata_properties(),
         add_drive_device<kIdeDisk>},
        {"ide-cd", "CD-ROM drive there", ata_properties(),
         add_drive_device<kIdeCdrom>},
        {"floppy", "floppy drive", drive_properties("not needed"), add_drive_device<kFloppyDrive>},
        {"edu", "device of driver courses, PCI 1234:11e8", {kBus, kSlot}, add_pci_test<PciTestKind::kEdu>},
        {"isa-debug-exit", "the guest ends the emulator with status (value << 1) | 1",
         {{"iobase", "first port (0x501)"}, {"iosize", "number of ports (2)"}},
         add_debug_exit},
        {"isa-debugcon", "the guest writes text to a character device",
         {{"iobase", "port (0xe9)"}, {"chardev", "id of a -chardev"}},
         add_debugcon},
        {"isa-serial", "serial port", {{"chardev", "id of a -chardev"}, {"index", "0 to 3: COM1 to COM4 (the first free one)"}}, add_isa_serial},
        {"pcie-root-port", "PCI Express port for one device, on a q35",
         {kBus, kSlot, {"chassis", "0 to 255 (0)"}, {"slot", "number of the slot, another for each port of a chassis (0)"}},
         add_pcie_root_port},
        {"pc-testdev", "ports that test suites for bare metal expect: interrupt lines at 0x2000, 0xe0, 0xe4", {},
         add_pc_testdev},
        {"pci-testdev", "PCI 1b36:0005, for tests of memory and port accesses", {kBus, kSlot},
         add_pci_test<PciTestKind::kPciTestdev>},
    };
    return kKinds;
}

const DeviceKind* find_kind(const std::string& name) {
    const auto at = std::find_if(device_kinds().begin(), device_kinds().end(),
                                 [&](const DeviceKind& k) { return k.name == name; });
    return at == device_kinds().end() ? nullptr : &*at;
}

/// What people ask for that a PC may have and this one has not.
const char* missing_part(const std::string& name) {
    static constexpr std::pair<std::string_view, const char*> kMissing[] = {
        {"virtio-", "virtio; disks go to -drive if=ide or -device ide-hd"}, {"vhost-", "virtio"}, {"usb-", "USB"}, {"ich9-usb-", "USB"}, {"piix3-usb-", "USB"}, {"piix4-usb-", "USB"},
        {"nec-usb-", "USB"}, {"qemu-xhci", "USB"}, {"nvme", "NVMe"}, {"scsi-", "SCSI; -device ide-hd and ide-cd take the same drives"}, {"lsi", "SCSI"}, {"megasas", "SCSI"},
        {"e1000", "network"}, {"rtl8139", "network"}, {"ne2k_", "network"}, {"pcnet", "network"}, {"vmxnet", "network"}, {"i8255", "network"},
        {"AC97", "sound"}, {"ac97", "sound"}, {"ES1370", "sound"}, {"sb16", "sound"}, {"intel-hda", "sound"}, {"ich9-intel-hda", "sound"}, {"hda-", "sound"},
        {"tpm-", "TPM"}, {"qxl", "adapter but VGA"}, {"cirrus-vga", "adapter but VGA"}, {"bochs-display", "adapter but VGA"}, {"ramfb", "adapter but VGA"},
        {"isa-vga", "adapter but VGA"}, {"secondary-vga", "adapter but VGA"}, {"vmware-svga", "adapter but VGA"}, {"pvpanic", "pvpanic"},
        {"i6300esb", "watchdog"}, {"ib700", "watchdog"}, {"vfio-", "VFIO"}, {"intel-iommu", "IOMMU"}, {"amd-iommu", "IOMMU"}, {"pc-dimm", "memory hot-plug"},
        {"nvdimm", "NVDIMM"}, {"pci-bridge", "PCI bridge but root ports"}, {"i82801b11-bridge", "PCI bridge but root ports"},
        {"x3130-upstream", "PCI bridge but root ports"}, {"ioh3420", "PCI bridge but pcie-root-port"}, {"isa-parallel", "parallel port"},
        {"piix3-ide", "IDE adapter but the board's own, which -device ide-hd,bus=ide.0 uses"}, {"piix4-ide", "IDE adapter but the board's own, which -device ide-hd,bus=ide.0 uses"},
        {"isa-ide", "IDE adapter but the board's own, which -device ide-hd,bus=ide.0 uses"}, {"ide-drive", "ide-drive; ide-hd is a disk, ide-cd a CD-ROM drive"},
        {"isa-fdc", "floppy controller but the board's own; -device floppy,drive=ID adds a drive"}, {"i8042", "keyboard controller but the board's own"},
        {"pci-serial", "serial port on PCI; -device isa-serial adds one"}, {"sdhci", "SD cards"}, {"generic-sdhci", "SD cards"}, {"sd-card", "SD cards"},
        {"loader", "loader of memory; -kernel, -bios and -fw_cfg put files into the machine"}, {"vmcoreinfo", "vmcoreinfo"}, {"vmgenid", "vmgenid"},
        {"isa-applesmc", "Apple SMC"}, {"smbus-eeprom", "device on the SMBus"}, {"ipmi-", "IPMI"}, {"isa-ipmi", "IPMI"}, {"ivshmem", "shared memory device"}};
    for (const auto& [start, what] : kMissing)
        if (name.starts_with(start)) return what;
    return nullptr;
}

Error unknown_kind(const char* option, const std::string& name) {
    if (const char* what = missing_part(name)) return error("{} {}: this version has no {}", option, name, what);
    std::vector<std::string_view> known;
    for (const DeviceKind& k : device_kinds()) known.push_back(k.name);
    return unknown_word(option, name, known);
}

/// Every device takes an id.
Status check_property(const DeviceKind& kind, const std::string& prefix, const std::string& name) {
    std::vector<std::string_view> known{"id"};
    for (const Property& p : kind.properties) known.push_back(p.name);
    if (std::find(known.begin(), known.end(), name) != known.end()) return {};
    return unknown_word(prefix + " property", name, known);
}

/// Of drives: what this machine is like anyway. A guest may cache writes; one image has one user.
bool is_harmless_property(const DeviceKind& kind, const std::string& name, const std::string& value) {
    const std::string_view device = kind.name;
    if (device != kIdeDisk && device != kIdeCdrom && device != kFloppyDrive) return false;
    if (name == "write-cache") return value == "on" || value == "auto";
    return name == "share-rw" && value == "off";
}

/// What scripts set to what this machine is like anyway: no sleep states; timers that deliver lost ticks late.
bool is_harmless_global(const std::string& driver, const std::string& property, const std::string& value) {
    const bool power = driver == "PIIX4_PM" || driver == "ICH9-LPC";
    if (power && (property == "disable_s3" || property == "disable_s4")) return value == "1" || value == "on";
    return driver == "kvm-pit" && property == "lost_tick_policy" && (value == "delay" || value == "discard");
}

struct Global {
    std::string driver, property, value;
};

/// "driver.property=value" or "driver=...,property=...,value=...".
Result<Global> parse_global(const std::string& v) {
    Global g;
    if (v.starts_with("driver=")) {
        for (const auto& [key, value] : split_properties(v)) {
            if (key != "driver" && key != "property" && key != "value")
                return unknown_word("-global: property", key, {"driver", "property", "value"});
            (key == "driver" ? g.driver : key == "property" ? g.property : g.value) = value;
        }
        return g;
    }
    const std::size_t dot = v.find('.'), equal = v.find('=');
    if (dot == std::string::npos || equal == std::string::npos || equal < dot)
        return error("-global {}: wants DRIVER.PROPERTY=VALUE", v);
    return Global{v.substr(0, dot), v.substr(dot + 1, equal - dot - 1), v.substr(equal + 1)};
}

Status add_requested(Options& o, const std::vector<Global>& globals, const std::string& v) {
    const Properties p = split_properties(v);
    const DeviceKind& kind = *find_kind(p[0].first);
    DeviceRequest request{fmt::format("-device {},", kind.name), {}};
    for (const Global& g : globals)
        if (g.driver == kind.name) request.values.emplace_back(g.property, g.value);
    for (std::size_t i = 1; i < p.size(); ++i) {
        if (is_harmless_property(kind, p[i].first, p[i].second)) continue;
        if (const Status s = check_property(kind, request.prefix, p[i].first); !s) return s;
        request.values.push_back(p[i]);
    }
    return kind.add(o, request);
}

}  // namespace

Status add_device(ParsedOptions& to, const std::string& value) {
    const auto plain = without_json("device", value, "driver");
    if (!plain) return plain.failure();
    std::string v = plain.value();
    if (v.starts_with("driver=")) v.erase(0, std::string("driver=").size());
    const Properties p = split_properties(v);
    const std::string& name = p[0].first;
    if (name == "help" || name == "?") return to.action = OptionAction::kDeviceHelp, Status();
    if (find_kind(name) == nullptr) return unknown_kind("-device", name);
    for (std::size_t i = 1; i < p.size(); ++i)
        if (p[i].first == "help" || p[i].first == "?") {
            to.action = OptionAction::kDeviceHelp;
            to.help_on = name;
            return {};
        }
    to.devices.push_back(v);
    return {};
}

Status add_global(ParsedOptions& to, const std::string& v) {
    auto global = parse_global(v);
    if (!global) return global.failure();
    if (is_harmless_global(global->driver, global->property, global->value)) return {};
    const DeviceKind* kind = find_kind(global->driver);
    if (kind == nullptr) return unknown_kind("-global: device", global->driver);
    if (const Status s = check_property(*kind, "-global " + global->driver + ":", global->property); !s) return s;
    to.globals.push_back(v);
    return {};
}

namespace {

/// -debugcon makes a device that -global knows.
Status place_debugcons(Options& o, const std::vector<Global>& globals) {
    DeviceRequest request{"-global isa-debugcon.", {}};
    for (const Global& g : globals)
        if (g.driver == "isa-debugcon") request.values.emplace_back(g.property, g.value);
    const auto base = number(request, "iobase", DebugconOptions{}.iobase, 0xffff);
    if (!base) return base.failure();
    for (DebugconOptions& d : o.debugcons)
        if (d.by_option) d.iobase = static_cast<IoPort>(base.value());
    return {};
}

}  // namespace

Status finish_devices(ParsedOptions& to) {
    std::vector<Global> globals;
    for (const std::string& v : to.globals) globals.push_back(parse_global(v).take());
    if (const Status s = place_debugcons(to.options, globals); !s) return s;
    for (const std::string& v : to.devices)
        if (const Status s = add_requested(to.options, globals, v); !s) return s;
    VgaOptions& vga = to.options.vga;
    const bool vga_was_added = std::any_of(to.devices.begin(), to.devices.end(),
                                           [](const std::string& v) { return v.starts_with("VGA"); });
    for (const Global& g : globals)
        if (g.driver == "VGA" && !vga_was_added)
            if (const Status s = set_vga_property(vga, "-global VGA.", g.property, g.value); !s) return s;
    if (to.options.nodefaults && !vga.chosen) vga.present = false;
    return {};
}

std::string device_help(const std::string& name) {
    const DeviceKind* kind = find_kind(name);
    std::string out;
    if (kind != nullptr) {
        out = fmt::format("{}: {}\n", kind->name, kind->help);
        for (const Property& p : kind->properties) out += fmt::format("  {:<10} {}\n", p.name, p.help);
        return out;
    }
    for (const DeviceKind& k : device_kinds()) out += fmt::format("{:<15} {}\n", k.name, k.help);
    return out + "-device NAME,help shows the properties of one\n";
}

}  // namespace twin86
