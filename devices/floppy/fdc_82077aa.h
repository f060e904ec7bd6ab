// Floppy disk controller 82077AA (Intel 290166), in the PC/AT register mode.
//
// Commands come byte by byte through the FIFO, then the data moves by DMA, then result bytes are read. Seeks and data
// take no time beyond the image's. Without DMA (ND = 1) data commands end abnormally at once.
#pragma once

#include <array>
#include <vector>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/dma/dma_8237.h"
#include "devices/floppy/floppy_drive.h"

namespace twin86 {

class Fdc82077aa : public Device, public IoHandler {
  public:
    static constexpr unsigned kDrives = 2, kDmaChannel = 2;
    /// Ports 0x3f0-0x3f5; 0x3f6 is the IDE controller's, 0x3f7 (DIR, CCR) a handler of its own.
    static constexpr u32 kPorts = 6, kDirPorts = 1;

    Fdc82077aa(IrqLine irq6, Dma8237& dma, Log& log);

    FloppyDrive& drive(unsigned n) { return drives_[n]; }

    std::string_view name() const override { return "fdc-82077aa"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;
    IoHandler& dir_port() { return dir_port_; }

  private:
    enum class Phase : u8 { kCommand, kExecution, kResult };
    struct DirPort : IoHandler {
        explicit DirPort(Fdc82077aa& owner) : owner(owner) {}
        u32 io_read(u16, unsigned) override;
        void io_write(u16, unsigned, u32) override {}  // the data rate: every rate fits
        Fdc82077aa& owner;
    };
    /// A data command under way: where it is on the disk.
    struct Transfer {
        u8 command = 0, cylinder = 0, head = 0, sector = 0, end_of_track = 0;
        bool multi_track = false;
    };

    u8 main_status() const;
    u8 read_fifo();
    void write_fifo(u8 value);
    void write_dor(u8 value);
    void chip_reset();

    void start_command();
    void data_command();
    void format_track();
    void sense_interrupt();
    void seek(unsigned cylinder);
    void read_id();
    bool may_move_data();
    void next_sector();
    void read_sector(u64 offset);
    void write_sector(u64 offset);
    void sector_done(bool terminal_count);
    void finish(u8 st0, u8 st1 = 0, u8 st2 = 0);
    void results(std::vector<u8> bytes, bool interrupt);
    bool has_drive() const { return selected_ < kDrives; }
    FloppyDrive& selected() { return drives_[selected_]; }

    IrqLine irq_;
    Dma8237& dma_;
    Log& log_;
    DirPort dir_port_{*this};
    std::array<FloppyDrive, kDrives> drives_;

    Phase phase_ = Phase::kCommand;
    std::vector<u8> command_, result_;
    u8 dor_ = 0, tape_ = 0;
    unsigned selected_ = 0;  ///< drive of the command
    Transfer transfer_;
    u8 resets_to_sense_ = 0;  ///< SENSE INTERRUPTs that a reset still answers, one per drive
    bool seek_done_ = false;
    u8 seek_status_ = 0;
    bool no_dma_ = false;
    u8 specify_[2]{}, configure_[2]{}, perpendicular_ = 0;
    bool locked_ = false;
};

}  // namespace twin86
