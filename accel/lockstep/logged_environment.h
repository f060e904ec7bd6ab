// LoggedEnvironment: the machine as one of two compared processors sees it.
//
// The one that runs first has the real machine, and what comes from there is logged; the other one is answered from the
// log and must ask for the same. An interrupt is taken at the start of an interval or not at all.
#pragma once

#include <functional>
#include <string>

#include "accel/environment.h"
#include "accel/lockstep/device_log.h"

namespace twin86 {

class LoggedEnvironment : public VcpuEnvironment {
  public:
    LoggedEnvironment(VcpuEnvironment& machine, DeviceLog& log) : machine_(machine), log_(log) {}

    /// From now on the machine itself, unlogged.
    void pass() { mode_ = Mode::kPass; }
    /// From now on the machine, logged from the start. `wrote` hears of each write to a device.
    void record(bool with_interrupt, std::function<void()> wrote);
    /// From now on the log, from this entry on.
    void replay(std::size_t from);
    /// What the machine answered at the start of the recording: the same for who replays it.
    void take_constants(const LoggedEnvironment& from);

    /// Entries of the log so far, or behind us in it.
    std::size_t position() const { return mode_ == Mode::kReplay ? position_ : log_.size(); }
    /// How an access differed from the log since replay(); empty: none did.
    const std::string& difference() const { return difference_; }

    u32 port_read(IoPort port, unsigned size) override;
    void port_write(IoPort port, unsigned size, u32 value) override;
    u64 mmio_read(Gpa address, unsigned size) override;
    void mmio_write(Gpa address, unsigned size, u64 value) override;
    bool interrupt_pending() const override;
    int acknowledge_interrupt() override;
    u8 read_tpr() override;
    void write_tpr(u8 cr8) override;
    bool read_apic_msr(u32 index, u64& value) override;
    bool write_apic_msr(u32 index, u64 value) override;
    void set_x87_error(bool pending) override;
    bool ignores_x87_errors() override;
    u64 read_tsc() override;
    u64 tsc_bias() override { return mode_ == Mode::kReplay ? tsc_bias_ : machine_.tsc_bias(); }

  private:
    enum class Mode : u8 { kPass, kRecord, kReplay };
    using Kind = DeviceAccess::Kind;

    u64 read(DeviceAccess access, const std::function<u64()>& real);
    void write(const DeviceAccess& access, const std::function<void()>& real);
    const DeviceAccess* next(const DeviceAccess& access);

    VcpuEnvironment& machine_;
    DeviceLog& log_;
    Mode mode_ = Mode::kPass;
    bool with_interrupt_ = false;
    std::function<void()> wrote_;
    std::size_t position_ = 0;
    std::string difference_;
    u64 apic_base_ = 0, tsc_bias_ = 0;
    u8 tpr_ = 0;
};

}  // namespace twin86
