// 8042 keyboard controller with an auxiliary (mouse) port. IBM PS/2 Hardware Interface Technical Reference, "Keyboard
// and auxiliary device controller"; ports 0x60 (data) and 0x64 (command, status).
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/input/ps2_keyboard.h"
#include "devices/input/ps2_mouse.h"

namespace twin86 {

/// The controller and the two devices plugged into it. The bytes of both wait in the devices until the one-byte output
/// buffer is free; each byte that enters it makes a new interrupt edge.
class I8042 : public Device {
  public:
    static constexpr IoPort kDataPort = 0x60;
    static constexpr IoPort kCommandPort = 0x64;

    struct Wiring {
        IrqLine keyboard_irq;                ///< IRQ 1
        IrqLine mouse_irq;                   ///< IRQ 12
        std::function<void(bool)> set_a20;   ///< output port bit 1
        std::function<void()> on_cpu_reset;  ///< output port bit 0 went low, or a pulse command
    };
    I8042(Wiring wiring, TimerQueue& timers, Log& log);

    std::string_view name() const override { return "i8042"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    /// To be mapped at one port each.
    IoHandler& data_port() { return data_port_; }
    IoHandler& command_port() { return command_port_; }

    Ps2Keyboard& keyboard() { return keyboard_; }
    Ps2Mouse& mouse() { return mouse_; }

  private:
    class DataPort : public IoHandler {
      public:
        explicit DataPort(I8042& chip) : chip_(chip) {}
        u32 io_read(u16, unsigned) override { return chip_.read_data(); }
        void io_write(u16, unsigned, u32 value) override { chip_.write_data(static_cast<u8>(value)); }

      private:
        I8042& chip_;
    };
    class CommandPort : public IoHandler {
      public:
        explicit CommandPort(I8042& chip) : chip_(chip) {}
        u32 io_read(u16, unsigned) override { return chip_.read_status(); }
        void io_write(u16, unsigned, u32 value) override { chip_.write_command(static_cast<u8>(value)); }

      private:
        I8042& chip_;
    };

    u8 read_data();
    u8 read_status() const;
    void write_data(u8 value);
    void write_command(u8 command);
    void command_argument(u8 command, u8 value);
    void write_config(u8 value);
    u8 output_port() const;
    void write_output_port(u8 value);

    void reply(u8 value, bool auxiliary = false);
    void fill_output_buffer();
    void fetch_next();
    bool load_from_keyboard();
    void load(u8 value, bool auxiliary);
    void update_irq();

    Wiring wiring_;
    Log& log_;
    Ps2Keyboard keyboard_;
    Ps2Mouse mouse_;
    DataPort data_port_{*this};
    CommandPort command_port_{*this};

    std::array<u8, 32> ram_{};  // byte 0 is the configuration ("command") byte
    u8 output_port_ = 0;
    u8 awaiting_ = 0;  // the command whose argument comes next
    bool last_write_was_command_ = false;
    std::optional<u8> polled_;  // what C1h or C2h left in the upper half of the status
    u8 output_buffer_ = 0;
    bool output_full_ = false;
    bool output_auxiliary_ = false;
    bool reply_waiting_ = false;  // the controller's own answer waits for the output buffer
    bool reply_auxiliary_ = false;
    u8 reply_ = 0;
    bool filling_ = false;  // only inside fill_output_buffer()
    ScanCodeTranslator translator_;
};

}  // namespace twin86
