#include "tests/fuzz/device_rig.h"

#include <algorithm>
#include <cstring>

#include "devices/ata/ata_disk.h"
#include "devices/display/text_screen.h"
#include "devices/pci/pci_bridge.h"
#include "machine/pc/layout.h"

namespace twin86::fuzz {

namespace {

constexpr u64 kVideoBytes = MiB, kFlashBytes = 64 * KiB;
constexpr u64 kDiskBytes = 400 * KiB, kCdromBytes = 200 * KiB, kFloppyBytes = 1440 * KiB;

std::vector<u8> random_bytes(Random& r, std::size_t count) {
    std::vector<u8> bytes(count);
    for (u8& b : bytes) b = static_cast<u8>(r.next());
    return bytes;
}

GuestRam make_ram() {
    auto ram = GuestRam::create(DeviceRig::kLowRam + DeviceRig::kHighRam);
    CHECK(ram, "{}", ram ? "" : ram.failure().message);
    return ram.take();
}

/// PCI 3.0, 6.3.1.1: an expansion ROM starts so.
std::vector<u8> option_rom(Random& r) {
    std::vector<u8> rom = random_bytes(r, 32 * KiB);
    rom[0] = 0x55, rom[1] = 0xaa;
    return rom;
}

/// Where the next base registers go.
struct PciSpaceLeft {
    u64 memory = 0xc0000000, ports = 0xc000;
};

void place_functions(const PciBus& bus, PciSpaceLeft& left) {
    for (unsigned devfn = 0; devfn < PciBus::kFunctions; ++devfn) {
        PciDevice* function = bus.at(static_cast<u8>(devfn));
        if (function == nullptr) continue;
        for (unsigned n = 0; n < PciDevice::kBars; ++n) {
            const PciBar& bar = function->bar(n);
            if (bar.kind == PciBarKind::kNone) continue;
            u64& next = bar.is_io() ? left.ports : left.memory;
            next = align_up(next, std::max<u64>(bar.size, bar.is_io() ? 4 : kPageSize));
            function->config_write(static_cast<u8>(kPciBar0 + 4 * n), 4, static_cast<u32>(next));
            next += bar.size;
        }
        function->config_write(kPciCommand, 2, kPciCommandIo | kPciCommandMemory | kPciCommandMaster);
    }
}

}  // namespace

void FuzzLine::send(Random& r) {
    if (receiver_ == nullptr) return;
    if (r.chance(100)) return receiver_->receive_break();
    const std::size_t room = receiver_->receive_room();
    const std::vector<u8> bytes = random_bytes(r, room == 0 ? 0 : 1 + r.below(room));
    if (!bytes.empty()) receiver_->receive(bytes);
}

DeviceRig::DeviceRig(u64 seed) : ram_(make_ram()) {
    Random r(seed ^ 0xdec0de);
    auto phys = PhysMap::create(ram_, kLowRam, mmio_);
    CHECK(phys, "{}", phys ? "" : phys.failure().message);
    phys_ = phys.take();
    const MachineType type = r.chance(500) ? MachineType::kQ35 : MachineType::kPc;
    const bool has_hpet = !r.chance(100);
    const pc::BoardConfig config{type, kLowRam, kHighRam, 0, {&lines_[0], &lines_[1], &lines_[2], &lines_[3]}, has_hpet};
    const auto reset = [this] { reset_wanted_ = true; };
    const pc::BoardEvents events{reset, [] {}, [](int) {}, [] { return u64{0}; }};
    add_flash(r);
    board_ = std::make_unique<pc::Board>(config, io_, mmio_, *phys_, timers_, clock_, tsc_, events, log_);
    board_->add_device(flash_->device());
    board_->lapic().connect_cpu(*this);
    board_->fw_cfg().set_file("etc/some", random_bytes(r, r.below(10000)));
    board_->fw_cfg().set_file_maker("etc/made", [] { return std::vector<u8>(777, 0x55); });
    CHECK(board_->add_debugcon(0xe9, lines_[4]) && board_->add_debug_exit(0x501, 2));
    add_display(r);
    plugged_ = std::make_unique<pc::PluggedDevices>(*board_, *phys_, io_, mmio_, timers_);
    plugged_->add_pc_testdev();
    if (type == MachineType::kQ35) CHECK(plugged_->add_root_port("port0", 0, {}) && plugged_->add_root_port("port1", 1, {}));
    has_ports_ = type == MachineType::kQ35;
    CHECK(plugged_->add_pci_testdev({}) && plugged_->add_edu(has_ports_ ? PciPlace{"port0", {}} : PciPlace{}));
    add_drives(r);
    add_adapters(r);
    board_->reset(ResetKind::kPowerOn);
    if (r.chance(900)) set_up_as_firmware();
}

DeviceRig::~DeviceRig() = default;

FuzzDisk& DeviceRig::new_disk(u64 bytes, bool read_only) {
    disks_.push_back(std::make_unique<FuzzDisk>(bytes, read_only));
    return *disks_.back();
}

void DeviceRig::add_flash(Random& r) {
    FuzzDisk& disk = new_disk(kFlashBytes, r.chance(300));
    auto flash = pc::FlashBank::create(disk.make_image(), "flash", 4 * GiB, *phys_, mmio_, flash_work_, log_);
    CHECK(flash, "{}", flash ? "" : flash.failure().message);
    flash_ = flash.take();
}

void DeviceRig::add_display(Random& r) {
    pc::DisplayConfig config;
    config.memory_bytes = kVideoBytes;
    config.rom = option_rom(r);
    auto display = pc::Display::create(config, *phys_, clock_);
    CHECK(display, "{}", display ? "" : display.failure().message);
    display_ = display.take();
    display_->plug_into(*board_, io_, mmio_, *phys_);
}

std::unique_ptr<AtaDevice> DeviceRig::cdrom() {
    auto drive = std::make_unique<AtapiCdrom>("fuzz");
    FuzzDisk& disk = new_disk(kCdromBytes, true);
    drive->change_medium(disk.make_queue());
    cdroms_.push_back({drive.get(), &disk});
    return drive;
}

std::unique_ptr<AtaDevice> DeviceRig::some_drive(Random& r) {
    if (r.chance(400)) return cdrom();
    return std::make_unique<AtaDisk>(new_disk(kDiskBytes, r.chance(200)).make_queue(), "fuzz");
}

void DeviceRig::add_drives(Random& r) {
    Piix3Ide* const ide = board_->chipset().ide();
    for (unsigned position = 0; ide != nullptr && position < 4; ++position)
        if (r.chance(750)) ide->channel(position / 2).plug(position % 2, some_drive(r));
    if (AhciController* sata = board_->chipset().sata()) add_to_ports(*sata, r);
    for (unsigned n = 0; n < Fdc82077aa::kDrives; ++n)
        if (r.chance(800)) board_->fdc().drive(n).change_medium(new_disk(kFloppyBytes, r.chance(300)).make_queue());
}

void DeviceRig::add_to_ports(AhciController& adapter, Random& r) {
    adapters_.push_back(&adapter);
    for (unsigned port = 0; port < AhciController::kPorts; ++port)
        if (r.chance(400)) adapter.port(port).plug(some_drive(r));
}

void DeviceRig::add_adapters(Random& r) {
    for (unsigned n = 0; n < kAdapters; ++n) {
        auto adapter = std::make_unique<AhciController>(fmt::format("ahci{}", n), *phys_, log_);
        add_to_ports(*adapter, r);
        CHECK(plugged_->plug(std::move(adapter), has_ports_ && n == 1 ? PciPlace{"port1", {}} : PciPlace{}));
    }
}

void DeviceRig::set_up_as_firmware() {
    board_->leave_as_firmware_does();
    display_->leave_as_firmware_does();
    PciSpaceLeft left;
    place_functions(board_->pci(), left);
    u32 number = 0;
    for (PciBridge* bridge : board_->pci().bridges()) {
        ++number;
        const u64 first = left.memory = align_up(left.memory, MiB), first_port = left.ports = align_up(left.ports, 4 * KiB);
        place_functions(bridge->bus(), left);
        bridge->config_write(0x18, 4, number << 16 | number << 8);
        bridge->config_write(0x1c, 2, static_cast<u32>((left.ports >> 8 & 0xf0) << 8 | (first_port >> 8 & 0xf0)));
        bridge->config_write(0x20, 4, static_cast<u32>((left.memory >> 16 & 0xfff0) << 16 | (first >> 16 & 0xfff0)));
    }
}

void DeviceRig::before_access() {
    if (timers_.next_deadline_ns() <= clock_.now_ns()) timers_.run_due();
}

void DeviceRig::carry_out_reset() {
    if (!std::exchange(reset_wanted_, false)) return;
    board_->reset(ResetKind::kWarm);
}

u32 DeviceRig::in(IoPort port, unsigned size) {
    before_access();
    const u32 value = io_.read(port, size);
    carry_out_reset();
    return value;
}

void DeviceRig::out(IoPort port, unsigned size, u32 value) {
    before_access();
    io_.write(port, size, value);
    carry_out_reset();
}

u64 DeviceRig::read(Gpa address, unsigned size) {
    before_access();
    const u64 value = phys_->read(address, size);
    carry_out_reset();
    return value;
}

void DeviceRig::write(Gpa address, unsigned size, u64 value) {
    before_access();
    phys_->write(address, size, value);
    carry_out_reset();
}

void DeviceRig::take_interrupt() {
    before_access();
    if (!board_->lapic().has_interrupt()) return;
    board_->lapic().acknowledge();
    board_->interrupt_taken();
}

void DeviceRig::pass_time(u64 ns) {
    clock_.advance(ns);
    timers_.run_due();
    carry_out_reset();
}

bool DeviceRig::settle() {
    constexpr int kRounds = 1000;
    bool busy = true;
    for (int round = 0; busy && round < kRounds; ++round) {
        busy = false;
        for (const auto& disk : disks_) busy |= disk->settle();
    }
    return !busy;
}

void DeviceRig::change_media(Random& r) {
    if (cdroms_.empty()) return;
    CdromDrive& c = cdroms_[r.below(cdroms_.size())];
    if (r.chance(500)) return c.drive->change_medium(c.disk->make_queue());
    c.drive->change_medium(nullptr);
}

void DeviceRig::take_out_media_as(const DeviceRig& other) {
    for (std::size_t n = 0; n < cdroms_.size(); ++n)
        if (!other.cdroms_[n].drive->has_medium()) cdroms_[n].drive->change_medium(nullptr);
}

void DeviceRig::type_and_point(Random& r) {
    switch (r.below(4)) {
        case 0:
            return board_->keyboard().press(static_cast<Key>(r.below(140)), r.chance(500));
        case 1:
            return board_->mouse().move(static_cast<int>(r.next()), static_cast<int>(r.below(300)) - 150, static_cast<int>(r.below(9)) - 4);
        case 2:
            return board_->mouse().set_buttons(static_cast<u8>(r.next()));
        default: {
            const Key keys[] = {static_cast<Key>(r.below(128)), static_cast<Key>(r.below(128))};
            board_->key_feeder().press_together(keys, r.below(50) * KeyFeeder::kMillisecond);
        }
    }
}

void DeviceRig::send_to_lines(Random& r) {
    lines_[r.below(4)].send(r);
}

void DeviceRig::look_at_screen() {
    const VgaFrame frame = display_->frame();
    const std::span<const u8> memory = display_->vga().memory();
    Painter::Written written{display_->vga().take_written(), {}};
    display_->memory().take_written(written.pages);
    painter_.update(frame, memory, written);
    if (frame.geometry().kind == ScreenKind::kText) text_mode_rows(frame, memory);
}

std::vector<u8> DeviceRig::save() {
    StateArchive archive = StateArchive::saver();
    for (Device* d : board_->devices()) d->visit(archive);
    return archive.bytes();
}

std::string DeviceRig::load(std::vector<u8> state) {
    StateArchive archive = StateArchive::loader(std::move(state));
    for (Device* d : board_->devices())
        if (!archive.failed()) d->visit(archive);
    return archive.failure();
}

std::string DeviceRig::ranges() {
    std::vector<BusRange> ports = io_.ranges();
    std::ranges::sort(ports, {}, &BusRange::base);
    std::string text;
    for (const auto& list : {ports, mmio_.ranges()})
        for (const BusRange& r : list) text += fmt::format("{:#x}+{:#x} {}\n", r.base, r.size, r.name);
    for (const HostRange& r : phys_->host_ranges()) text += fmt::format("{:#x}+{:#x} {}{}\n", r.base, r.size, r.name, r.writable ? "" : " read-only");
    return text;
}

bool DeviceRig::has_overlaps() {
    return board_->chipset().pci_space().has_overlaps();
}

void DeviceRig::copy_memory(DeviceRig& from) {
    std::memcpy(ram_.base(), from.ram_.base(), ram_.size());
    std::ranges::copy(from.flash_->bytes(), flash_->bytes().begin());
    // The first is the flash chip's, which reads it no more.
    for (std::size_t n = 1; n < disks_.size(); ++n) disks_[n]->copy_content(*from.disks_[n]);
}

}  // namespace twin86::fuzz
