// A CD-ROM drive: the ATA PACKET feature set (ATA/ATAPI-7, 4.8 and 7.43) carrying MMC commands, on an image.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "devices/ata/ata_device.h"
#include "devices/ata/scsi.h"
#include "devices/block/block_queue.h"

namespace twin86 {

class AtapiCdrom : public AtaDevice {
  public:
    static constexpr u32 kSector = 2048;

    explicit AtapiCdrom(std::string serial) : serial_(std::move(serial)) {}

    /// Puts a medium in (or takes it out: null). The guest learns of it as unit attention.
    void change_medium(std::unique_ptr<BlockQueue> image);
    bool has_medium() const { return image_ != nullptr; }
    /// The guest has locked the tray.
    bool locked() const { return locked_; }

    void dma_started() override;
    void reset() override;

  protected:
    void execute(u8 command) override;
    void data_in_done() override;
    void data_out_done() override;
    void show_signature() override { set_signature(1, 1, 0x14, 0xeb); }
    /// Not ready before the first command (ATA-7, 5.2.10).
    u8 status_after_reset() const override { return 0; }
    void forget_requests() override;
    void visit_command(StateArchive& archive) override;
    void restart() override;

  private:
    using Cdb = std::array<u8, 12>;

    void identify();
    void begin_packet();
    void run_packet(const Cdb& cdb);
    bool attention_first(u8 command);
    void good();
    void check(scsi::Sense sense);

    // atapi_commands.cpp: answers
    void request_sense(const Cdb& cdb);
    void inquiry(const Cdb& cdb);
    void start_stop(const Cdb& cdb);
    void read_capacity();
    void read_toc(const Cdb& cdb);
    void get_configuration(const Cdb& cdb);
    void get_event_status(const Cdb& cdb);
    void mode_sense(const Cdb& cdb);
    void read_disc_information(const Cdb& cdb);
    void mechanism_status(const Cdb& cdb);
    void read_cd(const Cdb& cdb);

    void read(u32 lba, u32 sectors);
    void read_more();
    /// At most `allocation` bytes of the answer go to the host.
    void answer(std::vector<u8> data, std::size_t allocation);
    void send();
    void offer_piece();
    u32 sectors() const { return static_cast<u32>(std::min<u64>(image_->size() / kSector, 0xfffffffe)); }

    const std::string serial_;
    std::unique_ptr<BlockQueue> image_;
    bool locked_ = false;
    scsi::Sense sense_, attention_ = scsi::kPowerOn;
    u8 media_event_ = 0;

    bool by_dma_ = false;
    u16 byte_limit_ = 0;  ///< bytes per DRQ, as PACKET was given it
    std::vector<u8> answer_;
    u64 answer_position_ = 0;
    u32 read_lba_ = 0, read_left_ = 0;  ///< what READ still has to fetch
    bool in_packet_ = false;            ///< the data that the host writes is a command packet
};

}  // namespace twin86
