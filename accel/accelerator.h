// Accelerator: one engine (or a pair of them) under one machine: what it can do, and the processors it makes.
//
// An accelerator is created on the physical map and follows its changes as a PhysMapListener; nobody hands it slots.
// The machine asks capabilities() and never which engine runs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "accel/environment.h"
#include "accel/vcpu.h"
#include "base/result.h"
#include "devices/core/doorbell.h"

namespace twin86 {

/// What machines must know of an engine.
struct Capabilities {
    /// The guest's TSC may start anywhere and stand still while the machine is paused. Without it guests see the host's
    /// TSC in ring 3, so that the machine must give them that value everywhere.
    bool tsc_offset = true;
    /// Every mode of the guest runs at about the same speed; otherwise 64-bit code in ring 3 runs far faster than the rest.
    bool even_speed = true;
    /// Local APICs are the engine's own, with their timers: the machine's must not answer.
    bool local_apic = false;
};

/// A message signalled interrupt. SDM vol. 3, 11.11.
struct Msi {
    u64 address = 0;
    u32 data = 0;
};

class Accelerator {
  public:
    virtual ~Accelerator() = default;

    /// As -accel names it.
    virtual std::string name() const = 0;
    virtual Capabilities capabilities() const { return {}; }

    /// A processor in no particular state: set it through state() and state_changed(). The environment outlives it. At
    /// most one of each id exists at a time.
    virtual Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned id, VcpuEnvironment& environment) = 0;

    /// From any thread: processors go on in that engine from their next instruction boundary. Fails with one line when
    /// the engine is unknown or not available in this process.
    virtual Status select(std::string_view engine) = 0;

    /// With Capabilities::local_apic. True: a local APIC took the message. From any thread.
    virtual bool deliver_msi(const Msi&) { return false; }
    /// The same: what each pin of the I/O APIC sends; address 0: nothing. VcpuEnvironment::end_of_interrupt() hears of those
    /// that are level-triggered.
    virtual void set_io_apic_pins(std::span<const Msi>) {}

    /// These and no others: writes there may be counted in their file descriptors; those that are not arrive as ever. Descriptors
    /// stay open until they are in the list no more.
    virtual void set_doorbells(std::span<const Doorbell>) {}

    /// Text of `info accel`, without the processors'.
    virtual std::string statistics() const = 0;
};

}  // namespace twin86
