// FuzzMachine: a processor, 2 MiB of RAM and a device, to which hostile code may do what it likes.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "accel/jit/jit_vcpu.h"
#include "mmu/phys_map.h"
#include "tests/fuzz/fuzz_tables.h"

namespace twin86::fuzz {

/// Ports, device memory and interrupts that answer at random.
class FuzzEnvironment : public VcpuEnvironment {
  public:
    u32 port_read(IoPort, unsigned) override { return static_cast<u32>(random_.next()); }
    void port_write(IoPort, unsigned, u32) override {}
    u64 mmio_read(Gpa, unsigned) override { return random_.next(); }
    void mmio_write(Gpa, unsigned, u64) override {}
    bool interrupt_pending() const override { return vector_ >= 0; }
    int acknowledge_interrupt() override { return std::exchange(vector_, -1); }
    u8 read_tpr() override { return tpr_; }
    void write_tpr(u8 cr8) override { tpr_ = cr8; }
    bool read_apic_msr(u32, u64& value) override { return value = random_.next(), random_.chance(500); }
    bool write_apic_msr(u32, u64) override { return random_.chance(500); }
    u64 read_tsc() override { return ++tsc_; }

    void start(u64 seed) { random_ = Random(seed), vector_ = -1; }
    void raise_some_interrupt() { vector_ = static_cast<int>(random_.below(256)); }

  private:
    Random random_{0};
    int vector_ = -1;
    u8 tpr_ = 0;
    u64 tsc_ = 0;
};

class FuzzMachine {
  public:
    FuzzMachine();
    ~FuzzMachine();

    /// Runs a case for some milliseconds. A text: what must never happen.
    std::optional<std::string> run(const FuzzCase& c);

    const CpuModel& model() const { return model_; }
    jit::JitVcpu& vcpu() { return *vcpu_; }
    /// How runs ended: by HLT, by shutdown, by the clock, in code outside of memory.
    struct Ends {
        u64 halted = 0, shutdown = 0, interrupted = 0, outside = 0;
    };
    const Ends& ends() const { return ends_; }

  private:
    static constexpr unsigned kRunMilliseconds = 3, kHangSeconds = 30;
    static constexpr unsigned kCasesPerEngine = 500;
    void create_engine();
    void watch(std::stop_token stop);
    bool run_once();

    Log log_{stderr, 0};
    CpuModel model_;
    GuestRam ram_;
    MmioBus bus_;
    std::unique_ptr<PhysMap> phys_;
    FuzzEnvironment environment_;
    std::unique_ptr<jit::JitVcpu> vcpu_;
    CpuState reset_;
    u64 cases_ = 0;
    Ends ends_;
    std::atomic<u64> run_number_ = 0;
    std::atomic<bool> running_ = false;
    std::jthread watchdog_;
};

}  // namespace twin86::fuzz
