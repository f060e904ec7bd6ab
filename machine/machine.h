// Machine: RAM, board, clock and one vCPU with its thread, and what starts, stops, resets and ends them.
//
// Threads: the vCPU's, and the main thread with the event loop and the timers. One lock guards every device; it is the
// innermost lock, and nothing waits while holding it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "accel/environment.h"
#include "accel/jit/jit_vcpu.h"
#include "bios/boot_plan.h"
#include "cpu/state/cpuid_model.h"
#include "machine/host_clock.h"
#include "machine/options.h"
#include "machine/pc/board.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_map.h"
#include "ui/terminal/event_loop.h"

namespace twin86 {

class Machine : private VcpuEnvironment, private CpuPins {
  public:
    static Result<std::unique_ptr<Machine>> create(const Options& options, std::mutex& lock, EventLoop& loop,
                                                   const std::vector<CharBackend*>& serials, Log& log);
    ~Machine() override;

    pc::Board& board() { return *board_; }
    Vcpu& vcpu() { return *vcpu_; }
    jit::JitVcpu& jit() { return *vcpu_; }
    PhysMap& phys() { return *phys_; }
    IoBus& io_bus() { return io_; }
    MmioBus& mmio_bus() { return mmio_; }
    const CpuModel& cpu_model() const { return model_; }

    /// Loads the kernel, starts time and the vCPU's thread, and runs the event loop until the machine ends. The exit
    /// status of the process.
    int run();

    // From the main thread, with the lock held.
    void quit(int status);
    void pause();
    void resume();
    void request_reset();
    bool running() const { return !paused_; }
    const std::string& failure() const { return failure_; }

  private:
    Machine(const Options& options, CpuModel model, std::mutex& lock, EventLoop& loop, Log& log,
            GuestRam ram);

    Status boot();
    i64 rtc_offset() const;
    void vcpu_thread();
    bool handle_run_exit(RunExit exit);
    void wait_for_wakeup();
    void reset_now();
    void guest_reset();
    void guest_power_off();
    void finish(int status);
    void wake_vcpu();

    // VcpuEnvironment
    u32 port_read(IoPort port, unsigned size) override;
    void port_write(IoPort port, unsigned size, u32 value) override;
    u64 mmio_read(Gpa address, unsigned size) override;
    void mmio_write(Gpa address, unsigned size, u64 value) override;
    bool interrupt_pending() const override { return board_->lapic().has_interrupt(); }
    int acknowledge_interrupt() override;
    u8 read_tpr() override;
    void write_tpr(u8 cr8) override;
    bool read_apic_msr(u32 index, u64& value) override;
    bool write_apic_msr(u32 index, u64 value) override;
    u64 read_tsc() override { return clock_.tsc(); }

    // CpuPins
    void interrupt_request_changed() override;
    void nmi() override;
    void init() override;
    void sipi(u8) override {}
    void smi() override {}

    const Options options_;
    CpuModel model_;
    std::mutex& lock_;
    EventLoop& loop_;
    Log& log_;
    HostClock clock_;
    TimerQueue timers_{clock_};
    GuestRam ram_;
    IoBus io_;
    MmioBus mmio_;
    std::unique_ptr<PhysMap> phys_;
    std::unique_ptr<pc::Board> board_;
    std::unique_ptr<jit::JitVcpu> vcpu_;

    std::thread thread_;
    std::atomic<u32> wakeups_ = 0;          ///< futex word: anything that a halted or paused vCPU must look at
    std::atomic<bool> quitting_ = false, paused_ = false, reset_pending_ = false, init_pending_ = false;
    std::atomic<bool> parked_ = false;      ///< the vCPU thread is outside run() because of pause()
    int exit_status_ = 0;
    std::string failure_;
};

}  // namespace twin86
