#include "devices/floppy/fdc_82077aa.h"

#include <algorithm>

namespace twin86 {

namespace {

// Ports from 0x3f0 on.
constexpr u16 kSra = 0, kSrb = 1, kDor = 2, kTdr = 3, kMsrDsr = 4, kFifo = 5;

constexpr u8 kDorNotReset = 0x04, kDorDmaGate = 0x08;
constexpr u8 kDsrReset = 0x80;
constexpr u8 kRequest = 0x80, kToHost = 0x40, kCommandBusy = 0x10;  // main status

// Status registers 0 to 2 (section 5.3).
constexpr u8 kAbnormal = 0x40, kInvalid = 0x80, kPollingChange = 0xc0, kSeekEnd = 0x20, kEquipmentCheck = 0x10;
constexpr u8 kEndOfCylinder = 0x80, kDataError = 0x20, kNoData = 0x04, kNotWritable = 0x02, kMissingMark = 0x01,
             kOverrun = 0x10;
constexpr u8 kSize512 = 2;  // sector size code

constexpr u8 kVersion = 0x90;
constexpr u8 kMultiTrack = 0x80;
constexpr u8 kImpliedSeek = 0x40;  // CONFIGURE (5.2.7)

enum Command : u8 {
    kSpecify = 0x03,
    kSenseDrive = 0x04,
    kWriteData = 0x05,
    kReadData = 0x06,
    kRecalibrate = 0x07,
    kSenseInterrupt = 0x08,
    kWriteDeleted = 0x09,
    kReadId = 0x0a,
    kReadDeleted = 0x0c,
    kFormatTrack = 0x0d,
    kDumpRegisters = 0x0e,
    kSeek = 0x0f,
    kGetVersion = 0x10,
    kPerpendicular = 0x12,
    kConfigure = 0x13,
    kLock = 0x14,
    kVerify = 0x16,
    kPartId = 0x18,
    kRelativeSeek = 0x8f,
};

/// Which command a first byte starts: options are masked off.
u8 command_of(u8 first) {
    switch (first & 0x1f) {
        case kWriteData:
        case kReadData:
        case kWriteDeleted:
        case kReadId:
        case kReadDeleted:
        case kFormatTrack:
        case kVerify:
            return first & 0x1f;
        case kLock:
            return (first & 0x7f) == kLock ? u8{kLock} : first;
        case kSeek:
            return (first & 0xbf) == kRelativeSeek ? u8{kRelativeSeek} : first;
        default:
            return first;
    }
}

/// Bytes of a command with its first; 1 for what is none (table 5-1).
std::size_t command_length(u8 first) {
    switch (command_of(first)) {
        case kWriteData:
        case kReadData:
        case kWriteDeleted:
        case kReadDeleted:
        case kVerify:
            return 9;
        case kFormatTrack:
            return 6;
        case kConfigure:
            return 4;
        case kSpecify:
        case kSeek:
        case kRelativeSeek:
            return 3;
        case kSenseDrive:
        case kRecalibrate:
        case kReadId:
        case kPerpendicular:
            return 2;
        default:
            return 1;
    }
}

}  // namespace

Fdc82077aa::Fdc82077aa(IrqLine irq6, Dma8237& dma, Log& log) : irq_(irq6), dma_(dma), log_(log) {}

void Fdc82077aa::reset(ResetKind) {
    dor_ = 0;
    tape_ = 0;
    locked_ = false;
    specify_[0] = specify_[1] = configure_[0] = configure_[1] = perpendicular_ = 0;
    no_dma_ = false;
    chip_reset();
    resets_to_sense_ = 0;
    irq_.set(false);
}

/// Hardware reset and both software resets. FIFO settings survive a software reset when LOCK says so.
void Fdc82077aa::chip_reset() {
    for (FloppyDrive& d : drives_) d.forget();
    phase_ = Phase::kCommand;
    command_.clear();
    result_.clear();
    seek_done_ = false;
    resets_to_sense_ = 4;
    if (!locked_) configure_[0] = configure_[1] = 0;
}

u32 Fdc82077aa::DirPort::io_read(u16, unsigned) {
    const unsigned drive = owner.dor_ & 3;
    const bool motor = (owner.dor_ >> 4 >> drive & 1) != 0;
    return drive < kDrives && motor && owner.drives_[drive].changed() ? 0x80 : 0x00;
}

u32 Fdc82077aa::io_read(u16 offset, unsigned) {
    switch (offset) {
        case kSra:
            return phase_ == Phase::kResult ? 0x80 : 0x00;
        case kSrb:
            return 0xc0;
        case kDor:
            return dor_;
        case kTdr:
            return tape_;
        case kMsrDsr:
            return main_status();
        default:
            return read_fifo();
    }
}

void Fdc82077aa::io_write(u16 offset, unsigned, u32 wide) {
    const u8 value = static_cast<u8>(wide);
    switch (offset) {
        case kDor:
            return write_dor(value);
        case kTdr:
            tape_ = value & 3;
            return;
        case kMsrDsr:
            if ((value & kDsrReset) == 0) return;
            chip_reset();
            return irq_.set(true);
        case kFifo:
            return write_fifo(value);
        default:
            return;
    }
}

/// Leaving reset raises the interrupt that four SENSE INTERRUPTs answer (section 6.1).
void Fdc82077aa::write_dor(u8 value) {
    const bool was_on = (dor_ & kDorNotReset) != 0, on = (value & kDorNotReset) != 0;
    dor_ = value;
    if (was_on && !on) {
        chip_reset();
        irq_.set(false);
    }
    if (!was_on && on) {
        chip_reset();
        irq_.set(true);
    }
}

u8 Fdc82077aa::main_status() const {
    if ((dor_ & kDorNotReset) == 0) return 0;
    switch (phase_) {
        case Phase::kCommand:
            return command_.empty() ? kRequest : kRequest | kCommandBusy;
        case Phase::kExecution:
            return kCommandBusy;
        case Phase::kResult:
            return kRequest | kToHost | kCommandBusy;
    }
    return 0;
}

u8 Fdc82077aa::read_fifo() {
    if (phase_ != Phase::kResult || result_.empty()) return 0xff;
    irq_.set(false);
    const u8 value = result_.front();
    result_.erase(result_.begin());
    if (result_.empty()) phase_ = Phase::kCommand;
    return value;
}

void Fdc82077aa::write_fifo(u8 value) {
    if ((dor_ & kDorNotReset) == 0 || phase_ != Phase::kCommand) return;
    command_.push_back(value);
    if (command_.size() < command_length(command_[0])) return;
    start_command();
    command_.clear();
}

void Fdc82077aa::results(std::vector<u8> bytes, bool interrupt) {
    result_ = std::move(bytes);
    phase_ = result_.empty() ? Phase::kCommand : Phase::kResult;
    if (interrupt) irq_.set(true);
}

void Fdc82077aa::start_command() {
    const std::vector<u8>& c = command_;
    if (c.size() > 1) selected_ = c[1] & 3;
    switch (command_of(c[0])) {
        case kSpecify:
            specify_[0] = c[1];
            specify_[1] = c[2];
            no_dma_ = (c[2] & 1) != 0;
            return results({}, false);
        case kSenseDrive: {
            const u8 address = c[1] & 7;
            if (!has_drive()) return results({static_cast<u8>(0x20 | address)}, false);
            const u8 protect = selected().write_protected() ? 0x40 : 0, track0 = selected().cylinder() == 0 ? 0x10 : 0;
            return results({static_cast<u8>(0x28 | protect | track0 | address)}, false);
        }
        case kWriteData:
        case kReadData:
        case kWriteDeleted:
        case kReadDeleted:
        case kVerify:
            return data_command();
        case kReadId:
            return read_id();
        case kFormatTrack:
            return format_track();
        case kRecalibrate:
            return seek(0);
        case kSeek:
            return seek(c[2]);
        case kRelativeSeek: {
            const unsigned now = has_drive() ? selected().cylinder() : 0;
            return seek((c[0] & 0x40) != 0 ? now + c[2] : now - std::min<unsigned>(now, c[2]));
        }
        case kSenseInterrupt:
            return sense_interrupt();
        case kDumpRegisters:
            return results(
                {drives_[0].cylinder(), drives_[1].cylinder(), 0, 0, specify_[0], specify_[1], transfer_.end_of_track,
                 static_cast<u8>((locked_ ? 0x80 : 0) | (perpendicular_ & 0x3f)), configure_[0], configure_[1]},
                false);
        case kGetVersion:
            return results({kVersion}, false);
        case kPerpendicular:
            perpendicular_ = c[1];
            return results({}, false);
        case kConfigure:
            configure_[0] = c[2];
            configure_[1] = c[3];
            return results({}, false);
        case kLock:
            locked_ = (c[0] & 0x80) != 0;
            return results({static_cast<u8>(locked_ ? 0x10 : 0)}, false);
        case kPartId:
            return results({0x01}, false);
        default:
            return results({kInvalid}, false);
    }
}

void Fdc82077aa::seek(unsigned cylinder) {
    if (has_drive()) selected().seek(cylinder);
    seek_status_ = static_cast<u8>(kSeekEnd | selected_ | (has_drive() ? 0 : kAbnormal | kEquipmentCheck));
    seek_done_ = true;
    resets_to_sense_ = 0;
    results({}, true);
}

void Fdc82077aa::sense_interrupt() {
    irq_.set(false);
    if (resets_to_sense_ > 0) {
        const unsigned drive = 4u - resets_to_sense_--;
        const u8 cylinder = drive < kDrives ? drives_[drive].cylinder() : u8{0};
        return results({static_cast<u8>(kPollingChange | drive), cylinder}, false);
    }
    if (!std::exchange(seek_done_, false)) return results({kInvalid}, false);
    const unsigned drive = seek_status_ & 3;
    results({seek_status_, drive < kDrives ? drives_[drive].cylinder() : u8{0}}, false);
}

/// ST0-ST2, then where the command ended.
void Fdc82077aa::finish(u8 st0, u8 st1, u8 st2) {
    const Transfer& t = transfer_;
    const u8 unit = static_cast<u8>(t.head << 2 | selected_);
    results({static_cast<u8>(st0 | unit), st1, st2, t.cylinder, t.head, t.sector, kSize512}, true);
}

// ---- data

/// What a data command is refused for (5.1.1 and 5.3), else its first sector.
void Fdc82077aa::data_command() {
    const std::vector<u8>& c = command_;
    transfer_ = {command_of(c[0]), c[2], c[3], c[4], c[6], (c[0] & kMultiTrack) != 0};
    if (!may_move_data()) return;
    if (c[5] != kSize512) return finish(kAbnormal, kNoData);
    if ((configure_[0] & kImpliedSeek) != 0) selected().seek(transfer_.cylinder);
    phase_ = Phase::kExecution;
    next_sector();
}

bool Fdc82077aa::may_move_data() {
    const bool writes =
        transfer_.command == kWriteData || transfer_.command == kWriteDeleted || transfer_.command == kFormatTrack;
    if (no_dma_ || (dor_ & kDorDmaGate) == 0) {
        log_.write(kLogUnimp, "fdc: data without DMA");
        finish(kAbnormal, kDataError);
    } else if (!has_drive() || !selected().has_medium()) {
        finish(kAbnormal, kMissingMark);
    } else if (writes && selected().write_protected()) {
        finish(kAbnormal, kNotWritable);
    } else {
        return true;
    }
    return false;
}

void Fdc82077aa::next_sector() {
    const Transfer& t = transfer_;
    const auto offset = selected().offset_of(t.cylinder, t.head, t.sector);
    if (!offset || t.cylinder != selected().cylinder()) return finish(kAbnormal, kNoData);
    if (t.command == kWriteData || t.command == kWriteDeleted) return write_sector(*offset);
    read_sector(*offset);
}

/// VERIFY reads like READ and moves nothing; it ends with the track.
void Fdc82077aa::read_sector(u64 offset) {
    selected().image().read(offset, kSectorSize, [this](BlockStatus status, std::vector<u8>& data) {
        // An image that ends early is a disk whose rest is empty.
        if (status == BlockStatus::kHostError) return finish(kAbnormal, kDataError);
        if (status == BlockStatus::kOutOfRange) std::fill(data.begin(), data.end(), u8{0});
        if (transfer_.command == kVerify) return sector_done(transfer_.sector >= transfer_.end_of_track);
        const Dma8237::Moved moved = dma_.to_memory(kDmaChannel, data);
        if (moved.bytes < data.size() && !moved.terminal_count) return finish(kAbnormal, kOverrun);
        sector_done(moved.terminal_count);
    });
}

void Fdc82077aa::write_sector(u64 offset) {
    std::vector<u8> data(kSectorSize);
    const Dma8237::Moved moved = dma_.from_memory(kDmaChannel, data);
    if (moved.bytes < data.size() && !moved.terminal_count) return finish(kAbnormal, kOverrun);
    selected().image().write(offset, std::move(data),
                             [this, end = moved.terminal_count](BlockStatus status, std::vector<u8>&) {
                                 if (status != BlockStatus::kOk) return finish(kAbnormal, kDataError);
                                 sector_done(end);
                             });
}

/// The result names the sector behind the last one (table 5-5); without a terminal count the track's end is an error.
void Fdc82077aa::sector_done(bool terminal_count) {
    Transfer& t = transfer_;
    const bool end_of_track = t.sector >= t.end_of_track;
    const bool end_of_cylinder = end_of_track && (!t.multi_track || t.head == 1);
    if (!end_of_track) {
        ++t.sector;
    } else {
        t.sector = 1;
        if (t.multi_track) t.head ^= 1;
        if (end_of_cylinder) ++t.cylinder;
    }
    if (terminal_count) return finish(0);
    if (end_of_cylinder) return finish(kAbnormal, kEndOfCylinder);
    next_sector();
}

/// The drive finds an address mark under its head at once: sector 1.
void Fdc82077aa::read_id() {
    const u8 head = command_[1] >> 2 & 1;
    if (!has_drive()) return finish(kAbnormal, kMissingMark);
    transfer_ = {kReadId, selected().cylinder(), head, 1, 1, false};
    if (!selected().offset_of(transfer_.cylinder, head, 1)) return finish(kAbnormal, kMissingMark);
    finish(0);
}

/// Each sector's four address bytes come by DMA; the track is filled with the filler byte.
void Fdc82077aa::format_track() {
    const u8 head = command_[1] >> 2 & 1, filler = command_[5];
    transfer_ = {kFormatTrack, has_drive() ? selected().cylinder() : u8{0}, head, 1, command_[3], false};
    if (!may_move_data()) return;
    const auto start = selected().offset_of(transfer_.cylinder, head, 1);
    const unsigned sectors = selected().geometry().sectors;
    if (!start || command_[2] != kSize512 || command_[3] != sectors) return finish(kAbnormal, kNoData);
    std::vector<u8> addresses(sectors * 4);
    dma_.from_memory(kDmaChannel, addresses);
    phase_ = Phase::kExecution;
    selected().image().write(
        *start, std::vector<u8>(sectors * kSectorSize, filler), [this](BlockStatus status, std::vector<u8>&) {
            finish(status == BlockStatus::kOk ? 0 : kAbnormal, status == BlockStatus::kOk ? 0 : kDataError);
        });
}

/// A data command that was under way ends as one that could not read: the driver repeats it.
void Fdc82077aa::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        Transfer& t = transfer_;
        archive.fields(phase_, dor_, tape_, selected_, resets_to_sense_, seek_done_, seek_status_, no_dma_, specify_,
                       configure_, perpendicular_, locked_);
        archive.fields(t.command, t.cylinder, t.head, t.sector, t.end_of_track, t.multi_track);
        archive.field(command_, 9);
        archive.field(result_, 16);
        for (FloppyDrive& d : drives_) d.visit(archive);
        if (!archive.loading()) return;
        for (FloppyDrive& d : drives_) d.forget();
        selected_ &= 3;
        resets_to_sense_ = std::min<u8>(resets_to_sense_, 4);
        const bool complete = !command_.empty() && command_.size() >= command_length(command_[0]);
        if (phase_ > Phase::kResult || complete || (phase_ == Phase::kResult) == result_.empty()) {
            archive.fail("the floppy controller is in a state that does not exist");
            chip_reset();
        }
        if (phase_ == Phase::kExecution) finish(kAbnormal, kDataError);
    });
}

}  // namespace twin86
