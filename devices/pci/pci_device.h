// PciDevice: one PCI function with its 256 bytes of configuration space.
//
// A function describes its registers in its constructor (power-on value, which bits software may write, which bits a
// one clears), its base address registers and its interrupt pin; the base class then does reads, writes, sizing,
// decoding and INTx gating. Registers with effects override config_written().
#pragma once

#include <array>
#include <memory>

#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/pci/msix.h"
#include "devices/pci/pci_address_space.h"
#include "devices/pci/pci_registers.h"

namespace twin86 {

struct PciIdentity {
    u16 vendor_id = 0;
    u16 device_id = 0;
    u32 class_code = 0;  ///< 24 bits: base class, sub-class, programming interface
    u8 revision = 0;
    u16 subsystem_vendor_id = 0;
    u16 subsystem_id = 0;
    u8 interrupt_pin = 0;  ///< 0: none, 1: INTA ... 4: INTD
    bool multi_function = false;
};

/// The place that a function is plugged into.
struct PciConnector {
    PciAddressSpace* space = nullptr;
    const PciForwarding* upstream = nullptr;  ///< the bridge in front of its bus; null: the root bus
    std::array<IrqLine, 4> pins;              ///< INTA to INTD
    std::array<IrqLine, 4> pins_behind;       ///< the same of the bus behind a bridge
};

class PciDevice : public Device {
  public:
    static constexpr unsigned kBars = 6, kRomBar = 6;

    explicit PciDevice(const PciIdentity& identity);
    ~PciDevice() override;

    /// Called by PciBus::attach(); a function works without (nothing is decoded then).
    void connect(const PciConnector& connector);
    /// On the root bus, with one line for whichever pin it has.
    void connect(PciAddressSpace* space, IrqLine intx) { connect({space, nullptr, {intx, intx, intx, intx}, {}}); }

    u32 config_read(u8 offset, unsigned size) const;
    void config_write(u8 offset, unsigned size, u32 value);

    /// All registers to their power-on values, nothing decoded, INTx low. Overriding functions call this one.
    void reset(ResetKind kind) override;

    u8 interrupt_pin() const { return config_[kPciInterruptPin]; }
    /// The command register, and every bridge on the way, lets it reach memory.
    bool bus_master() const;
    /// Configuration space of 4 KiB, whose upper part holds no capability. PCI Express 3.0, 7.9.
    bool has_extended_config() const { return express_; }
    /// Where BAR n is decoded now.
    std::optional<u64> bar_base(unsigned n) const { return bars_[n].mapped; }
    const PciBar& bar(unsigned n) const { return bars_[n]; }

  protected:
    // For constructors. Multi-byte values are little endian.
    void set_register(u8 offset, unsigned size, u32 power_on_value, u32 writable_bits = 0, u32 write_one_to_clear = 0);
    void add_bar(unsigned n, PciBarKind kind, u64 size, std::function<Mapping(u64 base)> map,
                 bool prefetchable = false);
    /// Port and memory BARs whose handler is an ordinary bus handler.
    void add_io_bar(unsigned n, u32 size, IoHandler& handler, u8 sizes = IoBus::kAll);
    void add_memory_bar(unsigned n, u64 size, MmioHandler& handler, PciBarKind kind = PciBarKind::kMemory32);
    /// A BAR's handler has other doorbells than before.
    void doorbells_changed(const IoHandler& bar) { if (connector_.space != nullptr) connector_.space->io().doorbells_changed(bar); }
    void doorbells_changed(const MmioHandler& bar) { if (connector_.space != nullptr) connector_.space->mmio().doorbells_changed(bar); }
    /// Chains a capability of `size` bytes (header included) into the list, at the next free offset or at `offset`; returns
    /// where it is.
    u8 add_capability(u8 id, u8 size, u8 offset = 0);
    enum class MsiAddress : u8 { k32Bits, k64Bits };
    /// One message, without mask. PCI Local Bus 3.0, 6.8.1.
    void add_msi(MsiAddress width, u8 offset = 0);
    /// MSI-X in a memory BAR of its own, table and pending bits. 6.8.2. With one vector set_interrupt() uses it; a function
    /// with more triggers them itself.
    void add_msix(unsigned bar, unsigned vectors);
    Msix* msix() { return msix_.get(); }

    /// The device's wish for an interrupt: its INTx pin follows unless the command register disables it; with MSI or MSI-X
    /// enabled each rise sends the message instead.
    void set_interrupt(bool level);
    /// The wish stands after some of its reasons went: with messages enabled one is sent again.
    void repeat_interrupt();
    /// Which bits of a register software may write from now on; a lock. A function sets it anew after resets and loads.
    void set_writable(u8 offset, unsigned size, u32 bits);
    /// Changes registers from the device's side, whatever software may write.
    void set_config(u8 offset, unsigned size, u32 value);
    /// After a write by software; offset and size are those of the access.
    virtual void config_written(u8 offset, unsigned size) {}
    /// Fields of this class; a function calls it inside its own section.
    void visit_config(StateArchive& archive);

    u16 command() const { return static_cast<u16>(config_read(kPciCommand, 2)); }
    const PciConnector& connector() const { return connector_; }

  private:
    using Bytes = std::array<u8, 256>;

    static u8 bar_offset(unsigned n) { return n == kRomBar ? kPciExpansionRom : static_cast<u8>(kPciBar0 + 4 * n); }
    std::optional<u64> decoded_base(unsigned n) const;
    void update_bars();
    void update_intx();
    u8 msi_at(unsigned offset) const { return static_cast<u8>(msi_ + offset); }
    bool msi_enabled() const;
    void send_msi();
    bool msix_enabled() const { return msix_ != nullptr && msix_->enabled(); }
    void update_msix();
    void signal();
    void send(u64 address, u32 data);

    Bytes power_on_{}, writable_{}, write_one_to_clear_{}, config_{};
    std::array<PciBar, kBars + 1> bars_;
    u8 next_capability_ = kPciFirstCapability;
    u8 msi_ = 0, msix_at_ = 0;  ///< offsets of the capabilities; 0: none
    std::unique_ptr<Msix> msix_;
    bool intx_wanted_ = false, express_ = false;
    PciConnector connector_;
};

}  // namespace twin86
