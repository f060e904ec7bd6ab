// Vcpu: one virtual processor of whatever engine.
#pragma once

#include <string>

#include "cpu/state/cpu_state.h"

namespace twin86 {

/// Why run() returned.
enum class RunExit {
    kInterrupted,  ///< request_exit() was called
    kHalted,       ///< HLT with no interrupt to take; run again after a kick
    kShutdown,     ///< triple fault
    kFatal,        ///< the engine cannot go on; failure() says why
};

class Vcpu {
  public:
    virtual ~Vcpu() = default;

    /// Executes guest code on the calling thread.
    virtual RunExit run() = 0;
    /// Makes run() return soon. From any thread.
    virtual void request_exit() = 0;
    /// An interrupt may have become deliverable. From any thread.
    virtual void kick() = 0;

    /// A device timer is due when the host's TSC reaches this (~0: none): reads of the TSC from then on go through
    /// VcpuEnvironment::read_tsc(), so that a guest that sees the time sees the interrupt too. From any thread; engines
    /// that cannot look at each read ignore it.
    virtual void set_timer_deadline(u64) {}

    /// The processor's state; only while run() is not executing.
    virtual CpuState& state() = 0;
    /// The state was changed from outside: cached modes and translations of addresses are dropped.
    virtual void state_changed() = 0;
    /// Another engine's translated code stands by: from now on note writes to pages with code (before run()), and report them
    /// to the physical map (after it). Engines that report each write at once have nothing to do.
    virtual void watch_code() {}
    virtual void report_code_writes() {}
    /// A non-maskable interrupt waits; only while run() is not executing.
    virtual void set_nmi_pending() = 0;
    /// A halted processor has something to take: only while run() is not executing.
    virtual bool wakes() = 0;

    /// Why run() returned kFatal.
    virtual const std::string& failure() const = 0;
    /// Text of `info jit` / `info accel`.
    virtual std::string statistics() const = 0;
    /// Prints to the log what was executed last, as far as the engine remembers.
    virtual void dump_history() const = 0;
};

}  // namespace twin86
