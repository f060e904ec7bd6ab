#include "machine/pc/board.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "bios/acpi_config.h"
#include "machine/pc/i440fx_chipset.h"
#include "machine/pc/layout.h"
#include "machine/pc/q35_chipset.h"

namespace twin86::pc {
namespace {

std::unique_ptr<Chipset> make_chipset(MachineType type, const ChipsetWiring& wiring) {
    if (type == MachineType::kQ35) return std::make_unique<Q35Chipset>(wiring);
    return std::make_unique<I440fxChipset>(wiring);
}

}  // namespace

Board::Board(const BoardConfig& config, IoBus& io, MmioBus& mmio, PhysMap& phys, TimerQueue& timers,
             const WallClock& wall, const TscClock& tsc, BoardEvents events, Log& log)
    : io_(io),
      mmio_(mmio),
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
      acpi_pm_(timers, gsi_.line(kIrqSci), 32, {[this](u8 type) { sleep(type); }, [](u8) {}}, log,
               config.type == MachineType::kQ35 ? kIch9PmLayout : kPiix4PmLayout),
      reset_control_([this](bool) { events_.reset(); }),
      a20_([&phys](bool on) { phys.set_a20(on); }),
      port92_([this](bool on) { a20_.set_port92(on); }, [this] { events_.reset(); }),
      i8042_({gsi_.line(kIrqKeyboard), gsi_.line(kIrqMouse), [this](bool on) { a20_.set_keyboard_controller(on); },
              [this] { events_.reset(); }},
             timers, log),
      dma_(phys),
      fw_cfg_(phys, log),
      fdc_(gsi_.line(kIrqFloppy), dma_, log),
      chipset_(make_chipset(config.type, {io, mmio, phys, gsi_, acpi_pm_, reset_control_, config.low_ram, log})) {
    cmos_.low_ram = config.low_ram;
    cmos_.high_ram = config.high_ram;
    apic_bus_.attach(lapic_);
    apic_bus_.attach(ioapic_);
    chipset_->pci_space().set_on_message([this, &phys](u64 address, u32 data) { deliver_message(phys, address, data); });
    // The interrupt lines before those who drive them.
    devices_ = {&ioapic_,  &pic_,           &lapic_,  &gsi_,   &hpet_, &pit_,    &port61_, &rtc_,
                &acpi_pm_, &reset_control_, &port92_, &i8042_, &dma_,  &fw_cfg_, &fdc_,    &coprocessor_error_};
    for (Device* d : chipset_->devices()) devices_.push_back(d);
    map_interrupts();
    map_timers(config.has_hpet);
    map_input();
    map_dma();
    map_firmware_ports();
    map_power();
    add_serials(config.serials);
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

/// Wherever software moves it: of the board's devices it hides what lies there (SDM 3, 11.4.1); RAM there stays RAM.
void Board::map_lapic_window() {
    lapic_window_.release();
    if (lapic_.mmio_visible()) lapic_window_ = mmio_.map_in_front(lapic_.window(), Lapic::kWindowSize, lapic_, "lapic");
}

void Board::use_other_lapics(std::function<bool(u64, u32)> deliver, std::function<void()> pins_changed) {
    other_lapics_ = true;
    apic_bus_.set_remote(std::move(deliver));
    ioapic_.set_on_changed(std::move(pins_changed));
}

void Board::map_timers(bool has_hpet) {
    claim(kPit, Pit8254::kPorts, pit_, "pit");
    claim(kPort61, 1, port61_, "port61");
    claim(kRtc, RtcMc146818::kPorts, rtc_, "rtc");
    if (has_hpet) mappings_.push_back(mmio_.map(kHpetBase, Hpet::kWindowSize, hpet_, "hpet"));
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

void Board::map_power() {
    claim(kSmiCommand, AcpiPm::kSmiPorts, acpi_pm_.smi_ports(), "smi-command");
    claim(kPort92, 1, port92_, "port92");
}

/// An address that is no local APIC's is memory.
void Board::deliver_message(DmaView& memory, u64 address, u32 data) {
    if (LocalApicBus::is_msi(address)) {
        apic_bus_.deliver_msi(address, data);
        return;
    }
    std::array<u8, sizeof data> bytes;
    std::memcpy(bytes.data(), &data, sizeof data);
    memory.dma_write(address, bytes);
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
    if (other_lapics_) lapic_.set_virtual_wire();
    map_lapic_window();
    fill_cmos(rtc_, cmos_);
}

void Board::leave_as_firmware_does() {
    chipset_->leave_as_firmware_does();
    lapic_.set_virtual_wire();
    map_lapic_window();
}

}  // namespace twin86::pc
