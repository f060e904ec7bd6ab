// Machine: RAM, board, clock and one vCPU with its thread, and what starts, stops, resets and ends them.
//
// Threads: the vCPU's, and the main thread with the event loop and the timers. One lock guards every device and the run
// state; it is the innermost lock. The vCPU's thread takes it around each access to a device, and holds it while it is
// not executing the guest; whoever holds the lock and sees executing_ false may look at the processor's state.
//
// Files: machine.cpp (construction, life of the main thread), run_control.cpp (the vCPU's thread, requests to it),
// machine_environment.cpp (what the vCPU asks for while it runs).
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "accel/environment.h"
#include "accel/accelerator.h"
#include "base/host_timer.h"
#include "bios/acpi_config.h"
#include "cpu/state/cpuid_model.h"
#include "machine/absence_meter.h"
#include "machine/device_work.h"
#include "machine/drives.h"
#include "machine/host_clock.h"
#include "machine/options.h"
#include "machine/pc/board.h"
#include "machine/pc/display.h"
#include "machine/pc/flash_bank.h"
#include "machine/pc/plugged_devices.h"
#include "machine/unmapped_log.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_map.h"
#include "ui/terminal/event_loop.h"

namespace twin86 {

enum class RunState {
    kRunning,
    kPaused,
    kShutdown,  ///< the guest powered off under -no-shutdown; only a reset helps
};

class Machine : private VcpuEnvironment, private CpuPins {
  public:
    /// `lock` is the one that `loop` was made with; loop, back-ends and log outlive the machine.
    static Result<std::unique_ptr<Machine>> create(const Options& options, std::mutex& lock, EventLoop& loop,
                                                   const std::vector<CharBackend*>& serials, Log& log);
    ~Machine() override;

    const Options& options() const { return options_; }
    pc::Board& board() { return *board_; }
    /// Null: none.
    pc::Display* display() { return display_.get(); }
    /// A reset makes a new one: do not keep the reference longer than the lock.
    Vcpu& vcpu() { return *vcpu_; }
    Accelerator& accelerator() { return *accelerator_; }
    PhysMap& phys() { return *phys_; }
    const GuestRam& ram() const { return ram_; }
    IoBus& io_bus() { return io_; }
    MmioBus& mmio_bus() { return mmio_; }
    Drives& drives() { return drives_; }
    const CpuModel& cpu_model() const { return model_; }
    const HostClock& clock() const { return clock_; }

    /// Loads the kernel, starts time and the vCPU's thread, and runs the event loop until the machine ends. The exit
    /// status of the process. Call it once, without the lock.
    int run();

    // With the lock held, from any thread but the vCPU's.
    /// Returns when the vCPU has left the guest and time stands still. Gives the lock away while it waits.
    void pause();
    void resume();
    RunState run_state() const { return run_state_; }
    /// Returns when the vCPU is out of the guest, where it stays until release_vcpu(); time goes on. As pause() gives the
    /// lock away.
    void hold_vcpu();
    void release_vcpu();

    // With the lock held, from any thread.
    void quit(int status) { finish(status); }
    /// As the reset button: also when paused; -no-reboot makes an end of it.
    void request_reset();
    void press_nmi_button() { nmi(); }
    /// The host's number of the vCPU's thread; 0: there is none yet.
    int vcpu_thread_id() const { return vcpu_thread_id_; }
    /// Before somebody looks at a device's memory: what the guest has written to it is there.
    void settle_devices() { take_late_writes(*vcpu_); }

    /// Why run() returned 1, after it did.
    const std::string& failure() const { return failure_; }

  private:
    Machine(const Options& options, CpuModel model, std::mutex& lock, EventLoop& loop, Log& log, GuestRam ram);

    // machine.cpp
    Status add_devices(const std::vector<CharBackend*>& serials);
    Status add_firmware();
    AcpiConfig acpi_now() const;
    Status add_plugged_devices();
    void use_engine_lapics();
    void announce_pins();
    void announce_doorbells();
    Status add_ahci();
    Status make_vcpu();
    Status boot(ResetKind kind);
    Status enter_kernel();
    bool has_firmware() const { return options_.has_firmware(); }
    i64 rtc_offset() const;
    void run_timers();
    void fire_due_timers();
    void announce_deadline();

