// IrqLine: a value handle on one interrupt input. Devices hold lines, never IRQ numbers.
#pragma once

namespace twin86 {

/// Something with numbered interrupt inputs: a PIC, an IOAPIC, a router or a test fake.
class IrqSink {
  public:
    virtual ~IrqSink() = default;
    /// Sets the level of input `pin`. Edge-triggered inputs act on the low-to-high transition.
    virtual void set_level(unsigned pin, bool level) = 0;
    /// The last edge on input `pin` has not reached the processor yet: another one would merge with it.
    virtual bool edge_waits(unsigned) const { return false; }
};

class IrqLine {
  public:
    IrqLine() = default;  ///< not connected
    IrqLine(IrqSink& sink, unsigned pin) : sink_(&sink), pin_(pin) {}

    void set(bool level) const {
        if (sink_ != nullptr) sink_->set_level(pin_, level);
    }
    /// One low-high-low pulse for edge-triggered inputs.
    void pulse() const {
        set(true);
        set(false);
    }
    bool edge_waits() const { return sink_ != nullptr && sink_->edge_waits(pin_); }
    bool connected() const { return sink_ != nullptr; }

  private:
    IrqSink* sink_ = nullptr;
    unsigned pin_ = 0;
};

}  // namespace twin86
