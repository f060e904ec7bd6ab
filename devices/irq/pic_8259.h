// 8259A programmable interrupt controller (Intel 231468) as the PIIX3 contains it twice (290550, section 2.5 and 4.8).
//
// Trigger mode comes from ELCR alone; ICW1.LTIM is ignored as in the PIIX3. An edge stays latched when the input falls
// before the acknowledge, except on the cascade input: devices here signal edges as pulses without length.
#pragma once

#include "base/state_archive.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"

namespace twin86 {

/// One controller; as an IoHandler it takes its two ports (A0 = offset).
class Pic8259 : public IrqSink, public IoHandler {
  public:
    /// `cascade_pin` is the input that carries a slave's INT (8: none); `elcr_writable` masks the inputs whose trigger
    /// mode is fixed to edge.
    Pic8259(IrqLine intr, unsigned cascade_pin, u8 elcr_writable)
        : intr_(intr), cascade_pin_(cascade_pin), elcr_writable_(elcr_writable) {}

    void set_level(unsigned pin, bool level) override;
    bool edge_waits(unsigned pin) const override;
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

    /// The INTA sequence: marks the winner in service and returns its input number; 7 without a mark when the request
    /// has gone (spurious interrupt).
    unsigned acknowledge();
    u8 vector(unsigned pin) const { return static_cast<u8>(vector_base_ | pin); }

    u8 elcr() const { return elcr_; }
    void write_elcr(u8 value);
    u8 irr() const { return irr_; }
    u8 isr() const { return isr_; }
    u8 imr() const { return imr_; }

    void reset();
    void visit(StateArchive& archive);

  private:
    static constexpr int kNone = -1;
    enum class Expect : u8 { kOcw, kIcw2, kIcw3, kIcw4 };

    void write_icw1(u8 value);
    void write_data(u8 value);
    void write_icw4(u8 value);
    void write_ocw2(u8 value);
    void write_ocw3(u8 value);
    u8 read_poll();
    void end_of_interrupt(unsigned pin, bool rotate);
    int highest(u8 requests) const;
    int pending() const;
    void update();
    unsigned rank(unsigned pin) const { return (pin - lowest_priority_ - 1) & 7; }

    IrqLine intr_;
    unsigned cascade_pin_;
    u8 elcr_writable_;

    u8 lines_ = 0, irr_ = 0, isr_ = 0, imr_ = 0, elcr_ = 0;
    u8 vector_base_ = 0;
    u8 lowest_priority_ = 7;
    Expect expect_ = Expect::kOcw;
    bool single_ = false, needs_icw4_ = false;
    bool auto_eoi_ = false, rotate_in_auto_eoi_ = false, special_fully_nested_ = false;
    bool special_mask_ = false, read_isr_ = false, poll_ = false;
    bool output_ = false;
};

/// Master and slave of a PC: sixteen ISA inputs, one INTR output.
class PicPair : public Device, public IrqSink {
  public:
    explicit PicPair(IrqLine intr)
        : master_(intr, kCascade, 0xf8), slave_(IrqLine(master_, kCascade), 8, 0xde), elcr_(*this) {}

    std::string_view name() const override { return "i8259"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    /// ISA inputs 0-15; input 2 is the cascade and cannot be driven from outside.
    void set_level(unsigned pin, bool level) override;
    bool edge_waits(unsigned pin) const override {
        return pin < 8 ? master_.edge_waits(pin) : slave_.edge_waits(pin - 8);
    }
    /// The two INTA cycles of the processor: returns the vector.
    u8 acknowledge();

    IoHandler& master_ports() { return master_; }  ///< 0x20, 0x21
    IoHandler& slave_ports() { return slave_; }    ///< 0xa0, 0xa1
    IoHandler& elcr_ports() { return elcr_; }      ///< 0x4d0, 0x4d1
    const Pic8259& master() const { return master_; }
    const Pic8259& slave() const { return slave_; }

  private:
    static constexpr unsigned kCascade = 2;

    class ElcrPorts : public IoHandler {
      public:
        explicit ElcrPorts(PicPair& pair) : pair_(pair) {}
        u32 io_read(u16 offset, unsigned size) override { return pair_.chip(offset).elcr(); }
        void io_write(u16 offset, unsigned size, u32 value) override {
            pair_.chip(offset).write_elcr(static_cast<u8>(value));
        }

      private:
        PicPair& pair_;
    };
    Pic8259& chip(u16 index) { return index == 0 ? master_ : slave_; }

    Pic8259 master_;
    Pic8259 slave_;
    ElcrPorts elcr_;
};

}  // namespace twin86
