// One IDE channel: command block and control block ports, two device positions, interrupt, bus master. ATA/ATAPI-7
// (T13 1532D) volume 2.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "devices/ata/ata_device.h"
#include "devices/ata/bus_master.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"

namespace twin86 {

class IdeChannel : public Device, private AtaHost {
  public:
    static constexpr u32 kCommandPorts = 8, kControlPorts = 1;

    /// `may_master` tells whether PCI lets the controller be a bus master now.
    IdeChannel(std::string name, IrqLine irq, DmaView& memory, std::function<bool()> may_master);

    /// Device 0 (master) or 1 (slave); before the machine starts.
    void plug(unsigned number, std::unique_ptr<AtaDevice> device);
    AtaDevice* device(unsigned number) const { return devices_[number].get(); }

    std::string_view name() const override { return name_; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    IoHandler& command_ports() { return command_ports_; }
    IoHandler& control_port() { return control_port_; }
    u8 read_bus_master(u16 offset) const { return master_.read(offset); }
    void write_bus_master(u16 offset, u8 value);
    /// The controller's bus master enable changed.
    void master_enable_changed();

  private:
    struct CommandPorts : IoHandler {
        explicit CommandPorts(IdeChannel& owner) : owner(owner) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        IdeChannel& owner;
    };
    struct ControlPort : IoHandler {
        explicit ControlPort(IdeChannel& owner) : owner(owner) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        IdeChannel& owner;
    };

    AtaDevice* selected() const { return devices_[selected_].get(); }
    u8 read_register(u16 offset);
    void write_register(u16 offset, u8 value);
    void write_command(u8 value);
    void write_control(u8 value);
    void update_irq();
    bool engine_runs() const { return master_.running() && may_master_(); }
    void start_waiting();
    void forget_request(const AtaDevice* device);

    void interrupt(AtaDevice& device) override;
    void request_dma(AtaDevice& device) override;
    std::size_t dma_to_memory(std::span<const u8> from) override;
    std::size_t dma_from_memory(std::span<u8> to) override;

    const std::string name_;
    IrqLine irq_;
    std::function<bool()> may_master_;
    BusMaster master_;
    CommandPorts command_ports_{*this};
    ControlPort control_port_{*this};
    std::array<std::unique_ptr<AtaDevice>, 2> devices_;
    unsigned selected_ = 0;
    u8 control_ = 0;
    AtaDevice* waiting_ = nullptr;  ///< asserts DMARQ while the engine is off
};

}  // namespace twin86
