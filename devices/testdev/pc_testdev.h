// pc-testdev: what kvm-unit-tests reach by fixed ports (their lib/x86/apic.c, x86/eventinj.c, x86/emulator.c).
#pragma once

#include <functional>
#include <vector>

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"

namespace twin86 {

class PcTestdev : public Device {
  public:
    static constexpr IoPort kIrqPort = 0x2000, kValuePort = 0xe0, kFlushPort = 0xe4;
    static constexpr unsigned kIrqLines = 24, kValuePorts = 4, kFlushPorts = 4;
    static constexpr Gpa kMemoryBase = 0xff000000;
    static constexpr u64 kMemoryBytes = 64 * KiB;

    /// `lines` has the inputs 0-23. `flush_page` drops what is cached of the page at a physical address.
    PcTestdev(IrqSink& lines, std::function<void(Gpa page)> flush_page);

    std::string_view name() const override { return "pc-testdev"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    IoHandler& irq_ports() { return irq_ports_; }      ///< port 0x2000 + n: a write sets line n to (value != 0)
    IoHandler& value_ports() { return value_ports_; }  ///< four bytes that remember what was written
    IoHandler& flush_ports() { return flush_ports_; }  ///< a dword written: the address of a page
    MmioHandler& memory() { return memory_handler_; }

  private:
    struct IrqPorts : IoHandler {
        explicit IrqPorts(PcTestdev& d) : dev(d) {}
        u32 io_read(u16, unsigned) override { return 0; }
        void io_write(u16 offset, unsigned, u32 value) override;
        PcTestdev& dev;
    };
    struct ValuePorts : IoHandler {
        explicit ValuePorts(PcTestdev& d) : dev(d) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override;
        PcTestdev& dev;
    };
    struct FlushPorts : IoHandler {
        explicit FlushPorts(PcTestdev& d) : dev(d) {}
        u32 io_read(u16, unsigned) override { return 0; }
        void io_write(u16, unsigned, u32 value) override { dev.flush_page_(value & ~u32{kPageSize - 1}); }
        PcTestdev& dev;
    };
    struct Memory : MmioHandler {
        explicit Memory(PcTestdev& d) : dev(d) {}
        u64 mmio_read(u64 offset, unsigned size) override;
        void mmio_write(u64 offset, unsigned size, u64 value) override;
        PcTestdev& dev;
    };

    IrqSink& lines_;
    std::function<void(Gpa)> flush_page_;
    u32 value_ = 0;
    std::vector<u8> memory_;
    IrqPorts irq_ports_{*this};
    ValuePorts value_ports_{*this};
    FlushPorts flush_ports_{*this};
    Memory memory_handler_{*this};
};

}  // namespace twin86
