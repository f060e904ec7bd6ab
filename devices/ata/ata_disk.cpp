#include "devices/ata/ata_disk.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace twin86 {

using namespace ata;

namespace {

constexpr u8 kLargestMultiple = 16;
constexpr u32 kPiece = 256;  ///< sectors asked for at once
constexpr u8 kDefaultHeads = 16, kDefaultSectorsPerTrack = 63;
constexpr u8 kUltraDma = 0x40, kMultiwordDma = 0x20;  // transfer modes of SET FEATURES

}  // namespace

AtaDisk::AtaDisk(std::unique_ptr<BlockQueue> image, std::string serial)
    : image_(std::move(image)), serial_(std::move(serial)) {}

void AtaDisk::reset() {
    transfer_ = {};
    ahead_.clear();
    ahead_position_ = 0;
    multiple_ = 0;
    heads_ = kDefaultHeads;
    sectors_per_track_ = kDefaultSectorsPerTrack;
    AtaDevice::reset();
}

// ---- commands
// ----------------------------------------------------------------------------------------------------------

void AtaDisk::execute(u8 command) {
    transfer_ = {};
    using enum Operation;
    using enum Addressing;
    switch (command) {
        case kReadSectors:
        case kReadSectorsNoRetry:
            return start(kRead, k28, false, 1);
        case kReadSectorsExt:
            return start(kRead, k48, false, 1);
        case kReadMultiple:
            return start(kRead, k28, false, multiple_);
        case kReadMultipleExt:
            return start(kRead, k48, false, multiple_);
        case kReadDma:
        case kReadDmaNoRetry:
            return start(kRead, k28, true, 1);
        case kReadDmaExt:
            return start(kRead, k48, true, 1);
        case kWriteSectors:
        case kWriteSectorsNoRetry:
            return start(kWrite, k28, false, 1);
        case kWriteSectorsExt:
            return start(kWrite, k48, false, 1);
        case kWriteMultiple:
            return start(kWrite, k28, false, multiple_);
        case kWriteMultipleExt:
            return start(kWrite, k48, false, multiple_);
        case kWriteMultipleFuaExt:
            return start(kWrite, k48, false, multiple_, true);
        case kWriteDma:
        case kWriteDmaNoRetry:
            return start(kWrite, k28, true, 1);
        case kWriteDmaExt:
            return start(kWrite, k48, true, 1);
        case kWriteDmaFuaExt:
            return start(kWrite, k48, true, 1, true);
        case kVerify:
        case kVerifyNoRetry:
            return verify(k28);
        case kVerifyExt:
            return verify(k48);
        case kReadNativeMax:
            return native_max(k28);
        case kReadNativeMaxExt:
            return native_max(k48);
        case kDataSetManagement:
            if ((now_.features & 1) == 0 || now_.count == 0 || image_->read_only()) return fail(kAbort);
            transfer_ = {kTrim, true, false, 0, std::min<u32>(now_.count, 8), 1};
            return begin_dma();
        case kFlushCache:
        case kFlushCacheExt:
            transfer_.operation = kFlush;
            return flush();
        case kIdentify:
            return identify();
        case kSetFeatures:
            return set_features();
        default:
            if (!start_mode_command(command)) fail(kAbort);
    }
}

/// Commands that change or report a mode, without data.
bool AtaDisk::start_mode_command(u8 command) {
    if ((command & 0xf0) == kRecalibrate || (command & 0xf0) == kSeek) return complete(), true;
    switch (command) {
        case kExecuteDiagnostic:
            show_signature();
            return complete(), true;
        case kInitializeParameters:
            heads_ = static_cast<u8>((device_register_ & 0x0f) + 1);
            sectors_per_track_ = now_.count;
            return complete(), true;
        case kSetMultiple:
            if (now_.count > kLargestMultiple || (now_.count & (now_.count - 1)) != 0) return false;
            multiple_ = now_.count;
            return complete(), true;
        case kCheckPowerMode:
            now_.count = 0xff;  // active
            return complete(), true;
        case kStandbyImmediate:
        case kIdleImmediate:
        case kStandby:
        case kIdle:
        case kSleep:
            return complete(), true;
        default:
            return false;
    }
}

