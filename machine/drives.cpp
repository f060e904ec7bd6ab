#include "machine/drives.h"

#include <array>

#include "base/nearest.h"
#include "devices/ata/ata_disk.h"
#include "devices/pci/pci_bridge.h"
#include "machine/option_values.h"

namespace twin86 {

namespace {

constexpr unsigned kIdeSlots = 4, kDefaultCdromSlot = 2;

/// Which drive sits in which of the board's own places: numbered ones first, the others where there is room.
Result<std::vector<const DriveOptions*>> own_slots(const std::vector<DriveOptions>& drives, unsigned count) {
    std::vector<const DriveOptions*> slots(count);
    for (const DriveOptions& d : drives) {
        if (d.interface != DriveInterface::kIde || !d.index) continue;
        if (*d.index >= count) return error("-drive {}: index={}: this machine has {} drives", d.file, *d.index, count);
        const DriveOptions*& slot = slots[*d.index];
        if (slot != nullptr)
            return error("-drive {}: IDE index {} has '{}' already; give another index=", d.file, *d.index, slot->file);
        slot = &d;
    }
    for (const DriveOptions& d : drives) {
        if (d.interface != DriveInterface::kIde || d.index) continue;
        const auto free = std::find(slots.begin(), slots.end(), nullptr);
        if (free == slots.end()) return error("-drive {}: all {} positions are taken", d.file, count);
        *free = &d;
    }
    return slots;
}

/// Cell 0x10's code of the drive that reads such disks.
u8 cmos_floppy_type(const FloppyGeometry& g) {
    if (g.cylinders == 40) return 1;
    return g.sectors == 9 ? 3 : g.sectors == 15 ? 2 : g.sectors == 36 ? 5 : 4;
}

std::string serial_of(unsigned slot) {
    return fmt::format("TW{:05}", slot + 1);
}

/// QEMU's names: on a q35 each port of the board's own adapter counts as a bus.
std::string own_name(bool sata, bool cdrom, unsigned slot) {
    const char* kind = cdrom ? "cd" : "hd";
    return sata ? fmt::format("ide{}-{}0", slot, kind) : fmt::format("ide{}-{}{}", slot / 2, kind, slot % 2);
}

std::string slot_text(u8 devfn) {
    return (devfn & 7) != 0 ? fmt::format("{:x},{:x}", devfn >> 3, devfn & 7) : fmt::format("{:x}", devfn >> 3);
}

/// Open Firmware's path of an adapter on the root bus or behind a bridge there.
std::string sata_path(const AhciController& adapter, const PciBus& root) {
    for (const PciBridge* b : root.bridges())
        if (b->bus().has(adapter))
            return fmt::format("/pci@i0cf8/pci-bridge@{}/pci8086,2922@{}", slot_text(root.devfn_of(*b)),
                               slot_text(b->bus().devfn_of(adapter)));
    return fmt::format("/pci@i0cf8/pci8086,2922@{}", slot_text(root.devfn_of(adapter)));
}

}  // namespace

Drives::Drive Drives::drive_of(const DriveOptions& o, std::string name) {
    const bool snapshot = o.snapshot || (all_snapshot_ && !o.cdrom);
    return {std::move(name), o.id, o.file, o.read_only || o.cdrom, snapshot, o.surely_raw, o.serial, 0, nullptr, nullptr};
}

Status Drives::add(const Options& options, pc::Board& board, const std::vector<AhciController*>& ahci) {
    all_snapshot_ = options.snapshot;
    if (const Status s = add_own(options, board); !s) return s;
    for (const DriveOptions& d : options.drives) {
        if (d.interface != DriveInterface::kAhci) continue;
        const unsigned port = d.index.value_or(0);
        AhciController& adapter = *ahci[d.adapter];
        std::string name = fmt::format("{}-{}{}", adapter.name(), d.cdrom ? "cd" : "hd", port);
        if (const Status s = add_to_ahci(d, adapter, port, std::move(name), board.pci()); !s) return s;
    }
    return add_floppies(options, board);
}

/// On the board's own controller.
Status Drives::add_own(const Options& options, pc::Board& board) {
    const unsigned count = board.chipset().sata() != nullptr ? AhciController::kPorts : kIdeSlots;
    auto slots = own_slots(options.drives, count);
    if (!slots) return slots.failure();
    for (unsigned slot = 0; slot < count; ++slot) {
        DriveOptions drive;
        if (const DriveOptions* chosen = (*slots)[slot])
            drive = *chosen;
        else if (slot == kDefaultCdromSlot && !options.nodefaults)
            drive.cdrom = true;
        else
            continue;
        AhciController* const sata = board.chipset().sata();
        const std::string name = own_name(sata != nullptr, drive.cdrom, slot);
        const Status s =
            sata != nullptr ? add_to_ahci(drive, *sata, slot, name, board.pci()) : add_ide(drive, slot, name, board);
        if (!s) return s;
    }
    return {};
}

Status Drives::add_floppies(const Options& options, pc::Board& board) {
    std::array<bool, Fdc82077aa::kDrives> taken{};
    for (const DriveOptions& d : options.drives) {
        if (d.interface != DriveInterface::kFloppy) continue;
        const unsigned slot = d.index.value_or(taken[0] ? 1 : 0);
        if (slot >= taken.size()) return error("-drive {}: there are floppy drives 0 and 1, not {}", d.file, slot);
        if (std::exchange(taken[slot], true))
            return error("-drive {}: floppy drive {} has an image already", d.file, slot);
        if (const Status s = add_floppy(d, slot, board); !s) return s;
    }
    return {};
}

/// The drive is of the kind that reads its first medium.
Status Drives::add_floppy(const DriveOptions& options, unsigned slot, pc::Board& board) {
    Drive drive = drive_of(options, fmt::format("floppy{}", slot));
    drive.floppy = &board.fdc().drive(slot);
    note_boot_index(options, fmt::format("/pci@i0cf8/{}/fdc@03f0/floppy@{}", board.chipset().isa_path(), slot));
    if (!drive.file.empty()) {
        auto image = open(drive);
        if (!image) return image.failure();
        drive.change_medium(image.take());
    }
    board.cmos().floppy_types[slot] = cmos_floppy_type(drive.floppy->geometry());
    drives_.push_back(std::move(drive));
    return {};
}

bool Drives::Drive::has_medium() const {
    if (cdrom != nullptr) return cdrom->has_medium();
    return floppy == nullptr || floppy->has_medium();
}

void Drives::Drive::change_medium(std::unique_ptr<BlockQueue> image) {
    if (cdrom != nullptr) return cdrom->change_medium(std::move(image));
    floppy->change_medium(std::move(image));
}

Status Drives::add_ide(const DriveOptions& options, unsigned slot, const std::string& name, pc::Board& board) {
    Drive drive = drive_of(options, name);
    auto device = make_ata_device(drive, options.cdrom, slot);
    if (!device) return device.failure();
    board.chipset().ide()->channel(slot / 2).plug(slot % 2, device.take());
    note_boot_index(options, fmt::format("/pci@i0cf8/ide@1,1/drive@{}/disk@{}", slot / 2, slot % 2));
    drives_.push_back(std::move(drive));
    return {};
}

Status Drives::add_to_ahci(const DriveOptions& options, AhciController& adapter, unsigned port, std::string name,
                           const PciBus& bus) {
    if (port >= AhciController::kPorts || adapter.port(port).has_device())
        return error("-device: port {} of {} is taken, or there is none", port, adapter.name());
    Drive drive = drive_of(options, std::move(name));
    auto device = make_ata_device(drive, options.cdrom, kIdeSlots + port);
    if (!device) return device.failure();
    adapter.port(port).plug(device.take());
    note_boot_index(options, fmt::format("{}/drive@{:x}/disk@0", sata_path(adapter, bus), port));
    drives_.push_back(std::move(drive));
    return {};
}

Result<std::unique_ptr<AtaDevice>> Drives::make_ata_device(Drive& drive, bool cdrom, unsigned number) {
    std::unique_ptr<BlockQueue> image;
    if (!drive.file.empty()) {
        auto opened = open(drive);
        if (!opened) return opened.failure();
        image = opened.take();
    }
    const std::string serial = drive.serial.empty() ? serial_of(number) : drive.serial;
    if (!cdrom) return std::unique_ptr<AtaDevice>(std::make_unique<AtaDisk>(std::move(image), serial));
    auto device = std::make_unique<AtapiCdrom>(serial);
    drive.cdrom = device.get();
    if (image) device->change_medium(std::move(image));
    return std::unique_ptr<AtaDevice>(std::move(device));
}

void Drives::note_boot_index(const DriveOptions& options, std::string path) {
    if (options.boot_index) boot_order_.emplace(*options.boot_index, std::move(path));
}

std::vector<u8> Drives::boot_order_file() const {
    std::string text;
    for (const auto& [index, path] : boot_order_) text += (text.empty() ? "" : "\n") + path;
    std::vector<u8> file(text.begin(), text.end());
    if (!file.empty()) file.push_back(0);
    return file;
}

Result<std::unique_ptr<BlockQueue>> Drives::open(Drive& drive) {
    auto image = open_raw_image({drive.file, drive.read_only, drive.snapshot, drive.surely_raw});
    if (!image) return image.failure();
    drive.bytes = (*image)->size();
    if (drive.floppy != nullptr && !floppy_geometry(drive.bytes))
        return error("floppy image '{}' has {} KiB; the largest floppy has 2880", drive.file, drive.bytes / KiB);
    return std::make_unique<BlockQueue>(image.take(), work_);
}

std::string Drives::text() const {
    std::string text;
    for (const Drive& d : drives_) {
        const bool empty = !d.has_medium();
        text += fmt::format("{}{}: ", d.name, d.id.empty() ? "" : fmt::format(" ({})", d.id));
        text += empty ? "no medium" : fmt::format("{}, {} KiB, raw", d.file, d.bytes / KiB);
        if (!empty && d.read_only) text += ", read-only";
        if (!empty && d.snapshot) text += ", snapshot";
        if (d.removable()) text += d.cdrom != nullptr && d.cdrom->locked() ? ", tray locked" : ", removable";
        text += '\n';
    }
    return text;
}

Drives::Drive* Drives::find(const std::string& name) {
    for (Drive& d : drives_)
        if (d.name == name || (!d.id.empty() && d.id == name)) return &d;
    return nullptr;
}

Result<Drives::Drive*> Drives::removable(const std::string& name) {
    Drive* drive = find(name);
    if (drive == nullptr) {
        std::vector<std::string_view> names;
        for (const Drive& d : drives_) names.push_back(d.name);
        return error("there is no drive '{}'{}", name, did_you_mean(name, names));
    }
    if (!drive->removable()) return error("{}: a fixed disk cannot be taken out", drive->name);
    return drive;
}

Status Drives::eject(const std::string& name, bool force) {
    auto drive = removable(name);
    if (!drive) return drive.failure();
    if ((*drive)->cdrom != nullptr && (*drive)->cdrom->locked() && !force)
        return error("{}: the guest has locked the tray; eject it in the guest, or use eject -f", (*drive)->name);
    (*drive)->change_medium(nullptr);
    (*drive)->file.clear();
    return {};
}

/// The old medium stays when the new one cannot be opened.
Status Drives::change(const std::string& name, const std::string& file, bool read_only) {
    auto drive = removable(name);
    if (!drive) return drive.failure();
    Drive next = **drive;
    next.file = file;
    next.read_only = read_only || next.cdrom != nullptr;
    auto image = open(next);
    if (!image) return image.failure();
    next.change_medium(image.take());
    **drive = std::move(next);
    return {};
}

}  // namespace twin86
