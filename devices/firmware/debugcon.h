// isa-debugcon: a port that prints. Guests probe it by reading its own port number back (0xe9, or 0x402 for SeaBIOS).
#pragma once

#include <string>

#include "devices/core/bus.h"
#include "devices/core/char_port.h"
#include "devices/core/device.h"

namespace twin86 {

class Debugcon : public Device, public IoHandler {
  public:
    static constexpr IoPort kBochsPort = 0xe9;
    static constexpr IoPort kSeabiosPort = 0x402;

    /// `readback` is what reads return: 0xe9 tells guests that somebody listens.
    explicit Debugcon(CharSink& sink, std::string name = "isa-debugcon", u8 readback = 0xe9)
        : sink_(sink), name_(std::move(name)), readback_(readback) {}

    std::string_view name() const override { return name_; }
    void reset(ResetKind) override {}
    void visit(StateArchive& archive) override {
        archive.section(name_, 1, [](u32) {});
    }

    u32 io_read(u16, unsigned) override { return readback_; }
    void io_write(u16, unsigned, u32 value) override {
        const u8 byte = static_cast<u8>(value);
        sink_.write({&byte, 1});
    }

  private:
    CharSink& sink_;
    std::string name_;
    u8 readback_;
};

}  // namespace twin86
