// DeviceRig: the board with every device that the command line offers, driven by hand: no processor, time and results of disks
// come when the case says so. What it has follows from a seed.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "devices/ahci/ahci_controller.h"
#include "devices/ata/atapi_cdrom.h"
#include "devices/display/glyph_reader.h"
#include "machine/pc/board.h"
#include "machine/pc/display.h"
#include "machine/pc/flash_bank.h"
#include "machine/pc/plugged_devices.h"
#include "mmu/guest_ram.h"
#include "mmu/phys_map.h"
#include "tests/diff/random.h"
#include "tests/fuzz/fuzz_disk.h"

namespace twin86::fuzz {

using diff::Random;

/// The end of a serial line: takes everything, sends what the case says.
class FuzzLine : public CharBackend {
  public:
    void write(std::span<const u8> bytes) override { written_ += bytes.size(); }
    void set_receiver(CharReceiver* receiver) override { receiver_ = receiver; }
    void receiver_ready() override {}
    void send(Random& r);

  private:
    CharReceiver* receiver_ = nullptr;
    u64 written_ = 0;
};

/// Two ticks a nanosecond.
class FuzzTsc : public TscClock {
  public:
    u64 tsc_at(u64 now_ns) const override { return now_ns * 2; }
    u64 ns_at(u64 tsc) const override { return tsc / 2; }
};

class DeviceRig : private CpuPins {
  public:
    static constexpr u64 kLowRam = 16 * MiB, kHighRam = 4 * MiB;
    static constexpr unsigned kAdapters = 2;

    explicit DeviceRig(u64 seed);
    ~DeviceRig() override;

    // As the processor and the machine around it do it: timers that are due go first, a reset that was asked for comes after.
    u32 in(IoPort port, unsigned size);
    void out(IoPort port, unsigned size, u32 value);
    u64 read(Gpa address, unsigned size);
    void write(Gpa address, unsigned size, u64 value);
    /// The one that was asked for, if any.
    void carry_out_reset();
    /// Bytes into RAM, where there is any.
    void put(Gpa address, std::span<const u8> bytes) { phys_->dma_write(address, bytes); }
    /// The processor takes an interrupt, if there is one.
    void take_interrupt();
    void pass_time(u64 ns);
    void reset(ResetKind kind) { board_->reset(kind); }

    // From outside of the guest.
    void settle_some_disk(Random& r) { disks_[r.below(disks_.size())]->settle(); }
    /// Until no disk has anything to do; false: that does not happen.
    bool settle();
    void change_media(Random& r);
    /// Drives are empty where they are in a rig of the same seed.
    void take_out_media_as(const DeviceRig& other);
    void type_and_point(Random& r);
    void send_to_lines(Random& r);
    /// Everything that looks at the screen does.
    void look_at_screen();

    /// The state of all devices.
    std::vector<u8> save();
    /// Into this rig; a text: why it was refused.
    std::string load(std::vector<u8> state);

    /// Who answers where.
    std::string ranges();
    /// Base registers that lie over each other or over something else: who came first answers, which is no device's state.
    bool has_overlaps();
    /// What is no device's state: RAM, the cells of flash chips, images. Of a rig of the same seed.
    void copy_memory(DeviceRig& from);
    bool has_same_ram(const DeviceRig& other) const { return std::memcmp(ram_.base(), other.ram_.base(), ram_.size()) == 0; }

    pc::Board& board() { return *board_; }
    IoBus& io() { return io_; }
    MmioBus& mmio() { return mmio_; }
    Vga& vga() { return display_->vga(); }
    AhciController& adapter(u64 n) { return *adapters_[n % adapters_.size()]; }
    u64 now_ns() const { return clock_.now_ns(); }
    void set_time(u64 ns) { clock_.set(ns); }
    Gpa flash_base() const { return flash_->base(); }

  private:
    FuzzDisk& new_disk(u64 bytes, bool read_only);
    void add_flash(Random& r);
    void add_display(Random& r);
    void add_drives(Random& r);
    void add_adapters(Random& r);
    void add_to_ports(AhciController& adapter, Random& r);
    std::unique_ptr<AtaDevice> some_drive(Random& r);
    std::unique_ptr<AtaDevice> cdrom();
    /// Addresses for every function, and decoding turned on.
    void set_up_as_firmware();
    void before_access();

    // CpuPins
    void interrupt_request_changed() override {}
    void nmi() override {}
    void init() override { reset_wanted_ = true; }
    void sipi(u8) override {}
    void smi() override {}

    struct CdromDrive {
        AtapiCdrom* drive;
        FuzzDisk* disk;
    };

    Log log_{stderr, 0};
    ManualClock clock_;
    FuzzTsc tsc_;
    TimerQueue timers_{clock_};
    GuestRam ram_;
    IoBus io_;
    MmioBus mmio_;
    std::unique_ptr<PhysMap> phys_;
    std::array<FuzzLine, 5> lines_;
    std::vector<std::unique_ptr<FuzzDisk>> disks_;  ///< outlive the queues that devices have
    HeldWork flash_work_;
    std::unique_ptr<pc::FlashBank> flash_;
    std::vector<CdromDrive> cdroms_;
    std::unique_ptr<pc::Board> board_;
    std::unique_ptr<pc::Display> display_;
    std::unique_ptr<pc::PluggedDevices> plugged_;
    std::vector<AhciController*> adapters_;
    Painter painter_;
    bool reset_wanted_ = false, has_ports_ = false;
};

}  // namespace twin86::fuzz