u64 AtaDisk::addressed_lba(Addressing addressing) const {
    const u64 low = u64{now_.lba_high} << 16 | u64{now_.lba_mid} << 8 | now_.lba_low;
    if (addressing == Addressing::k48)
        return u64{previous_.lba_high} << 40 | u64{previous_.lba_mid} << 32 | u64{previous_.lba_low} << 24 | low;
    if ((device_register_ & kLbaMode) != 0) return u64{device_register_ & 0x0fu} << 24 | low;
    const u64 cylinder = u64{now_.lba_high} << 8 | now_.lba_mid;
    if (now_.lba_low == 0 || now_.lba_low > sectors_per_track_) return ~u64{0};  // sectors count from 1
    return (cylinder * heads_ + (device_register_ & 0x0f)) * sectors_per_track_ + now_.lba_low - 1;
}

u32 AtaDisk::addressed_count(Addressing addressing) const {
    if (addressing == Addressing::k28) return now_.count != 0 ? now_.count : 256;
    const u32 count = u32{previous_.count} << 8 | now_.count;
    return count != 0 ? count : 65536;
}

void AtaDisk::start(Operation operation, Addressing addressing, bool dma, u32 block, bool flush_after) {
    if (block == 0) return fail(kAbort);  // no SET MULTIPLE MODE yet
    if (operation == Operation::kWrite && image_->read_only()) return fail(kAbort);
    transfer_ = {operation, dma, flush_after, addressed_lba(addressing), addressed_count(addressing), block};
    if (!in_range()) return refuse();
    if (dma) return begin_dma();
    if (operation == Operation::kRead) return read_more();
    want(std::min(transfer_.block, transfer_.left) * kSectorSize, false);
}

void AtaDisk::verify(Addressing addressing) {
    transfer_.lba = addressed_lba(addressing);
    transfer_.left = addressed_count(addressing);
    if (!in_range()) return refuse();
    complete();
}

/// Sectors that there are not: nothing is under way.
void AtaDisk::refuse() {
    transfer_ = {};
    fail(kIdNotFound);
}

void AtaDisk::show_lba(u64 lba, Addressing addressing) {
    now_.lba_low = static_cast<u8>(lba);
    now_.lba_mid = static_cast<u8>(lba >> 8);
    now_.lba_high = static_cast<u8>(lba >> 16);
    if (addressing == Addressing::k28) {
        device_register_ = static_cast<u8>((device_register_ & 0xf0) | (lba >> 24 & 0x0f));
        return;
    }
    previous_.lba_low = static_cast<u8>(lba >> 24);
    previous_.lba_mid = static_cast<u8>(lba >> 32);
    previous_.lba_high = static_cast<u8>(lba >> 40);
}

void AtaDisk::native_max(Addressing addressing) {
    const u64 last = sectors() - 1;
    show_lba(addressing == Addressing::k28 ? std::min<u64>(last, 0x0fffffff) : last, addressing);
    complete();
}

void AtaDisk::set_features() {
    switch (now_.features) {
        case 0x03:  // transfer mode
            transfer_mode_ = now_.count;
            return complete();
        case 0x02:  // write cache on, off; look-ahead on, off; power-on defaults kept or not
        case 0x82:
        case 0xaa:
        case 0x55:
        case 0x66:
        case 0xcc:
            return complete();
        default:
            return fail(kAbort);
    }
}

