// -device for adapters and for drives on them.
#include <algorithm>

#include "devices/ahci/ahci_controller.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

constexpr std::size_t kMostSerial = 20;  ///< ATA8-ACS, 7.16.7.10
constexpr unsigned kAhciPorts = AhciController::kPorts, kIdeChannels = 2, kDrivesPerChannel = 2;

/// "NAME.N" as the bus NAME and the number; no dot: the number is 0.
struct BusName {
    std::string name;
    std::optional<unsigned> number;
};

Result<BusName> parse_bus(const std::string& text) {
    const std::size_t dot = text.rfind('.');
    if (dot == std::string::npos) return BusName{text, std::nullopt};
    const auto n = parse_number(text.substr(dot + 1), "bus=" + text, kAhciPorts - 1);
    if (!n) return n.failure();
    return BusName{text.substr(0, dot), static_cast<unsigned>(n.value())};
}

Result<DriveOptions*> find_drive(Options& o, const DriveAttachment& to) {
    for (DriveOptions& d : o.drives) {
        if (d.id != to.drive) continue;
        if (d.interface != DriveInterface::kNone)
            return error("-device {}: drive '{}' is in use already; give it if=none", to.device, to.drive);
        return &d;
    }
    return error("-device {}: there is no -drive with id={}", to.device, to.drive);
}

/// On a q35 the board's own SATA ports go by the name of IDE buses.
Status place_on_own_sata(DriveOptions& d, const DriveAttachment& to, std::optional<unsigned> port, unsigned unit) {
    if (port.value_or(0) >= kAhciPorts || unit != 0)
        return error("-device {}: the board's SATA ports are ide.0 to ide.{}, with unit 0", to.device, kAhciPorts - 1);
    d.interface = DriveInterface::kIde;
    d.index = port;
    return {};
}

Status place_on_ide(DriveOptions& d, const DriveAttachment& to, std::optional<unsigned> channel,
                    std::optional<unsigned> unit) {
    if (channel.value_or(0) >= kIdeChannels || unit.value_or(0) >= kDrivesPerChannel)
        return error("-device {}: an IDE bus is ide.0 or ide.1, with units 0 and 1", to.device);
    d.interface = DriveInterface::kIde;
    if (channel || unit) d.index = channel.value_or(0) * kDrivesPerChannel + unit.value_or(0);
    return {};
}

/// The lowest port that has no drive yet.
unsigned free_port(const Options& o, unsigned adapter) {
    unsigned port = 0;
    const auto taken = [&](const DriveOptions& d) {
        return d.interface == DriveInterface::kAhci && d.adapter == adapter && d.index == port;
    };
    while (std::any_of(o.drives.begin(), o.drives.end(), taken)) ++port;
    return port;
}

Status place_on_ahci(Options& o, DriveOptions& d, const DriveAttachment& to, const BusName& bus) {
    const auto at = std::find_if(o.ahci.begin(), o.ahci.end(), [&](const AhciOptions& a) { return a.id == bus.name; });
    if (at == o.ahci.end()) return error("-device {},bus={}: there is no such bus", to.device, to.bus);
    const unsigned adapter = static_cast<unsigned>(at - o.ahci.begin());
    const unsigned port = bus.number ? *bus.number : free_port(o, adapter);
    if (port >= kAhciPorts) return error("-device {},bus={}: all its ports are taken", to.device, to.bus);
    d.interface = DriveInterface::kAhci;
    d.adapter = adapter;
    d.index = port;
    return {};
}

Status place(Options& o, DriveOptions& d, const DriveAttachment& to) {
    std::optional<unsigned> unit;
    if (!to.unit.empty()) {
        const auto n = parse_number(to.unit, "-device " + to.device + ",unit", 3);
        if (!n) return n.failure();
        unit = static_cast<unsigned>(n.value());
    }
    if (to.device == "floppy") {
        d.interface = DriveInterface::kFloppy;
        d.index = unit;
        return {};
    }
    auto bus = parse_bus(to.bus.empty() ? "ide" : to.bus);
    if (!bus) return bus.failure();
    if (bus->name == "ide" && o.machine == MachineType::kQ35)
        return place_on_own_sata(d, to, bus->number, unit.value_or(0));
    if (bus->name == "ide") return place_on_ide(d, to, bus->number, unit);
    if (unit.value_or(0) != 0) return error("-device {}: a SATA port has unit 0 alone", to.device);
    return place_on_ahci(o, d, to, *bus);
}

}  // namespace

Status add_ahci_adapter(Options& o, const std::string& id, const PciPlace& place) {
    o.ahci.push_back({id.empty() ? fmt::format("ahci{}", o.ahci.size()) : id, place});
    return {};
}

Status add_root_port(Options& o, const RootPortOptions& port) {
    if (o.machine != MachineType::kQ35) return error("-device pcie-root-port: needs -machine q35");
    if (port.id.empty()) return error("-device pcie-root-port: needs id=NAME, the bus of what is behind it");
    for (const RootPortOptions& other : o.root_ports) {
        if (other.id == port.id) return error("-device pcie-root-port,id={}: there is one of that id", port.id);
        if (other.chassis == port.chassis && other.slot == port.slot)
            return error("-device pcie-root-port,id={}: chassis={},slot={} is that of '{}'; give it another", port.id,
                         port.chassis, port.slot, other.id);
    }
    o.root_ports.push_back(port);
    return {};
}

Status attach_drive(Options& o, const DriveAttachment& to) {
    if (to.drive.empty()) {
        if (to.device == "ide-hd") return error("-device ide-hd: needs drive=ID of a -drive with if=none");
        o.drives.emplace_back().interface = DriveInterface::kNone;
    }
    DriveOptions* drive = &o.drives.back();
    if (!to.drive.empty()) {
        auto found = find_drive(o, to);
        if (!found) return found.failure();
        drive = *found;
    }
    drive->cdrom = to.device == "ide-cd";
    if (!to.boot_index.empty()) {
        const auto n = parse_number(to.boot_index, "-device " + to.device + ",bootindex", 0x7fffffff);
        if (!n) return n.failure();
        drive->boot_index = static_cast<unsigned>(n.value());
    }
    if (to.serial.size() > kMostSerial)
        return error("-device {},serial={}: a serial number has at most {} characters", to.device, to.serial, kMostSerial);
    drive->serial = to.serial;
    return place(o, *drive, to);
}

}  // namespace twin86
