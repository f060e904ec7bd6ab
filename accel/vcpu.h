// Vcpu: one virtual processor of whatever engine.
#pragma once

#include <string>

#include "cpu/state/cpu_state.h"

namespace twin86 {

/// A write to a device, of 1, 2, 4 or 8 bytes at a multiple of its size.
struct MmioWrite {
    Gpa address = 0;
    unsigned size = 0;
    u64 value = 0;
};

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
    /// What step() did.
    struct Step {
        RunExit exit = RunExit::kInterrupted;
        bool raised = false;      ///< it ended with the delivery of an exception
        u64 unsure_flags = 0;     ///< arithmetic flags it left undefined, of which the engine need not make what others do
        u64 settled_flags = 0;    ///< arithmetic flags it wrote
    };
    /// Executes at most so many blocks of an engine that has blocks, else one instruction, for those who compare engines
    /// (accel/lockstep). Ends neither inside of a string instruction (unless it has executed one round of it alone) nor later
    /// than at an exception. kFatal, with the state at the instruction: the engine cannot; failure() says why.
    virtual Step step(u64) { return {RunExit::kFatal}; }
    /// state().rip: cheaper than the whole with some engines.
    virtual u64 rip() { return state().rip; }
    /// Once: run() also returns (kInterrupted) when the guest is back in 64-bit code of ring 3 from elsewhere, with no event
    /// to take. False: the engine does not tell.
    virtual bool return_at_user() { return false; }
    /// From now on blocks are translated anew and hold at most so many instructions.
    virtual void limit_blocks(unsigned) {}
    /// The block at RIP as the engine has it, guest code and the host's for it. Several lines.
    virtual std::string code_here() { return {}; }
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
    /// The same by another engine that executed nothing since this one stood still which makes a processor drop translations.
    virtual void registers_changed() { state_changed(); }
    /// True: since the last call the guest may have made its processor drop translations (SDM vol. 3, 4.10.4). Otherwise page
    /// tables have changed in no way that a processor must notice.
    virtual bool take_flushes() { return true; }
    /// The oldest write of those that PhysMap::late_writes() allows to put off, which the engine now forgets; false: there
    /// is none. From any thread, one at a time (in a machine: with its lock held), also while run() is executing.
    virtual bool next_late_write(MmioWrite&) { return false; }
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
