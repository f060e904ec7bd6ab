// The two 8237A DMA controllers of the PC with their page registers. Intel 8237A data sheet (231466); Intel 82371SB
// (PIIX3, 290550), 2.4 "DMA register description".
//
// Transfers take no time: a device moves as many bytes as it has when it has them (its DREQ), and learns whether the
// terminal count was reached. Memory-to-memory, cascade timing and the priority bits are stored and have no effect.
#pragma once

#include <array>
#include <functional>
#include <span>

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/dma.h"

namespace twin86 {

class Dma8237 : public Device {
  public:
    static constexpr unsigned kChannels = 8;  ///< 0-3: bytes, 5-7: words; 4 is the cascade
    static constexpr u32 kLowPorts = 16, kHighPorts = 32, kPagePorts = 16;

    explicit Dma8237(DmaView& memory);

    std::string_view name() const override { return "dma-8237"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    IoHandler& low_ports() { return low_ports_; }    ///< 0x00-0x0f: channels 0-3
    IoHandler& high_ports() { return high_ports_; }  ///< 0xc0-0xdf: channels 4-7, every second port
    IoHandler& page_ports() { return page_ports_; }  ///< 0x80-0x8f

    struct Moved {
        std::size_t bytes = 0;
        bool terminal_count = false;
    };
    /// The device's side. Nothing moves while the channel is masked or set up for the other direction.
    Moved to_memory(unsigned channel, std::span<const u8> from);
    Moved from_memory(unsigned channel, std::span<u8> to);
    /// The channel would answer a DREQ now.
    bool ready(unsigned channel) const;
    /// Called when a write to a mask, mode or command register may have made channels ready.
    void set_on_change(std::function<void()> callback) { on_change_ = std::move(callback); }

  private:
    enum Transfer : u8 { kVerify = 0, kWrite = 1, kRead = 2 };

    struct Channel {
        u16 base_address = 0, base_count = 0, address = 0, count = 0;
        u8 mode = 0, page = 0;

        Transfer transfer() const { return static_cast<Transfer>(mode >> 2 & 3); }
        bool decrements() const { return (mode & 0x20) != 0; }
        bool autoinitializes() const { return (mode & 0x10) != 0; }
    };
    struct Controller {
        u8 command = 0, status = 0, mask = 0x0f;
        bool high_byte = false;  ///< the flip-flop
    };
    struct Ports : IoHandler {
        Ports(Dma8237& owner, unsigned number) : owner(owner), number(number) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        Dma8237& owner;
        unsigned number;
    };
    struct PagePorts : IoHandler {
        explicit PagePorts(Dma8237& owner) : owner(owner) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        Dma8237& owner;
    };

    u8 read(unsigned controller, unsigned reg);
    void write(unsigned controller, unsigned reg, u8 value);
    void write_control(unsigned controller, unsigned reg, u8 value);
    static void clear(Controller& c);
    Moved run(unsigned channel, Transfer direction, std::size_t bytes,
              const std::function<void(Gpa address, std::size_t done, std::size_t n)>& move);
    Gpa memory_address(unsigned channel) const;
    bool advance(unsigned channel, u32 units);

    DmaView& memory_;
    std::function<void()> on_change_;
    Ports low_ports_{*this, 0}, high_ports_{*this, 1};
    PagePorts page_ports_{*this};
    std::array<Controller, 2> controllers_;
    std::array<Channel, kChannels> channels_;
    std::array<u8, kPagePorts> pages_{};  // as written; the ones of channels are copied there
};

}  // namespace twin86
