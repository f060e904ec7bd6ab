// JitGuest: a machine without devices for tests of translated code: RAM, 4-level page tables, GDT, IDT and TSS, one
// JitVcpu. Every exception lands on a HLT of its own in ring 0, so that run() returns and stop() can say what happened.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "accel/environment.h"
#include "accel/jit/jit_vcpu.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_map.h"

namespace twin86::test {

/// The machine around the vCPU: records ports, forwards MMIO to the bus, offers interrupts on request.
class TestEnvironment : public VcpuEnvironment {
  public:
    explicit TestEnvironment(MmioBus& bus) : bus_(bus) {}

    struct PortAccess {
        IoPort port;
        unsigned size;
        u32 value;
        bool write;
        bool operator==(const PortAccess&) const = default;
    };
    std::vector<PortAccess> ports;
    u32 port_value = 0;       ///< what every port read returns
    int pending_vector = -1;  ///< an external interrupt that waits

    u32 port_read(IoPort port, unsigned size) override;
    void port_write(IoPort port, unsigned size, u32 value) override;
    u64 mmio_read(Gpa address, unsigned size) override { return bus_.read(address, size); }
    void mmio_write(Gpa address, unsigned size, u64 value) override { bus_.write(address, size, value); }
    bool interrupt_pending() const override { return pending_vector >= 0; }
    int acknowledge_interrupt() override { return std::exchange(pending_vector, -1); }
    u8 read_tpr() override { return tpr_; }
    void write_tpr(u8 cr8) override { tpr_ = cr8; }
    bool read_apic_msr(u32, u64&) override { return false; }
    bool write_apic_msr(u32, u64) override { return false; }
    u64 read_tsc() override {
        if (on_read_tsc) on_read_tsc();
        return ++tsc_;
    }
    void set_x87_error(bool pending) override { x87_error = pending; }
    bool ignores_x87_errors() override { return ignore_x87_errors; }
    bool x87_error = false;          ///< FERR#
    bool ignore_x87_errors = false;  ///< IGNNE#
    std::function<void()> on_read_tsc;  ///< where a machine fires the timers that are due

  private:
    MmioBus& bus_;
    u8 tpr_ = 0;
    u64 tsc_ = 0;
};

/// Rights of a mapping.
enum PageRights : unsigned { kUserPage = 1, kWritablePage = 2, kNoExecutePage = 4, kGlobalPage = 8 };

/// Where a run ended.
struct GuestStop {
    RunExit exit = RunExit::kFatal;
    int vector = -1;       ///< the exception, or -1: a HLT of the program itself
    u32 error_code = 0;
    u64 rip = 0;           ///< of the program: saved RIP of the exception, or behind its HLT
    u64 rflags = 0;
    u64 rsp = 0;
    u64 cr2 = 0;
    u16 cs = 0, ss = 0;    ///< saved with the RIP of an exception
};

struct GuestOptions {
    jit::JitOptions jit{.code_size = 32 * MiB};
    const char* cpu = "max";
    u64 ram = 16 * MiB;
    std::FILE* log = stderr;
    u32 log_mask = 0;
};

class JitGuest {
  public:
    explicit JitGuest(const GuestOptions& options = {});
    ~JitGuest();

    static constexpr Gva kSystemBase = 0xffff'8a51'0000'0000;  ///< tables, handlers and ring-0 stack: where no random number points
    static constexpr u16 kKernelCode = 0x08, kKernelData = 0x10, kUserCode32 = 0x1b, kUserData = 0x23, kUserCode = 0x2b,
                         kTaskState = 0x30, kKernelCode32 = 0x40;

    /// Fresh physical pages, zeroed.
    Gpa allocate(unsigned pages);
    void map(Gva address, Gpa physical, u64 bytes, unsigned rights);
    void unmap(Gva address, u64 bytes);
    /// allocate() and map() in one.
    void map_new(Gva address, u64 bytes, unsigned rights);

    /// Guest memory through the page tables, whatever the rights; writes are seen by translated code.
    void write(Gva address, std::span<const u8> bytes);
    void read(Gva address, std::span<u8> bytes) const;
    Gpa physical(Gva address) const;

    CpuState& state() { return vcpu_->state(); }
    const CpuState& initial() const { return initial_; }
    jit::JitVcpu& vcpu() { return *vcpu_; }
    PhysMap& phys() { return *phys_; }
    MmioBus& mmio() { return bus_; }
    TestEnvironment& environment() { return environment_; }
    const CpuModel& model() const { return model_; }

    /// The initial state in ring 3 or ring 0, at rip with this stack pointer; bits: 64 or 32. Exceptions have a stack of
    /// their own.
    void start(u64 rip, u64 rsp, bool user = true, unsigned bits = 64);
    GuestStop run();

  private:
    void build_tables();
    u64* table_entry(Gva address, bool create) const;
    u8* host(Gva address) const;

    CpuModel model_;
    Log log_;
    GuestRam ram_;
    MmioBus bus_;
    std::unique_ptr<PhysMap> phys_;
    TestEnvironment environment_;
    mutable Gpa next_page_ = kPageSize;
    Gpa root_ = 0;
    CpuState initial_;
    std::unique_ptr<jit::JitVcpu> vcpu_;
};

/// The guest's XSAVE image at reset: FCW 37f, MXCSR 1f80, nothing else.
void reset_xsave(u8 (&area)[kXsaveAreaSize]);

}  // namespace twin86::test
