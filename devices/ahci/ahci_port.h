// One port of an AHCI adapter with the drive on it: AHCI 1.3.1, 3.3 (registers), 5 (data transfer); Serial ATA 3.0, 10.3
// (FIS layouts).
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "devices/ahci/prd_table.h"
#include "devices/ata/ata_device.h"

namespace twin86 {

class AhciPort : private AtaHost {
  public:
    static constexpr unsigned kSlots = 32;

    /// `changed` is told when interrupting() may have changed.
    AhciPort(DmaView& memory, std::function<void()> changed) : memory_(memory), table_(memory), changed_(std::move(changed)) {}

    /// Before the guest runs.
    void plug(std::unique_ptr<AtaDevice> device);
    bool has_device() const { return device_ != nullptr; }

    u32 read(u32 offset) const;
    void write(u32 offset, u32 value);
    bool interrupting() const { return (interrupt_status() & interrupt_enable_) != 0; }

    /// Power-on and HBA reset.
    void reset();
    void visit(StateArchive& archive);

  private:
    /// A command header of the list (4.2.2).
    struct Header {
        u32 flags = 0, moved = 0;
        u64 table = 0;
        bool atapi() const { return (flags & 1u << 5) != 0; }
        bool writes() const { return (flags & 1u << 6) != 0; }
        u32 regions() const { return flags >> 16; }
    };
    using Fis = std::array<u8, 20>;

    // AtaHost
    void interrupt(AtaDevice& device) override;
    void request_dma(AtaDevice& device) override { device.dma_started(); }
    std::size_t dma_to_memory(std::span<const u8> from) override { return table_.to_memory(from); }
    std::size_t dma_from_memory(std::span<u8> to) override { return table_.from_memory(to); }

    u32 interrupt_status() const;
    u32 task_file() const;
    void write_command(u32 value);
    void write_control(u32 value);
    void stop();
    void link_up();

    void work();
    bool start_next();
    void start(unsigned slot);
    void control(u8 device_control);
    void load_task_file(std::span<const u8> fis);
    void feed_packet();
    void move_data();
    void finish();
    void bus_error();
    void post_registers(bool interrupt);
    void post_pio_setup();
    Fis task_file_fis(u8 type) const;
    void post(u32 offset, const Fis& fis);
    bool read_list(unsigned slot, Header& header);

    DmaView& memory_;
    PrdTable table_;
    std::function<void()> changed_;
    std::unique_ptr<AtaDevice> device_;

    u64 list_ = 0, received_ = 0;  ///< PxCLB, PxFB
    u32 interrupts_ = 0, interrupt_enable_ = 0, command_ = 0, signature_ = ~u32{0}, control_ = 0, errors_ = 0, issued_ = 0;
    bool halted_ = false;     ///< after an error, until ST is cleared
    bool in_reset_ = false;   ///< SRST is asserted
    bool read_pio_ = false;   ///< the command gave data by PIO
    std::optional<u8> slot_;  ///< command under way
    Header header_;
    bool inside_ = false;  ///< in work(): what the device reports is seen there
};

}  // namespace twin86
