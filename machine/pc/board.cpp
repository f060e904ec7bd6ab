#include "machine/pc/board.h"

#include <algorithm>

#include "bios/acpi_config.h"
#include "machine/pc/layout.h"

namespace twin86::pc {

Board::Board(const BoardConfig& config, IoBus& io, MmioBus& mmio, PhysMap& phys, TimerQueue& timers,
             const WallClock& wall, const TscClock& tsc, BoardEvents events, Log& log)
    : io_(io),
      mmio_(mmio),
      phys_(phys),
      timers_(timers),
      log_(log),
      events_(std::move(events)),
      ioapic_(apic_bus_, log),
      pic_(IrqLine(lapic_, Lapic::kLint0)),
      lapic_(
          LapicConfig{}, timers, tsc, apic_bus_, [this] { return pic_.acknowledge(); }, log),
      gsi_(pic_, ioapic_),
      coprocessor_error_(gsi_.line(kIrqCoprocessor)),
      hpet_(timers, {gsi_.line(kIrqTimer), gsi_.line(kIrqRtc), &gsi_.add_driver(), 0x00ff0000u | 1u << 2}, log),
      pit_(timers, hpet_.pit_input()),
      port61_(pit_, events_.absence),
      rtc_(timers, wall, config.rtc_offset_ns, hpet_.rtc_input()),
      acpi_pm_(timers, gsi_.line(kIrqSci), 32, {[this](u8 type) { sleep(type); }, [](u8) {}}, log),
      reset_control_([this](bool) { events_.reset(); }),
      // The state of the gate is kept and shows in its registers; address bit 20 itself is never masked, because no
      // kernel that is entered in protected mode runs with it off.
      a20_([](bool) {}),
      port92_([this](bool on) { a20_.set_port92(on); }, [this] { events_.reset(); }),
      i8042_({gsi_.line(kIrqKeyboard), gsi_.line(kIrqMouse), [this](bool on) { a20_.set_keyboard_controller(on); },
              [this] { events_.reset(); }},
             timers, log),
      dma_(phys),
      fw_cfg_(phys, log),
      fdc_(gsi_.line(kIrqFloppy), dma_, log),
      pci_space_(io, mmio,
                 {{kVideoHole, kVideoHole + kVideoHoleSize - 1}, {pci_memory_first(config.low_ram), kPciMemoryLast}},
                 &log),
      isa_bridge_(gsi_.add_driver()),
      pci_(pci_space_, isa_bridge_.pirq_inputs()),
      pci_ports_(pci_, &reset_control_),
      host_bridge_([this] { map_shadow_ram(); }),
      ide_({gsi_.line(kIrqIde[0]), gsi_.line(kIrqIde[1])}, phys, [this](unsigned n, bool on) { map_ide(n, on); }),
      power_(
          [this](std::optional<u16> base) { move_ports(pm_window_, base, AcpiPm::kBlockSize, acpi_pm_, "acpi-pm"); },
          [this](std::optional<u16> base) { move_ports(smbus_window_, base, Piix4Smbus::kPorts, smbus_, "smbus"); }) {
    cmos_.low_ram = config.low_ram;
    cmos_.high_ram = config.high_ram;
    apic_bus_.attach(lapic_);
    apic_bus_.attach(ioapic_);
    // The interrupt lines before those who drive them.
    devices_ = {&ioapic_, &pic_,   &lapic_, &gsi_,       &hpet_, &pit_, &port61_, &rtc_,   &acpi_pm_, &reset_control_,
                &port92_, &i8042_, &pci_,   &pci_ports_, &dma_,  &fw_cfg_, &smbus_, &fdc_, &coprocessor_error_};
    map_interrupts();
    map_timers();
    map_input();
    map_dma();
    map_firmware_ports();
    map_pci();
    map_power();
    add_serials(config.serials);
    map_shadow_ram();
}

void Board::map_interrupts() {
    claim(kPicMaster, 2, pic_.master_ports(), "pic");
    claim(kPicSlave, 2, pic_.slave_ports(), "pic");
    claim(kCoprocessorError, 1, coprocessor_error_, "coprocessor-error");
    claim(kElcr, 2, pic_.elcr_ports(), "elcr");
    mappings_.push_back(mmio_.map(kIoApicBase, IoApic::kWindowSize, ioapic_, "ioapic"));
    lapic_.set_on_window_changed([this] { map_lapic_window(); });
    map_lapic_window();
}

void Board::map_lapic_window() {
    lapic_window_.release();
    if (lapic_.mmio_visible()) lapic_window_ = mmio_.map(lapic_.window(), Lapic::kWindowSize, lapic_, "lapic");
}

void Board::map_timers() {
    claim(kPit, Pit8254::kPorts, pit_, "pit");
    claim(kPort61, 1, port61_, "port61");
    claim(kRtc, RtcMc146818::kPorts, rtc_, "rtc");
    mappings_.push_back(mmio_.map(kHpetBase, Hpet::kWindowSize, hpet_, "hpet"));
}

void Board::map_pci() {
    mappings_.push_back(pci_.attach(0, host_bridge_));
    mappings_.push_back(pci_.attach(1 << 3, isa_bridge_));
    mappings_.push_back(pci_.attach(1 << 3 | 1, ide_));
    mappings_.push_back(pci_.attach(1 << 3 | 3, power_));
    claim(PciConfigPorts::kPort, PciConfigPorts::kPorts, pci_ports_, "pci-config", IoBus::kAll);
    for (Device* d :
         {static_cast<Device*>(&host_bridge_), static_cast<Device*>(&isa_bridge_), static_cast<Device*>(&power_),
          static_cast<Device*>(&ide_), static_cast<Device*>(&ide_.channel(0)), static_cast<Device*>(&ide_.channel(1))})
        devices_.push_back(d);
}

void Board::map_input() {
    claim(kKeyboardData, 1, i8042_.data_port(), "i8042-data");
    claim(kKeyboardCommand, 1, i8042_.command_port(), "i8042-command");
}

void Board::map_dma() {
    claim(kDmaLow, Dma8237::kLowPorts, dma_.low_ports(), "dma");
    claim(kDmaHigh, Dma8237::kHighPorts, dma_.high_ports(), "dma");
    claim(kDmaPages, Dma8237::kPagePorts, dma_.page_ports(), "dma-page");
    claim(kFloppy, Fdc82077aa::kPorts, fdc_, "fdc");
    claim(kFloppyDir, Fdc82077aa::kDirPorts, fdc_.dir_port(), "fdc-dir");
}

void Board::map_firmware_ports() {
    claim(FwCfg::kPort, FwCfg::kPorts, fw_cfg_.selector_ports(), "fw-cfg", IoBus::kByte | IoBus::kWord);
    claim(FwCfg::kDmaPort, FwCfg::kDmaPorts, fw_cfg_.dma_ports(), "fw-cfg-dma", IoBus::kAll);
}

/// PAM and SMRAM decide what the area below 1 MiB shows. Segments that read ROM and write RAM, which firmware needs
/// only where its ROM has no second address, show the ROM.
void Board::map_shadow_ram() {
    const auto show = [this](Gpa base, u64 size, Backing wanted, Backing& shown) {
        if (shown == wanted) return;
        phys_.remap(base, size, wanted);
        shown = wanted;
    };
    for (unsigned n = 0; n < I440fxHostBridge::kPamSegments; ++n) {
        const PamSegment s = host_bridge_.pam_segment(n);
        const Backing ram = s.write_ram ? Backing::kRam : Backing::kRamReadOnly;
        show(s.base, s.size, s.read_ram ? ram : Backing::kRom, shadow_[n]);
    }
    show(kVideoHole, kVideoHoleSize, host_bridge_.smram_open() ? Backing::kRam : Backing::kMmio, video_hole_);
}

/// Ports whose base is a configuration register. Over somebody else's they are not decoded: what hardware does there is
/// undefined.
void Board::move_ports(Mapping& window, std::optional<u16> base, u32 size, IoHandler& handler, const char* name) {
    window.release();
    if (!base) return;
    if (const Status free = check_free(*base, size, name); !free)
        return log_.write(kLogGuestError, "{}", free.failure().message);
    window = io_.map(*base, size, handler, name, IoBus::kAll);
}

void Board::map_power() {
    claim(kSmiCommand, AcpiPm::kSmiPorts, acpi_pm_.smi_ports(), "smi-command");
    claim(kPort92, 1, port92_, "port92");
}

u16 Board::pm_base() const {
    return power_.pm_base().value_or(kPmBase);
}

void Board::map_ide(unsigned n, bool decoded) {
    const auto base = [decoded](IoPort port) { return decoded ? std::optional<u16>(port) : std::nullopt; };
    IdeChannel& channel = ide_.channel(n);
    move_ports(ide_command_[n], base(kIdeCommand[n]), IdeChannel::kCommandPorts, channel.command_ports(), "ide");
    move_ports(ide_control_[n], base(kIdeControl[n]), IdeChannel::kControlPorts, channel.control_port(), "ide-control");
}

/// The DSDT offers soft-off alone; other types are nothing that we promised.
void Board::sleep(u8 type) {
    if (type == AcpiConfig{}.s5_sleep_type) return events_.power_off();
    log_.write(kLogGuestError, "acpi-pm: sleep type {} is not in the tables", type);
}

void Board::add_serials(const std::vector<CharBackend*>& backends) {
    for (std::size_t n = 0; n < backends.size() && n < std::size(kCom); ++n) {
        if (backends[n] == nullptr) continue;
        const std::string name = fmt::format("serial{}", n);
        uarts_.push_back(std::make_unique<Uart16550a>(name, gsi_.line(kComIrq[n]), timers_, *backends[n], log_));
        claim(kCom[n], Uart16550a::kPortCount, *uarts_.back(), name);
        devices_.push_back(uarts_.back().get());
    }
}

Status Board::check_free(IoPort base, u32 size, const char* what) const {
    for (const BusRange& r : io_.ranges())
        if (base < r.base + r.size && r.base < u64{base} + size)
            return error("{}: port {:#x} belongs to {} already", what, std::max<u64>(base, r.base), r.name);
    return {};
}

Status Board::add_debugcon(IoPort port, CharSink& sink) {
    if (const Status s = check_free(port, 1, "isa-debugcon"); !s) return s;
    debugcons_.push_back(std::make_unique<Debugcon>(sink, fmt::format("isa-debugcon-{:x}", port)));
    claim(port, 1, *debugcons_.back(), "debugcon");
    devices_.push_back(debugcons_.back().get());
    return {};
}

Status Board::add_debug_exit(IoPort port, u32 size) {
    if (const Status s = check_free(port, size, "isa-debug-exit"); !s) return s;
    debug_exit_ = std::make_unique<IsaDebugExit>([this](int code) { events_.debug_exit(code); });
    claim(port, size, *debug_exit_, "debug-exit", IoBus::kAll);
    devices_.push_back(debug_exit_.get());
    return {};
}

void Board::reset(ResetKind kind) {
    key_feeder_.clear();
    for (Device* d : devices_) d->reset(kind);
    map_lapic_window();
    fill_cmos(rtc_, cmos_);
}

void Board::leave_as_firmware_does() {
    host_bridge_.set_all_pam(true, true);
    power_.set_pm_base(kPmBase);
    ide_.enable();
    for (unsigned pirq = 0; pirq < std::size(kPirqRoutes); ++pirq) isa_bridge_.route(pirq, kPirqRoutes[pirq]);
    lapic_.set_virtual_wire();
    map_lapic_window();
}

}  // namespace twin86::pc