/// 7.16.7 of ATA-7: word by word.
void AtaDisk::identify() {
    std::array<u16, 256> w{};
    const u64 total = sectors();
    const u64 cylinders = std::clamp<u64>(total / (kDefaultHeads * kDefaultSectorsPerTrack), 1, 16383);
    const u64 current_cylinders = std::min<u64>(total / std::max(1, heads_ * sectors_per_track_), 65535);
    const u64 current = current_cylinders * heads_ * sectors_per_track_;
    const auto dword = [&w](std::size_t at, u64 value) {
        w[at] = static_cast<u16>(value);
        w[at + 1] = static_cast<u16>(value >> 16);
    };
    const auto selected = [this](u8 kind) {
        return (transfer_mode_ & 0xf8) == kind ? static_cast<u16>(1u << (8 + (transfer_mode_ & 7))) : u16{0};
    };
    w[0] = 0x0040;  // fixed
    w[1] = static_cast<u16>(cylinders);
    w[3] = kDefaultHeads;
    w[6] = kDefaultSectorsPerTrack;
    put_identify_text({&w[10], 10}, serial_);
    put_identify_text({&w[23], 4}, "1.0");
    put_identify_text({&w[27], 20}, "TWIN86 HARDDISK");
    w[47] = 0x8000 | kLargestMultiple;
    w[49] = 0x0f00;  // IORDY, LBA, DMA
    w[50] = 0x4000;
    w[51] = w[52] = 0x0200;
    w[53] = 0x0007;  // words 54-58, 64-70 and 88 are valid
    w[54] = static_cast<u16>(current_cylinders);
    w[55] = heads_;
    w[56] = sectors_per_track_;
    dword(57, current);
    w[59] = static_cast<u16>(multiple_ != 0 ? 0x0100 | multiple_ : 0);
    dword(60, std::min<u64>(total, 0x0fffffff));
    w[63] = static_cast<u16>(0x0007 | selected(kMultiwordDma));
    w[64] = 0x0003;
    for (std::size_t cycle = 65; cycle <= 68; ++cycle) w[cycle] = 120;
    if (!image_->read_only()) w[69] = 0x4020, w[105] = 8, w[169] = 1;  // trimmed sectors read as zeroes
    w[80] = 0x00f0;                                                    // ATA-4 to ATA-7
    w[82] = w[85] = 0x4020;                                            // NOP, write cache
    w[83] = w[86] = 0x7400;                                            // FLUSH CACHE, FLUSH CACHE EXT, 48-bit addresses
    w[86] &= 0x3fff;
    w[84] = w[87] = 0x4040;  // FUA
    w[88] = static_cast<u16>(0x003f | selected(kUltraDma));
    w[93] = reset_result();
    dword(100, total);
    dword(102, total >> 32);
    std::vector<u8> data(kSectorSize);
    std::memcpy(data.data(), w.data(), data.size());
    offer(std::move(data));
}

// ---- data
// --------------------------------------------------------------------------------------------------------------

BlockQueue::Done AtaDisk::when_ok(std::function<void(std::vector<u8>&)> next) {
    return [this, next = std::move(next)](BlockStatus status, std::vector<u8>& data) {
        if (status != BlockStatus::kOk) return fail_with(status);
        next(data);
    };
}

void AtaDisk::fail_with(BlockStatus status) {
    show_lba(transfer_.lba, Addressing::k28);
    if (status == BlockStatus::kOutOfRange) return fail(kIdNotFound);
    if (transfer_.operation == Operation::kRead) return fail(kUncorrectable);
    fail(kAbort, kDeviceFault);
}

void AtaDisk::read_more() {
    busy();
    const u32 n = std::min(transfer_.left, kPiece);
    image_->read(transfer_.lba * kSectorSize, n * kSectorSize, when_ok([this](std::vector<u8>& data) { got(data); }));
}

void AtaDisk::got(std::vector<u8>& data) {
    if (!transfer_.dma) {
        ahead_ = std::move(data);
        ahead_position_ = 0;
        return offer_block();
    }
    if (host().dma_to_memory(data) < data.size()) return starve();
    const u32 n = static_cast<u32>(data.size() / kSectorSize);
    transfer_.lba += n;
    transfer_.left -= n;
    if (transfer_.left == 0) return complete();
    read_more();
}

