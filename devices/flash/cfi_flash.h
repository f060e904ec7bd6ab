// Parallel NOR flash, 8 bits wide, with the Intel command set (CFI, JEDEC JESD68.01; Intel 28F128J3 data sheet, table 14
// "Command Bus-Cycle Definitions"): the firmware's code, and the store of its variables.
//
// In read-array mode the guest reads the memory itself, and executes from it; every write is a command. Programming
// clears bits, erasing sets a block's. Nothing takes time.
//
// One deviation: CLEAR STATUS clears the ready bit too, until the next operation. Firmware for virtual machines tells
// flash from RAM and ROM by that.
#pragma once

#include <array>
#include <span>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"

namespace twin86 {

/// The cells, and how the guest sees them.
class FlashMemory {
  public:
    virtual ~FlashMemory() = default;
    virtual std::span<u8> bytes() = 0;
    virtual bool read_only() const = 0;
    /// Array: the guest reads the cells. Otherwise its reads come to the device.
    virtual void show_array(bool array) = 0;
    /// These cells were changed; they are on their way to the image when show_array(true) was called after that.
    virtual void changed(u64 offset, u64 size) = 0;
};

class CfiFlash : public Device, public MmioHandler {
  public:
    static constexpr u64 kBlockSize = 4 * KiB;
    static constexpr unsigned kBufferSize = 32;  ///< bytes of a buffered write

    CfiFlash(std::string name, FlashMemory& memory, Log& log);

    std::string_view name() const override { return name_; }
    void reset(ResetKind kind) override;
    /// The cells are the image's and no part of it.
    void visit(StateArchive& archive) override;
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

  private:
    enum class Mode : u8 { kArray, kStatus, kId, kQuery };
    /// What the next write is.
    enum class Next : u8 { kCommand, kProgram, kErase, kBufferCount, kBufferData, kBufferConfirm, kLock };

    u8 read_byte(u64 offset) const;
    u8 query_byte(u64 offset) const;
    void enter(Mode mode);
    void expect(Next next);
    void command(u8 value);
    void program(u64 offset, std::span<const u8> from);
    void erase(u64 offset, bool confirmed);
    void fill_buffer(u64 offset, u8 value);
    void write_buffer(bool confirmed);
    void done(u8 errors);

    std::string name_;
    FlashMemory& memory_;
    Log& log_;
    Mode mode_ = Mode::kArray;
    Next next_ = Next::kCommand;
    u8 status_ = 0;
    std::array<u8, kBufferSize> buffer_{};
    u64 buffer_at_ = 0;  ///< of the first byte that came
    u8 buffer_count_ = 0, buffer_filled_ = 0;
};

}  // namespace twin86
