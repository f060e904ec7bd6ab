// AtaDevice: what a disk and a CD-ROM drive on an ATA channel share: task file, status, transfers by PIO and by DMA.
#pragma once

#include <span>
#include <vector>

#include "base/state_archive.h"
#include "base/types.h"
#include "devices/ata/ata_registers.h"

namespace twin86 {

class AtaDevice;

/// What a device asks of whatever it is plugged into.
class AtaHost {
  public:
    virtual ~AtaHost() = default;
    /// INTRQ rises.
    virtual void interrupt(AtaDevice& device) = 0;
    /// DMARQ: the host calls dma_started() as soon as its engine runs, at once if it does already.
    virtual void request_dma(AtaDevice& device) = 0;
    /// Moves bytes by the engine; how many there was room (or data) for. Fewer than asked for ends the transfer.
    virtual std::size_t dma_to_memory(std::span<const u8> from) = 0;
    virtual std::size_t dma_from_memory(std::span<u8> to) = 0;
};

/// The registers that are two bytes deep: the last write and the one before it (48-bit commands).
struct TaskFile {
    u8 features = 0, count = 0, lba_low = 0, lba_mid = 0, lba_high = 0;
};

class AtaDevice {
  public:
    virtual ~AtaDevice() = default;
    AtaDevice() = default;
    AtaDevice(const AtaDevice&) = delete;
    AtaDevice& operator=(const AtaDevice&) = delete;

    void connect(AtaHost& host, unsigned number) { host_ = &host, number_ = number; }

    // The host's side of the command block.
    u8 read_register(u16 offset, bool high_order_byte) const;
    u8 status() const { return status_; }
    /// Features to device register: both devices of a channel hear it. Ignored while busy.
    void write_register(u16 offset, u8 value);
    /// A busy device takes no command but DEVICE RESET.
    bool takes(u8 command) const { return (status_ & ata::kBusy) == 0 || command == ata::kDeviceReset; }
    /// Ignored when it is not taken.
    void command(u8 value);
    u32 read_data(unsigned size);
    void write_data(unsigned size, u32 value);

    /// While DRQ is set: which way the data goes, and how many bytes of it are left.
    bool pio_to_host() const { return phase_ == Phase::kDataIn; }
    std::size_t pio_left() const { return buffer_.size() - position_; }

    bool interrupting() const { return interrupting_; }
    void acknowledge() { interrupting_ = false; }
    void raise() { interrupting_ = true; }

    virtual void dma_started() = 0;
    /// Power-on, hardware and software reset: what was under way is forgotten, the signature shows.
    virtual void reset();
    /// SRST is asserted.
    void hold_in_reset();
    void visit(StateArchive& archive);

  protected:
    enum class Phase : u8 { kIdle, kBusy, kDataIn, kDataOut, kDma };

    virtual void execute(u8 command) = 0;
    /// All of the data that was offered has been read, or all that was wanted has been written.
    virtual void data_in_done() = 0;
    virtual void data_out_done() = 0;
    virtual void show_signature() = 0;
    virtual u8 status_after_reset() const = 0;
    /// Nobody hears of requests to the image any more.
    virtual void forget_requests() = 0;
    virtual void visit_command(StateArchive& archive) = 0;
    /// After loading: requests that were under way are asked for again.
    virtual void restart() = 0;

    /// DRQ with this data for the host to read, and an interrupt.
    void offer(std::vector<u8> data);
    /// DRQ for the host to write so many bytes.
    void want(std::size_t bytes, bool with_interrupt);
    void begin_dma();
    void busy() { phase_ = Phase::kBusy, status_ = ata::kBusy; }
    /// The engine has no more room, or no more data: the device asks in vain, until the driver gives up and resets it.
    void starve() { busy(), starved_ = true; }
    /// The command ended well.
    void complete();
    /// The same after data that the host has read: it knows.
    void complete_quietly();
    void fail(u8 error, u8 more_status = 0);
    void set_signature(u8 count, u8 low, u8 mid, u8 high);

    /// Word 93 of IDENTIFY: 80-wire cable, diagnostics passed, number by jumper. Bit 6 stays clear: SeaBIOS takes it for
    /// 'there is no device 1'.
    u16 reset_result() const { return number_ == 0 ? 0x600b : 0x6b00; }

    AtaHost& host() { return *host_; }
    Phase phase() const { return phase_; }
    std::vector<u8>& buffer() { return buffer_; }

    TaskFile now_, previous_;
    u8 device_register_ = 0;

  private:
    void idle(u8 status) { phase_ = Phase::kIdle, status_ = status; }

    AtaHost* host_ = nullptr;
    unsigned number_ = 0;
    u8 status_ = 0, error_ = ata::kDiagnosticPassed;
    bool interrupting_ = false, starved_ = false;
    Phase phase_ = Phase::kIdle;
    std::vector<u8> buffer_;
    u64 position_ = 0;
};

/// An identify string: words of two characters, the first in the high byte, padded with blanks.
void put_identify_text(std::span<u16> words, std::string_view text);

}  // namespace twin86