void AtaDisk::offer_block() {
    const u64 n = std::min<u64>(transfer_.block * kSectorSize, ahead_.size() - ahead_position_);
    const auto first = ahead_.begin() + static_cast<long>(ahead_position_);
    ahead_position_ += n;
    offer({first, first + static_cast<long>(n)});
}

void AtaDisk::data_in_done() {
    if (transfer_.operation != Operation::kRead) return complete_quietly();  // IDENTIFY
    const u32 n = static_cast<u32>(buffer().size() / kSectorSize);
    transfer_.lba += n;
    transfer_.left -= n;
    if (transfer_.left == 0) return complete_quietly();
    if (ahead_position_ < ahead_.size()) return offer_block();
    read_more();
}

void AtaDisk::data_out_done() {
    store(std::move(buffer()));
}

void AtaDisk::store(std::vector<u8> data) {
    busy();
    const u32 n = static_cast<u32>(data.size() / kSectorSize);
    image_->write(transfer_.lba * kSectorSize, std::move(data), when_ok([this, n](std::vector<u8>&) {
                      transfer_.lba += n;
                      transfer_.left -= n;
                      stored();
                  }));
}

void AtaDisk::stored() {
    if (transfer_.left == 0) return transfer_.flush_after ? flush() : complete();
    if (transfer_.dma) return take_dma_data();
    want(std::min(transfer_.block, transfer_.left) * kSectorSize, true);
}

void AtaDisk::dma_started() {
    if (transfer_.operation == Operation::kRead) return read_more();
    take_dma_data();
}

void AtaDisk::take_dma_data() {
    std::vector<u8> data(std::min(transfer_.left, kPiece) * kSectorSize);
    if (host().dma_from_memory(data) < data.size()) return starve();
    if (transfer_.operation == Operation::kTrim) return trim(std::move(data));
    store(std::move(data));
}

/// Entries of 48 bits of address and 16 of length; the last one to be done answers.
void AtaDisk::trim(std::vector<u8> ranges) {
    busy();
    for (std::size_t at = 0; at + 8 <= ranges.size(); at += 8) {
        u64 entry = 0;
        std::memcpy(&entry, &ranges[at], sizeof entry);
        const u64 lba = entry & 0xffffffffffff, count = entry >> 48;
        if (count == 0) continue;
        if (lba >= sectors() || count > sectors() - lba) return fail(kIdNotFound);
        image_->discard(lba * kSectorSize, count * kSectorSize, when_ok([](std::vector<u8>&) {}));
    }
    flush();
}

void AtaDisk::flush() {
    busy();
    image_->flush(when_ok([this](std::vector<u8>&) { complete(); }));
}

// ---- state
// -------------------------------------------------------------------------------------------------------------

void AtaDisk::visit_command(StateArchive& archive) {
    Transfer& t = transfer_;
    archive.fields(t.operation, t.dma, t.flush_after, t.lba, t.left, t.block);
    archive.field(ahead_, kPiece * kSectorSize);
    archive.fields(ahead_position_, multiple_, heads_, sectors_per_track_, transfer_mode_);
    if (!archive.loading()) return;
    const bool moves = t.left != 0 && (t.operation == Operation::kRead || t.operation == Operation::kWrite);
    if (t.operation > Operation::kFlush || (moves && !in_range()) || t.block > kLargestMultiple || t.left > 65536 ||
        ahead_position_ > ahead_.size()) {
        archive.fail("a disk is in the middle of a transfer that it cannot do");
        transfer_ = {};
        ahead_position_ = ahead_.size();
    }
}

void AtaDisk::restart() {
    if (phase() == Phase::kDma) return begin_dma();
    if (phase() != Phase::kBusy) return;
    if (transfer_.operation == Operation::kRead) return read_more();
    if (transfer_.operation == Operation::kFlush) return flush();
    fail(kAbort);
}

}  // namespace twin86
