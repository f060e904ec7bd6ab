// pci-testdev, PCI 1b36:0005: BAR 0 (memory) and BAR 1 (ports) each begin with a header that tells a guest which access to
// make, and counts how often it came. The header is that of the device's specification: test number, width, offset, data,
// count, name. What the second and third test of a BAR count are doorbells.
#pragma once

#include <array>
#include <functional>

#include "base/event_counter.h"
#include "devices/pci/pci_device.h"

namespace twin86 {

class PciTestdev : public PciDevice {
  public:
    static constexpr u32 kMemoryBytes = 4096, kPortBytes = 256;

    PciTestdev();
    /// Doorbells go before their descriptors.
    ~PciTestdev() override {
        memory_.reset();
        ports_.reset();
    }

    std::string_view name() const override { return "pci-testdev"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  private:
    /// The registers of one BAR.
    class Window {
      public:
        Window(const char* const (&names)[3], std::function<void()> test_changed)
            : names_(names), test_changed_(std::move(test_changed)) {}
        u8 read(u64 offset);
        void write(u64 offset, unsigned size, u64 value);
        void reset() { start(0); }
        void visit(StateArchive& a);
        std::vector<Doorbell> doorbells() const;

      private:
        void start(u8 test);
        void count_rings() { count_ += static_cast<u32>(rings_.take()); }

        const char* const (&names_)[3];
        std::function<void()> test_changed_;
        EventCounter rings_;
        u32 test_ = 0, count_ = 0;
    };
    struct MemoryBar : MmioHandler {
        explicit MemoryBar(Window& w) : window(w) {}
        u64 mmio_read(u64 offset, unsigned size) override;
        void mmio_write(u64 offset, unsigned size, u64 value) override { window.write(offset, size, value); }
        std::vector<Doorbell> doorbells() const override { return window.doorbells(); }
        Window& window;
    };
    struct PortBar : IoHandler {
        explicit PortBar(Window& w) : window(w) {}
        u32 io_read(u16 offset, unsigned size) override;
        void io_write(u16 offset, unsigned size, u32 value) override { window.write(offset, size, value); }
        std::vector<Doorbell> doorbells() const override { return window.doorbells(); }
        Window& window;
    };

    Window memory_, ports_;
    MemoryBar memory_bar_{memory_};
    PortBar port_bar_{ports_};
};

}  // namespace twin86
