// isa-debug-exit: a port by which test kernels end the emulator with an exit code of their choice.
#pragma once

#include <functional>

#include "devices/core/bus.h"
#include "devices/core/device.h"

namespace twin86 {

/// Usually at port 0xf4, 4 bytes. Writing v ends the run with exit code (v << 1) | 1, so that 0 is never reported.
class IsaDebugExit : public Device, public IoHandler {
  public:
    static constexpr IoPort kDefaultPort = 0xf4;
    static constexpr u32 kDefaultPortCount = 4;

    explicit IsaDebugExit(std::function<void(int exit_code)> on_exit) : on_exit_(std::move(on_exit)) {}

    std::string_view name() const override { return "isa-debug-exit"; }
    void reset(ResetKind) override {}
    void visit(StateArchive& archive) override {
        archive.section(name(), 1, [](u32) {});
    }

    u32 io_read(u16, unsigned) override { return 0; }
    void io_write(u16, unsigned, u32 value) override { on_exit_(static_cast<int>((value << 1) | 1)); }

  private:
    std::function<void(int)> on_exit_;
};

}  // namespace twin86
