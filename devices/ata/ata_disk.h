// A hard disk: the ATA-7 commands that operating systems use, on an image.
#pragma once

#include <memory>
#include <string>

#include "devices/ata/ata_device.h"
#include "devices/block/block_queue.h"

namespace twin86 {

class AtaDisk : public AtaDevice {
  public:
    AtaDisk(std::unique_ptr<BlockQueue> image, std::string serial);

    void dma_started() override;
    void reset() override;

  protected:
    void execute(u8 command) override;
    void data_in_done() override;
    void data_out_done() override;
    void show_signature() override { set_signature(1, 1, 0, 0); }
    u8 status_after_reset() const override { return ata::kReady | ata::kSeekComplete; }
    void forget_requests() override { image_->forget(); }
    void visit_command(StateArchive& archive) override;
    void restart() override;

  private:
    enum class Operation : u8 { kNone, kRead, kWrite, kTrim, kFlush };
    /// What the command in progress still has to do.
    struct Transfer {
        Operation operation = Operation::kNone;
        bool dma = false;
        bool flush_after = false;  ///< forced unit access
        u64 lba = 0;
        u32 left = 0;   ///< sectors
        u32 block = 1;  ///< sectors per DRQ
    };
    /// How a command names its sectors.
    enum class Addressing { k28, k48 };

    void start(Operation operation, Addressing addressing, bool dma, u32 block, bool flush_after = false);
    bool start_mode_command(u8 command);
    void transfer_sectors();
    void verify(Addressing addressing);
    void refuse();
    void identify();
    void set_features();
    void native_max(Addressing addressing);
    void show_lba(u64 lba, Addressing addressing);

    u64 sectors() const { return image_->size() / kSectorSize; }
    u64 addressed_lba(Addressing addressing) const;
    u32 addressed_count(Addressing addressing) const;
    bool in_range() const { return transfer_.lba < sectors() && transfer_.left <= sectors() - transfer_.lba; }

    void read_more();
    void offer_block();
    void got(std::vector<u8>& data);
    void store(std::vector<u8> data);
    void stored();
    void take_dma_data();
    void trim(std::vector<u8> ranges);
    void flush();
    void fail_with(BlockStatus status);
    BlockQueue::Done when_ok(std::function<void(std::vector<u8>&)> next);

    std::unique_ptr<BlockQueue> image_;
    const std::string serial_;
    Transfer transfer_;
    std::vector<u8> ahead_;  ///< what was read for PIO and not offered yet
    u64 ahead_position_ = 0;
    u8 multiple_ = 0;  ///< SET MULTIPLE MODE
    u8 heads_ = 16, sectors_per_track_ = 63;
    u8 transfer_mode_ = 0;
};

}  // namespace twin86
