// -bios, -boot, -drive and their short forms.
#include <algorithm>

#include "devices/ahci/ahci_controller.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {

namespace {

constexpr std::string_view kBootDevices = "acdn";

Status check_order(const std::string& order) {
    for (const char c : order)
        if (kBootDevices.find(c) == std::string_view::npos)
            return error("-boot {}: '{}' is no boot device (a floppy, c hard disk, d CD-ROM, n network)", order, c);
    if (order.size() > 3) return error("-boot {}: at most three devices", order);
    return {};
}

/// Of SeaBIOS; -1 and what is too long for its 16 bits: it waits for ever.
Status set_reboot_wait(BootOptions& boot, const std::string& v) {
    if (v == "-1") return boot.reboot_wait_ms = -1, Status();
    const auto ms = parse_number(v, "-boot reboot-timeout", 0xffff);
    if (!ms) return ms.failure();
    boot.reboot_wait_ms = static_cast<i32>(ms.value());
    return {};
}

Status set_boot_property(BootOptions& boot, const std::string& key, const std::string& v) {
    if (key == "order" || key == "once") {
        (key == "order" ? boot.order : boot.once) = v;
        return check_order(v);
    }
    if (key == "menu" || key == "strict") {
        const auto on = parse_switch(v, "-boot " + key);
        if (!on) return on.failure();
        if (key == "menu") boot.menu = on.value();
        return {};
    }
    if (key == "splash-time") {
        const auto ms = parse_number(v, "-boot splash-time", 0xffff);
        if (!ms) return ms.failure();
        boot.menu_wait_ms = static_cast<u16>(ms.value());
        return {};
    }
    if (key == "reboot-timeout") return set_reboot_wait(boot, v);
    if (key == "splash") return boot.splash = v, Status();
    return unknown_word("-boot: property", key, {"order", "once", "menu", "strict", "splash", "splash-time", "reboot-timeout"});
}

Status set_interface(DriveOptions& d, const std::string& v) {
    if (v == "ide") return d.interface = DriveInterface::kIde, Status();
    if (v == "floppy") return d.interface = DriveInterface::kFloppy, Status();
    if (v == "pflash") return d.interface = DriveInterface::kPflash, Status();
    if (v == "none") return d.interface = DriveInterface::kNone, Status();
    if (v == "virtio" || v == "scsi" || v == "sd")
        return error("-drive if={}: this version has if=ide, if=floppy, if=pflash and if=none", v);
    return unknown_word("-drive if=", v, {"ide", "floppy", "pflash", "none"});
}

Status set_number(const std::string& key, const std::string& v, std::optional<unsigned>& to) {
    const auto n = parse_number(v, "-drive " + key, AhciController::kPorts - 1);
    if (!n) return n.failure();
    to = static_cast<unsigned>(n.value());
    return {};
}

Status set_flag(const std::string& key, const std::string& v, bool& to) {
    const auto on = parse_switch(v, "-drive " + key);
    if (!on) return on.failure();
    to = on.value();
    return {};
}

Status set_drive_property(DriveOptions& d, const std::string& key, const std::string& v) {
    if (key == "file" || key == "file.filename") return d.file = v, Status();
    if (key == "id") return d.id = v, Status();
    if (key == "if") return set_interface(d, v);
    if (key == "index") return set_number(key, v, d.index);
    if (key == "bus") return set_number(key, v, d.bus);
    if (key == "unit") return set_number(key, v, d.unit);
    if (key == "readonly" || key == "read-only") return set_flag(key, v, d.read_only);
    if (key == "snapshot") return set_flag(key, v, d.snapshot);
    if (key == "format" || key == "driver") {
        if (v != "raw") return error("-drive {0}={1}: this version reads raw images; qemu-img convert -f {1} -O raw OLD NEW makes one", key, v);
        d.surely_raw = true;
        return {};
    }
    if (key == "file.driver") {
        if (v != "file" && v != "host_device") return error("-drive file.driver={}: this version has file and host_device", v);
        return {};
    }
    if (key == "media") {
        if (v != "disk" && v != "cdrom") return unknown_word("-drive media=", v, {"disk", "cdrom"});
        d.cdrom = v == "cdrom";
        return {};
    }
    if (key == "serial") return error("-drive serial=: a drive's number is its device's: if=none,id=ID and -device ide-hd,drive=ID,serial={}", v);
    // How the host caches and schedules is its own business here; the words are QEMU's and harmless.
    static constexpr std::string_view kOfHost[] = {"cache", "aio", "discard", "detect-zeroes", "werror", "rerror", "auto-read-only", "file.locking"};
    if (key.starts_with("cache.") || std::find(std::begin(kOfHost), std::end(kOfHost), key) != std::end(kOfHost)) return {};
    return unknown_word("-drive: property", key,
                        {"file", "if", "index", "bus", "unit", "media", "format", "readonly", "snapshot", "id"});
}

}  // namespace

Status set_boot(ParsedOptions& to, const std::string& v) {
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        const bool bare = i == 0 && val.empty() && v.find('=') > key.size();
        if (const Status s = check_order(key); bare && key != "menu" && key != "strict" && !s) return s;
        const Status s = bare && check_order(key) ? set_boot_property(to.options.boot, "order", key)
                                                        : set_boot_property(to.options.boot, key, val);
        if (!s) return s;
    }
    return {};
}

Status add_drive(ParsedOptions& to, const std::string& v) {
    DriveOptions drive;
    for (const auto& [key, val] : split_properties(v))
        if (const Status s = set_drive_property(drive, key, val); !s) return s;
    if (drive.file.empty() && !drive.cdrom && drive.interface != DriveInterface::kFloppy)
        return error("-drive {}: needs file=IMAGE", v);
    to.options.drives.push_back(drive);
    return {};
}

/// A bus of a q35's own adapter has one drive, one of an IDE controller two.
void number_drives(Options& o) {
    const bool sata = o.machine == MachineType::kQ35;
    for (DriveOptions& d : o.drives) {
        if (d.index || !d.unit) continue;
        const unsigned per_bus = sata && d.interface == DriveInterface::kIde ? 1 : 2;
        d.index = d.bus.value_or(0) * per_bus + *d.unit;
    }
}

Status add_short_drive(ParsedOptions& to, const std::string& file, DriveInterface interface,
                       std::optional<unsigned> index, bool cdrom) {
    DriveOptions drive;
    drive.file = file;
    drive.interface = interface;
    drive.index = index;
    drive.cdrom = cdrom;
    to.options.drives.push_back(drive);
    return {};
}

}  // namespace twin86