    // run_control.cpp; all but vcpu_thread() with the lock held
    void vcpu_thread();
    bool wait_to_run(RunExit last);
    void handle_exit(RunExit exit);
    bool can_execute();
    void reset_now();
    void clear_ram();
    void guest_reset();
    void end_instead_of_reset();
    void guest_power_off();
    void finish(int status);
    void interrupt_vcpu();
    void device_work_came();

    // VcpuEnvironment: from the vCPU's thread, without the lock
    u32 port_read(IoPort port, unsigned size) override;
    void port_write(IoPort port, unsigned size, u32 value) override;
    u64 mmio_read(Gpa address, unsigned size) override;
    void mmio_write(Gpa address, unsigned size, u64 value) override;
    void deliver_late_writes(Vcpu& from) override;
    void end_of_interrupt(u8 vector) override;
    void take_late_writes(Vcpu& from);
    bool interrupt_pending() const override { return board_->lapic().has_interrupt(); }
    int acknowledge_interrupt() override;
    u8 read_tpr() override;
    void write_tpr(u8 cr8) override;
    bool read_apic_msr(u32 index, u64& value) override;
    bool write_apic_msr(u32 index, u64 value) override;
    void set_x87_error(bool pending) override;
    bool ignores_x87_errors() override;
    u64 read_tsc() override;
    u64 tsc_bias() override { return clock_.tsc_bias(); }
    void hold_devices() override;
    void release_devices() override;

    // CpuPins: from devices, with the lock held
    void interrupt_request_changed() override;
    void nmi() override;
    void init() override;
    void sipi(u8) override {}  // the one processor is the bootstrap processor, which ignores it (SDM vol. 3, 9.4.3)
    void smi() override {}     // there is no firmware with an SMM handler

    const Options options_;
    CpuModel model_;
    std::mutex& lock_;
    EventLoop& loop_;
    HostTimer host_timer_;  ///< of the first deadline of all devices ...
    u64 host_timer_for_ = TimerQueue::kNever;  ///< ... which is this, in virtual time
    Log& log_;
    HostClock clock_;
    TimerQueue timers_{clock_};
    GuestRam ram_;
    IoBus io_;
    MmioBus mmio_;
    UnmappedLog unmapped_{log_, io_, mmio_};
    std::unique_ptr<PhysMap> phys_;
    DeviceWork device_work_{[this] { device_work_came(); }};
    Drives drives_{device_work_};
    std::vector<std::unique_ptr<pc::FlashBank>> flash_;
    std::mutex vcpu_replaced_;  ///< guards vcpu_ itself for threads that do not hold the lock
    std::unique_ptr<Accelerator> accelerator_;
    std::string engine_choice_;  ///< which and why, for the user
    std::unique_ptr<Vcpu> vcpu_;
    std::unique_ptr<pc::Board> board_;
    std::unique_ptr<pc::Display> display_;  ///< null: none
    std::unique_ptr<pc::PluggedDevices> plugged_devices_;
    std::vector<AhciController*> ahci_;  ///< among them
    AbsenceMeter absence_;  ///< the vCPU thread's
    AcpiConfig acpi_;
    std::thread thread_;

    // Guarded by lock_.
    std::condition_variable changed_;  ///< of anything below, and of the interrupt request of a halted vCPU
    RunState run_state_ = RunState::kRunning;
    bool executing_ = false;  ///< the vCPU's thread is inside Vcpu::run()
    bool clock_held_ = false;  ///< by hold_devices()
    unsigned holds_ = 0;      ///< hold_vcpu() without release_vcpu()
    bool halted_ = false;     ///< the guest executed HLT and waits for an interrupt
    bool reset_requested_ = false, nmi_requested_ = false;
    int vcpu_thread_id_ = 0;
    int exit_status_ = 0;
    std::string failure_;
    std::atomic<bool> quitting_ = false;  ///< written with the lock held; the main loop looks without
};

/// Keeps a machine still for as long as it lives, unless it was still before. With the lock held.
class StillMachine {
  public:
    explicit StillMachine(Machine& machine)
        : machine_(machine), was_running_(machine.run_state() == RunState::kRunning) {
        if (was_running_) machine_.pause();
    }
    ~StillMachine() {
        if (was_running_ && machine_.run_state() == RunState::kPaused) machine_.resume();
    }
    StillMachine(const StillMachine&) = delete;
    StillMachine& operator=(const StillMachine&) = delete;

  private:
    Machine& machine_;
    bool was_running_;
};

}  // namespace twin86
