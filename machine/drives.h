// Drives: opens the disk images of the command line and plugs them into the board.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "devices/ahci/ahci_controller.h"
#include "devices/ata/atapi_cdrom.h"
#include "devices/block/block_queue.h"
#include "machine/options.h"
#include "machine/pc/board.h"

namespace twin86 {

class Drives {
  public:
    explicit Drives(DeferredWork& work) : work_(work) {}

    /// The drives of the options and, unless -nodefaults, an empty CD-ROM drive where one would be looked for.
    Status add(const Options& options, pc::Board& board, const std::vector<AhciController*>& ahci);
    /// fw_cfg's "bootorder": what was given a boot index, as Open Firmware paths. Empty: the order of CMOS holds.
    std::vector<u8> boot_order_file() const;

    // For the monitor; with the machine's lock held. `drive` is a drive's name or id.
    std::string text() const;
    Status eject(const std::string& drive, bool force);
    Status change(const std::string& drive, const std::string& file, bool read_only);

  private:
    struct Drive {
        std::string name;  ///< ide0-hd0
        std::string id;
        std::string file;
        bool read_only = false, snapshot = false, surely_raw = false;
        std::string serial;
        u64 bytes = 0;
        AtapiCdrom* cdrom = nullptr;
        FloppyDrive* floppy = nullptr;

        bool removable() const { return cdrom != nullptr || floppy != nullptr; }
        bool has_medium() const;
        void change_medium(std::unique_ptr<BlockQueue> image);
    };

    Drive drive_of(const DriveOptions& options, std::string name);
    Status add_floppies(const Options& options, pc::Board& board);
    Status add_floppy(const DriveOptions& options, unsigned slot, pc::Board& board);
    Status add_own(const Options& options, pc::Board& board);
    Status add_ide(const DriveOptions& options, unsigned slot, const std::string& name, pc::Board& board);
    Status add_to_ahci(const DriveOptions& options, AhciController& adapter, unsigned port, std::string name,
                       const PciBus& bus);
    /// A disk or a CD-ROM drive with its image; `drive` learns of it.
    Result<std::unique_ptr<AtaDevice>> make_ata_device(Drive& drive, bool cdrom, unsigned number);
    void note_boot_index(const DriveOptions& options, std::string path);
    Result<std::unique_ptr<BlockQueue>> open(Drive& drive);
    Drive* find(const std::string& name);
    Result<Drive*> removable(const std::string& name);

    DeferredWork& work_;
    bool all_snapshot_ = false;  ///< -snapshot
    std::vector<Drive> drives_;
    std::multimap<unsigned, std::string> boot_order_;
};

}  // namespace twin86
