#include "devices/ata/atapi_cdrom.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace twin86 {

using namespace ata;

namespace {

constexpr std::size_t kPacketBytes = 12;
constexpr u32 kPiece = 64;  ///< sectors asked for at once
constexpr u64 kLargestAnswer = kPiece * AtapiCdrom::kSector;
constexpr u8 kNewMedia = 2, kMediaRemoval = 3;  // events, MMC-5 table 273

}  // namespace

void AtapiCdrom::change_medium(std::unique_ptr<BlockQueue> image) {
    const bool was_reading = phase() == Phase::kBusy || read_left_ != 0;
    image_ = std::move(image);
    attention_ = scsi::kMediumChanged;
    media_event_ = image_ ? kNewMedia : kMediaRemoval;
    if (was_reading) check(scsi::kMediumChanged);
}

void AtapiCdrom::forget_requests() {
    if (image_) image_->forget();
}

void AtapiCdrom::reset() {
    AtaDevice::reset();
    sense_ = {};
    attention_ = scsi::kPowerOn;
    locked_ = in_packet_ = by_dma_ = false;
    answer_.clear();
    answer_position_ = read_left_ = 0;
}

void AtapiCdrom::execute(u8 command) {
    in_packet_ = false;
    answer_.clear();
    answer_position_ = read_left_ = 0;
    switch (command) {
        case kPacket:
            return begin_packet();
        case kIdentifyPacket:
            return identify();
        case kDeviceReset:
            show_signature();
            return complete_quietly();
        case kExecuteDiagnostic:
            show_signature();
            return complete();
        case kIdentify:  // hosts tell packet devices by this failure
        case kReadSectors:
            show_signature();
            return fail(kAbort);
        case kSetFeatures:
            return now_.features == 0x03 ? complete() : fail(kAbort);
        case kCheckPowerMode:
            now_.count = 0xff;
            return complete();
        case kFlushCache:
        case kStandbyImmediate:
        case kIdleImmediate:
        case kSleep:
            return complete();
        default:
            return fail(kAbort);
    }
}

/// 7.17 of ATA-7.
void AtapiCdrom::identify() {
    std::array<u16, 256> w{};
    w[0] = 0x85c0;  // packet device, CD-ROM, removable, DRQ within 50 us, 12 bytes
    put_identify_text({&w[10], 10}, serial_);
    put_identify_text({&w[23], 4}, "1.0");
    put_identify_text({&w[27], 20}, "TWIN86 CD-ROM");
    w[49] = 0x0f00;  // IORDY, LBA, DMA
    w[53] = 0x0006;
    w[63] = 0x0007;
    w[64] = 0x0003;
    for (std::size_t cycle = 65; cycle <= 68; ++cycle) w[cycle] = 120;
    w[80] = 0x00f0;
    w[82] = w[85] = 0x0210;  // DEVICE RESET, PACKET
    w[83] = 0x4000;
    w[88] = 0x003f;
    w[93] = reset_result();
    std::vector<u8> data(sizeof w);
    std::memcpy(data.data(), w.data(), data.size());
    offer(std::move(data));
}

// ---- packets
// -----------------------------------------------------------------------------------------------------------

void AtapiCdrom::begin_packet() {
    by_dma_ = (now_.features & 1) != 0;
    byte_limit_ = static_cast<u16>(now_.lba_high << 8 | now_.lba_mid);
    in_packet_ = true;
    now_.count = kReasonCommand;
    want(kPacketBytes, false);
}

void AtapiCdrom::data_out_done() {
    Cdb cdb;
    std::copy_n(buffer().begin(), cdb.size(), cdb.begin());
    in_packet_ = false;
    busy();
    if (attention_first(cdb[0])) return;
    if (cdb[0] != scsi::kRequestSense) sense_ = {};
    run_packet(cdb);
}

/// A unit attention is reported once, by any command but these (SPC-3, 4.5.6).
bool AtapiCdrom::attention_first(u8 command) {
    if (attention_.key == 0 || command == scsi::kInquiry || command == scsi::kRequestSense ||
        command == scsi::kGetConfiguration || command == scsi::kGetEventStatus)
        return false;
    check(std::exchange(attention_, {}));
    return true;
}

