#include "devices/ata/ata_device.h"

#include <algorithm>
#include <cstring>

namespace twin86 {

using namespace ata;

namespace {

constexpr u64 kLargestBuffer = 1 * MiB;

}  // namespace

u8 AtaDevice::read_register(u16 offset, bool high_order_byte) const {
    const TaskFile& file = high_order_byte ? previous_ : now_;
    switch (offset) {
        case kErrorFeatures:
            return error_;
        case kSectorCount:
            return file.count;
        case kLbaLow:
            return file.lba_low;
        case kLbaMid:
            return file.lba_mid;
        case kLbaHigh:
            return file.lba_high;
        case kDeviceReg:
            return device_register_;
        default:
            return status_;
    }
}

void AtaDevice::write_register(u16 offset, u8 value) {
    if ((status_ & (kBusy | kDataRequest)) != 0 && offset != kDeviceReg) return;
    const auto push = [value](u8& now, u8& previous) {
        previous = now;
        now = value;
    };
    switch (offset) {
        case kErrorFeatures:
            return push(now_.features, previous_.features);
        case kSectorCount:
            return push(now_.count, previous_.count);
        case kLbaLow:
            return push(now_.lba_low, previous_.lba_low);
        case kLbaMid:
            return push(now_.lba_mid, previous_.lba_mid);
        case kLbaHigh:
            return push(now_.lba_high, previous_.lba_high);
        case kDeviceReg:
            device_register_ = value | 0xa0;  // obsolete bits that read as ones
            return;
        default:
            return;
    }
}

void AtaDevice::command(u8 value) {
    interrupting_ = false;
    if (!takes(value)) return;
    forget_requests();
    idle(kReady | kSeekComplete);
    error_ = 0;
    starved_ = false;
    execute(value);
}

u32 AtaDevice::read_data(unsigned size) {
    if (phase_ != Phase::kDataIn) return 0;
    u32 value = 0;
    const std::size_t n = std::min<std::size_t>(size, buffer_.size() - position_);
    std::memcpy(&value, buffer_.data() + position_, n);
    position_ += n;
    if (position_ == buffer_.size()) data_in_done();
    return value;
}

void AtaDevice::write_data(unsigned size, u32 value) {
    if (phase_ != Phase::kDataOut) return;
    const std::size_t n = std::min<std::size_t>(size, buffer_.size() - position_);
    std::memcpy(buffer_.data() + position_, &value, n);
    position_ += n;
    if (position_ == buffer_.size()) data_out_done();
}

void AtaDevice::offer(std::vector<u8> data) {
    buffer_ = std::move(data);
    position_ = 0;
    phase_ = Phase::kDataIn;
    status_ = kReady | kSeekComplete | kDataRequest;
    host_->interrupt(*this);
}

void AtaDevice::want(std::size_t bytes, bool with_interrupt) {
    buffer_.assign(bytes, 0);
    position_ = 0;
    phase_ = Phase::kDataOut;
    status_ = kReady | kSeekComplete | kDataRequest;
    if (with_interrupt) host_->interrupt(*this);
}

void AtaDevice::begin_dma() {
    phase_ = Phase::kDma;
    status_ = kBusy;
    host_->request_dma(*this);
}

void AtaDevice::complete_quietly() {
    idle(kReady | kSeekComplete);
}

void AtaDevice::complete() {
    complete_quietly();
    host_->interrupt(*this);
}

void AtaDevice::fail(u8 error, u8 more_status) {
    error_ = error;
    idle(static_cast<u8>(kReady | kSeekComplete | kError | more_status));
    host_->interrupt(*this);
}

void AtaDevice::set_signature(u8 count, u8 low, u8 mid, u8 high) {
    now_ = {0, count, low, mid, high};
    previous_ = {};
    error_ = kDiagnosticPassed;
}

void AtaDevice::hold_in_reset() {
    forget_requests();
    phase_ = Phase::kIdle;
    status_ = kBusy;
    interrupting_ = starved_ = false;
}

void AtaDevice::reset() {
    hold_in_reset();
    device_register_ = 0xa0;
    buffer_.clear();
    position_ = 0;
    show_signature();
    idle(status_after_reset());
}

void AtaDevice::visit(StateArchive& archive) {
    const auto visit_file = [&](TaskFile& f) { archive.fields(f.features, f.count, f.lba_low, f.lba_mid, f.lba_high); };
    visit_file(now_);
    visit_file(previous_);
    archive.fields(device_register_, status_, error_, interrupting_, starved_, phase_, position_);
    archive.field(buffer_, kLargestBuffer);
    visit_command(archive);
    if (!archive.loading()) return;
    const bool pio = phase_ == Phase::kDataIn || phase_ == Phase::kDataOut;
    if (phase_ > Phase::kDma || (pio && position_ >= buffer_.size())) {
        archive.fail("an ATA device is in a state that does not exist");
        return idle(kReady);
    }
    forget_requests();
    if (!starved_) restart();
}

void put_identify_text(std::span<u16> words, std::string_view text) {
    for (std::size_t i = 0; i < words.size() * 2; ++i) {
        const u8 c = i < text.size() ? static_cast<u8>(text[i]) : u8{' '};
        u16& word = words[i / 2];
        word = i % 2 == 0 ? static_cast<u16>(c << 8) : static_cast<u16>(word | c);
    }
}

}  // namespace twin86
