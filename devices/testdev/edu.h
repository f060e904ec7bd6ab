// edu, PCI 1234:11e8: the device of many driver courses. Registers in BAR 0 (1 MiB), as its specification has them:
//
//   0x00 identification   0x04 liveness check (reads inverted)   0x08 factorial   0x20 status
//   0x24 interrupt status 0x60 raise interrupt  0x64 acknowledge interrupt
//   0x80 DMA source  0x88 destination  0x90 count  0x98 command; the device's buffer is at 0x40000, 4096 bytes
//
// Work takes virtual time. Interrupts are INTA or one message (MSI).
#pragma once

#include <array>

#include "devices/core/dma.h"
#include "devices/core/timer_queue.h"
#include "devices/pci/pci_device.h"

namespace twin86 {

class Edu : public PciDevice, private MmioHandler {
  public:
    static constexpr u64 kWindowBytes = MiB;
    static constexpr u64 kBuffer = 0x40000, kBufferBytes = 4096;
    static constexpr u64 kFactorialNs = 100'000, kDmaNs = 1'000'000;
    static constexpr u64 kDmaMask = (u64{1} << 28) - 1;  ///< the device drives 28 address lines

    Edu(TimerQueue& timers, DmaView& memory);

    std::string_view name() const override { return "edu"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  private:
    enum Status : u32 { kComputing = 0x01, kInterruptWhenDone = 0x80 };
    enum DmaCommand : u32 { kRun = 1, kToMemory = 2, kDmaInterrupt = 4 };
    enum Interrupt : u32 { kFactorialDone = 0x001, kDmaDone = 0x100 };

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;
    void write_register(u64 offset, u32 value);
    void write_dma_register(u64 offset, u64 value);
    void raise(u32 bits);
    void factorial_done();
    void dma_done();
    bool dma_transfer();

    TimerQueue& timers_;
    DmaView& memory_;
    Timer factorial_timer_, dma_timer_;
    u32 liveness_ = 0, factorial_ = 0, status_ = 0, interrupts_ = 0;
    u64 dma_source_ = 0, dma_destination_ = 0, dma_count_ = 0, dma_command_ = 0;
    std::array<u8, kBufferBytes> buffer_{};
};

}  // namespace twin86
