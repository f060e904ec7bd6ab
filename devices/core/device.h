// Device: what the machine can do with every device, whatever it is.
#pragma once

#include <string_view>

#include "base/state_archive.h"

namespace twin86 {

enum class ResetKind {
    kPowerOn,  ///< cold: everything to its data-sheet default
    kWarm,     ///< system reset (0xcf9, KBC, triple fault): battery-backed contents survive
};

/// A device knows neither its address, nor its bus, nor its IRQ number: lines, clock and back-ends are constructor
/// arguments and the machine maps its handlers.
class Device {
  public:
    virtual ~Device() = default;
    Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    /// Stable name, used in logs and as the section name of saved state.
    virtual std::string_view name() const = 0;
    virtual void reset(ResetKind kind) = 0;
    /// Lists each piece of state once, for saving and loading alike.
    virtual void visit(StateArchive& archive) = 0;
};

}  // namespace twin86
