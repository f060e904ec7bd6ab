// 16550A UART. National Semiconductor PC16550D data sheet (1995), section 8 (registers) and 8.1-8.10.
//
// Output goes to the sink at once: the transmitter is always empty, so THRE and TEMT are always set. Input is taken at
// the guest's pace; the character timeout runs in virtual time from the programmed line speed.
#pragma once

#include <array>
#include <string>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/char_port.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/core/timer_queue.h"

namespace twin86 {

/// Eight byte-wide ports. The INTR output is the chip's own: it is not gated by OUT2.
class Uart16550a : public Device, public IoHandler, public CharReceiver {
  public:
    static constexpr u32 kPortCount = 8;

    /// The back-end must outlive the device; it is connected here and disconnected in the destructor.
    Uart16550a(std::string name, IrqLine irq, TimerQueue& timers, CharBackend& backend, Log& log);
    ~Uart16550a() override;

    std::string_view name() const override { return name_; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

    std::size_t receive_room() const override;
    void receive(std::span<const u8> bytes) override;
    void receive_break() override;

    /// CTS, DSR, RI, DCD in their MSR bits (7:4); a connected terminal keeps CTS, DSR and DCD set.
    void set_modem_inputs(u8 msr_high_nibble);

  private:
    static constexpr unsigned kFifoSize = 16;

    u8 read_register(u16 offset);
    u8 read_receiver_buffer();
    u8 read_interrupt_identification();
    u8 read_line_status();
    u8 read_modem_status();

    void write_transmitter(u8 value);
    void write_interrupt_enable(u8 value);
    void write_fifo_control(u8 value);
    void write_line_control(u8 value);
    void write_modem_control(u8 value);

    bool fifo_enabled() const;
    bool loopback() const;
    unsigned trigger_level() const;
    unsigned capacity() const { return fifo_enabled() ? kFifoSize : 1; }
    u64 character_time_ns() const;

    void push(u8 byte, u8 line_flags);
    void expose_top();
    void clear_receiver();
    void restart_timeout();
    void update_modem_status();
    u8 pending_interrupt() const;
    void update_irq();

    std::string name_;
    IrqLine irq_;
    TimerQueue& timers_;
    CharBackend& backend_;
    Log& log_;
    Timer timeout_;

    u8 interrupt_enable_ = 0;
    u8 fifo_control_ = 0;
    u8 line_control_ = 0;
    u8 modem_control_ = 0;
    u8 line_status_ = 0;  // error bits only; DR, THRE, TEMT and FIFO error are derived
    u8 modem_status_ = 0;
    u8 scratch_ = 0;
    u16 divisor_latch_ = 0;
    u8 modem_inputs_ = 0;

    std::array<u8, kFifoSize> fifo_data_{};
    std::array<u8, kFifoSize> fifo_flags_{};  // LSR error bits that belong to the byte
    u8 fifo_head_ = 0;
    u8 fifo_count_ = 0;

    bool thre_pending_ = false;  // 8.5: cleared by reading IIR when reported, or by writing THR
    bool timeout_pending_ = false;
    bool irq_level_ = false;
};

}  // namespace twin86
