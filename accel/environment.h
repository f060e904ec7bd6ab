// VcpuEnvironment: what an engine needs from the machine around one vCPU. The machine implements it and takes its lock
// inside; engines call it from the vCPU's thread.
#pragma once

#include "accel/vcpu.h"

namespace twin86 {

class VcpuEnvironment {
  public:
    virtual ~VcpuEnvironment() = default;

    virtual u32 port_read(IoPort port, unsigned size) = 0;
    virtual void port_write(IoPort port, unsigned size, u32 value) = 0;
    /// Physical accesses of 1, 2, 4 or 8 bytes to what is not RAM.
    virtual u64 mmio_read(Gpa address, unsigned size) = 0;
    virtual void mmio_write(Gpa address, unsigned size, u64 value) = 0;

    /// Before anything else of the guest is seen: what `from` has put off reaches the devices.
    virtual void deliver_late_writes(Vcpu& from) {
        for (MmioWrite w; from.next_late_write(w);) mmio_write(w.address, w.size, w.value);
    }

    /// An external interrupt waits. Cheap: one atomic load, no lock.
    virtual bool interrupt_pending() const = 0;
    /// Takes the highest external interrupt; -1: it went away meanwhile.
    virtual int acknowledge_interrupt() = 0;

    /// An engine with local APICs of its own: the guest has ended the service of a level-triggered vector.
    virtual void end_of_interrupt(u8) {}

    virtual u8 read_tpr() = 0;
    virtual void write_tpr(u8 cr8) = 0;
    virtual bool read_apic_msr(u32 index, u64& value) = 0;
    virtual bool write_apic_msr(u32 index, u64 value) = 0;

    /// FERR#: an x87 error that CR0.NE keeps from being #MF is pending, or no longer.
    virtual void set_x87_error(bool) {}
    /// IGNNE#: such errors are to be ignored.
    virtual bool ignores_x87_errors() { return false; }

    /// Guest TSC before offset and TSC_ADJUST. Device timers that are due by then have fired.
    virtual u64 read_tsc() = 0;
    /// The same as a distance from the host's TSC; constant while the vCPU runs.
    virtual u64 tsc_bias() { return read_tsc() - __builtin_ia32_rdtsc(); }

    /// Between these two devices, their time and all other threads stand still, and nothing above may be called.
    virtual void hold_devices() {}
    virtual void release_devices() {}
};

}  // namespace twin86
