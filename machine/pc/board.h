// Board: the devices of the PC and how they are wired. One wiring block per device, in board.cpp.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "devices/core/bus.h"
#include "devices/core/timer_queue.h"
#include "devices/dma/dma_8237.h"
#include "devices/firmware/a20_gate.h"
#include "devices/firmware/debugcon.h"
#include "devices/firmware/fw_cfg.h"
#include "devices/firmware/isa_debug_exit.h"
#include "devices/firmware/port92.h"
#include "devices/firmware/reset_control.h"
#include "devices/floppy/fdc_82077aa.h"
#include "devices/input/i8042.h"
#include "devices/input/key_feeder.h"
#include "devices/irq/coprocessor_error.h"
#include "devices/irq/gsi_router.h"
#include "devices/irq/ioapic.h"
#include "devices/irq/lapic.h"
#include "devices/irq/local_apic_bus.h"
#include "devices/irq/pic_8259.h"
#include "devices/serial/uart_16550a.h"
#include "devices/timer/acpi_pm.h"
#include "devices/timer/hpet.h"
#include "devices/timer/pit_8254.h"
#include "devices/timer/port61.h"
#include "devices/timer/rtc_mc146818.h"
#include "machine/pc/chipset.h"
#include "machine/pc/cmos.h"
#include "machine/pc/machine_type.h"
#include "mmu/phys_map.h"

namespace twin86::pc {

/// What the board asks of the machine around it.
struct BoardEvents {
    std::function<void()> reset;          ///< system reset was requested by the guest
    std::function<void()> power_off;      ///< ACPI S5
    std::function<void(int)> debug_exit;  ///< isa-debug-exit
    /// For how many ns the processor got no time since the last call. From its thread.
    std::function<u64()> absence;
};

struct BoardConfig {
    MachineType type = MachineType::kPc;
    u64 low_ram = 0, high_ram = 0;
    i64 rtc_offset_ns = 0;
    std::vector<CharBackend*> serials;  ///< null: no such port
    bool has_hpet = true;
};

class Board {
  public:
    Board(const BoardConfig& config, IoBus& io, MmioBus& mmio, PhysMap& phys, TimerQueue& timers, const WallClock& wall,
          const TscClock& tsc, BoardEvents events, Log& log);

    /// These fail when the user chose ports that are taken.
    Status add_debugcon(IoPort port, CharSink& sink);
    Status add_debug_exit(IoPort port, u32 size);

    /// The processor took an interrupt: timers that owe ticks look whether it was theirs.
    void interrupt_taken() {
        lapic_.interrupt_taken();
        hpet_.interrupt_taken();
        pit_.interrupt_taken();
    }
    /// Local APICs are somebody else's: messages go to `deliver`, `pins` hears what the I/O APIC's pins send. Ours stays between
    /// the PIC and the processor, in virtual wire mode.
    void use_other_lapics(std::function<bool(u64 address, u32 data)> deliver, std::function<void()> pins_changed);
    void end_of_interrupt(u8 vector) { apic_bus_.broadcast_eoi(vector); }
    void reset(ResetKind kind);
    /// After a reset, for a kernel that is entered without firmware: RAM where the BIOS was, power management decoded,
    /// PIRQs routed, interrupts in virtual wire mode.
    void leave_as_firmware_does();

    FwCfg& fw_cfg() { return fw_cfg_; }
    /// What CMOS says at every start.
    CmosConfig& cmos() { return cmos_; }
    /// A device that was plugged in beside the board's own; it outlives the board's last reset.
    void add_device(Device& device) { devices_.push_back(&device); }

    Ps2Keyboard& keyboard() { return i8042_.keyboard(); }
    Ps2Mouse& mouse() { return i8042_.mouse(); }
    KeyFeeder& key_feeder() { return key_feeder_; }
    GsiRouter& gsi() { return gsi_; }
    const PicPair& pic() const { return pic_; }
    const IoApic& ioapic() const { return ioapic_; }
    Fdc82077aa& fdc() { return fdc_; }
    Chipset& chipset() { return *chipset_; }
    Lapic& lapic() { return lapic_; }
    AcpiPm& acpi_pm() { return acpi_pm_; }
    CoprocessorError& coprocessor_error() { return coprocessor_error_; }
    PciBus& pci() { return chipset_->root_bus(); }
    /// Every device, for state archives.
    const std::vector<Device*>& devices() const { return devices_; }

  private:
    void map_interrupts();
    void map_lapic_window();
    void map_timers(bool has_hpet);
    void map_input();
    void map_dma();
    void map_firmware_ports();
    void map_power();
    void sleep(u8 type);
    void deliver_message(DmaView& memory, u64 address, u32 data);
    void add_serials(const std::vector<CharBackend*>& backends);
    Status check_free(IoPort base, u32 size, const char* what) const;
    void claim(IoPort base, u32 size, IoHandler& handler, std::string name, u8 sizes = IoBus::kByte) {
        mappings_.push_back(io_.map(base, size, handler, std::move(name), sizes));
    }

    IoBus& io_;
    MmioBus& mmio_;
    TimerQueue& timers_;
    Log& log_;
    BoardEvents events_;
    CmosConfig cmos_;

    LocalApicBus apic_bus_;
    IoApic ioapic_;
    PicPair pic_;
    Lapic lapic_;
    GsiRouter gsi_;
    CoprocessorError coprocessor_error_;
    Hpet hpet_;
    Pit8254 pit_;
    Port61 port61_;
    RtcMc146818 rtc_;
    AcpiPm acpi_pm_;
    ResetControl reset_control_;
    A20Gate a20_;
    Port92 port92_;
    I8042 i8042_;
    KeyFeeder key_feeder_{timers_, i8042_.keyboard()};
    Dma8237 dma_;
    FwCfg fw_cfg_;
    Fdc82077aa fdc_;
    std::unique_ptr<Chipset> chipset_;
    std::vector<std::unique_ptr<Uart16550a>> uarts_;
    std::vector<std::unique_ptr<Debugcon>> debugcons_;
    std::unique_ptr<IsaDebugExit> debug_exit_;

    std::vector<Device*> devices_;
    std::vector<Mapping> mappings_;
    bool other_lapics_ = false;
    Mapping lapic_window_;
};

}  // namespace twin86::pc