void AtapiCdrom::good() {
    now_.count = kReasonCommand | kReasonToHost;
    complete();
}

void AtapiCdrom::check(scsi::Sense sense) {
    sense_ = sense;
    read_left_ = 0;
    now_.count = kReasonCommand | kReasonToHost;
    fail(static_cast<u8>(sense.key << 4 | kAbort));
}

void AtapiCdrom::answer(std::vector<u8> data, std::size_t allocation) {
    data.resize(std::min(data.size(), allocation));
    answer_ = std::move(data);
    answer_position_ = 0;
    if (answer_.empty()) return good();
    send();
}

void AtapiCdrom::send() {
    if (by_dma_) return begin_dma();
    offer_piece();
}

/// As many bytes as the host's byte count limit says; odd numbers only at the end.
void AtapiCdrom::offer_piece() {
    const u64 left = answer_.size() - answer_position_;
    u64 limit = byte_limit_ == 0 ? 0xfffe : byte_limit_;
    if (limit < left || limit == 0xffff) limit = std::max<u64>(2, limit & ~u64{1});
    const u64 n = std::min(limit, left);
    now_.lba_mid = static_cast<u8>(n);
    now_.lba_high = static_cast<u8>(n >> 8);
    now_.count = kReasonToHost;
    const auto first = answer_.begin() + static_cast<long>(answer_position_);
    answer_position_ += n;
    offer({first, first + static_cast<long>(n)});
}

void AtapiCdrom::data_in_done() {
    if (answer_.empty()) return complete_quietly();  // IDENTIFY PACKET DEVICE
    if (answer_position_ < answer_.size()) return offer_piece();
    if (read_left_ != 0) return read_more();
    good();
}

void AtapiCdrom::dma_started() {
    const std::span<const u8> rest = std::span<const u8>(answer_).subspan(answer_position_);
    if (host().dma_to_memory(rest) < rest.size()) return starve();
    answer_position_ = answer_.size();
    if (read_left_ != 0) return read_more();
    good();
}

void AtapiCdrom::read(u32 lba, u32 count) {
    if (count == 0) return good();
    if (lba >= sectors() || count > sectors() - lba) return check(scsi::kLbaOutOfRange);
    read_lba_ = lba;
    read_left_ = count;
    read_more();
}

void AtapiCdrom::read_more() {
    const u32 n = std::min(read_left_, kPiece);
    busy();
    image_->read(u64{read_lba_} * kSector, n * kSector, [this, n](BlockStatus status, std::vector<u8>& data) {
        if (status != BlockStatus::kOk) return check(scsi::kReadError);
        read_lba_ += n;
        read_left_ -= n;
        answer(std::move(data), n * kSector);
    });
}

// ---- state
// -------------------------------------------------------------------------------------------------------------

void AtapiCdrom::visit_command(StateArchive& archive) {
    archive.fields(locked_, sense_.key, sense_.code, sense_.qualifier, attention_.key, attention_.code,
                   attention_.qualifier, media_event_, by_dma_, byte_limit_, in_packet_);
    archive.field(answer_, kLargestAnswer);
    archive.fields(answer_position_, read_lba_, read_left_);
    if (!archive.loading()) return;
    const bool reading = read_left_ != 0;
    const u64 last = u64{read_lba_} + read_left_;
    if (answer_position_ > answer_.size() || (reading && (!image_ || last > sectors()))) {
        archive.fail("a CD-ROM drive is in the middle of a transfer that it cannot do");
        answer_position_ = answer_.size();
        read_left_ = 0;
    }
}

void AtapiCdrom::restart() {
    if (phase() == Phase::kDataOut && buffer().size() != kPacketBytes) return check(scsi::kInvalidField);
    if (phase() == Phase::kDma) return begin_dma();
    if (phase() != Phase::kBusy) return;
    if (read_left_ != 0) return read_more();
    check(scsi::kReadError);
}

}  // namespace twin86
