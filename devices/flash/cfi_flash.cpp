#include "devices/flash/cfi_flash.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace twin86 {
namespace {

enum Command : u8 {
    kProgramAlternate = 0x10,
    kBlockErase = 0x20,
    kProgramByte = 0x40,
    kClearStatus = 0x50,
    kLockSetup = 0x60,
    kReadStatus = 0x70,
    kReadId = 0x90,
    kReadQuery = 0x98,
    kConfirm = 0xd0,
    kWriteToBuffer = 0xe8,
    kReadArray = 0xff,
};

// Status register.
constexpr u8 kReady = 0x80, kEraseError = 0x20, kProgramError = 0x10, kLocked = 0x02;

constexpr u8 kManufacturer = 0x89, kDevice = 0x18;

u8 low(u64 value) {
    return static_cast<u8>(value);
}

}  // namespace

CfiFlash::CfiFlash(std::string name, FlashMemory& memory, Log& log)
    : name_(std::move(name)), memory_(memory), log_(log) {}

void CfiFlash::reset(ResetKind) {
    next_ = Next::kCommand;
    status_ = kReady;
    enter(Mode::kArray);
}

void CfiFlash::enter(Mode mode) {
    mode_ = mode;
    memory_.show_array(mode == Mode::kArray);
}

u64 CfiFlash::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{read_byte(offset + i)} << (8 * i);
    return value;
}

u8 CfiFlash::read_byte(u64 offset) const {
    switch (mode_) {
        case Mode::kArray:
            return offset < memory_.bytes().size() ? memory_.bytes()[offset] : 0xff;
        case Mode::kStatus:
            return status_;
        case Mode::kId:
            return offset % kBlockSize == 0 ? kManufacturer : offset % kBlockSize == 1 ? kDevice : 0;
        case Mode::kQuery:
            return query_byte(offset % kBlockSize);
    }
    return 0xff;
}

/// JESD68.01, tables 1 to 4: identification, voltages and times, geometry with one region of equal blocks, and an
/// empty primary extended table.
u8 CfiFlash::query_byte(u64 offset) const {
    const u64 size = memory_.bytes().size(), blocks = size / kBlockSize;
    const u8 table[] = {
        'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00, 0, 0, 0, 0,  // from 0x10: Intel command set, extended table at 0x31
        0x27, 0x36, 0, 0, 4, 4, 4, 0, 1, 1, 1, 0,           // 0x1b: 2.7 V to 3.6 V; exponents of times
        low(std::bit_width(size - 1)), 0, 0,                // 0x27: size; 8 bits wide
        low(std::bit_width(kBufferSize - 1)), 0, 1,         // 0x2a: buffer; one region
        low(blocks - 1), low((blocks - 1) >> 8), low(kBlockSize / 256), low(kBlockSize / 256 >> 8),
        'P', 'R', 'I', '1', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 0x31
    };
    constexpr u64 kFirst = 0x10;
    return offset >= kFirst && offset - kFirst < sizeof table ? table[offset - kFirst] : 0;
}

void CfiFlash::expect(Next next) {
    next_ = next;
    enter(Mode::kStatus);
}

/// An operation is over; the next write is a command again.
void CfiFlash::done(u8 errors) {
    status_ |= kReady | errors;
    next_ = Next::kCommand;
}

void CfiFlash::mmio_write(u64 offset, unsigned size, u64 value) {
    std::array<u8, 8> bytes;
    std::memcpy(bytes.data(), &value, sizeof value);
    switch (next_) {
        case Next::kCommand:
            return command(bytes[0]);
        case Next::kProgram:
            return program(offset, std::span(bytes).first(std::min<std::size_t>(size, bytes.size())));
        case Next::kErase:
            return erase(offset, bytes[0] == kConfirm);
        case Next::kBufferCount:
            buffer_count_ = static_cast<u8>(std::min<unsigned>(bytes[0] + 1u, kBufferSize));
            buffer_filled_ = 0;
            next_ = Next::kBufferData;
            return;
        case Next::kBufferData:
            for (unsigned i = 0; i < size && next_ == Next::kBufferData; ++i) fill_buffer(offset + i, bytes[i]);
            return;
        case Next::kBufferConfirm:
            return write_buffer(bytes[0] == kConfirm);
        case Next::kLock:
            return done(0);  // blocks have no locks; setting and clearing them succeeds
    }
}

void CfiFlash::command(u8 value) {
    switch (value) {
        case kProgramByte:
        case kProgramAlternate:
            return expect(Next::kProgram);
        case kBlockErase:
            return expect(Next::kErase);
        case kWriteToBuffer:
            status_ |= kReady;
            return expect(Next::kBufferCount);
        case kLockSetup:
            return expect(Next::kLock);
        case kClearStatus:
            status_ = 0;
            return;
        case kReadStatus:
            return enter(Mode::kStatus);
        case kReadId:
            return enter(Mode::kId);
        case kReadQuery:
            return enter(Mode::kQuery);
        case kReadArray:
            return enter(Mode::kArray);
        default:
            log_.write(kLogGuestError, "{}: command {:#x} is none", name_, value);
            return enter(Mode::kArray);
    }
}

void CfiFlash::program(u64 offset, std::span<const u8> from) {
    const std::span<u8> cells = memory_.bytes();
    if (memory_.read_only()) return done(kProgramError | kLocked);
    if (offset >= cells.size() || from.size() > cells.size() - offset) return done(kProgramError);
    for (std::size_t i = 0; i < from.size(); ++i) cells[offset + i] &= from[i];
    memory_.changed(offset, from.size());
    done(0);
}

void CfiFlash::erase(u64 offset, bool confirmed) {
    const std::span<u8> cells = memory_.bytes();
    if (!confirmed || offset >= cells.size()) return done(kEraseError | kProgramError);
    if (memory_.read_only()) return done(kEraseError | kLocked);
    const u64 first = offset / kBlockSize * kBlockSize;
    std::fill_n(cells.begin() + static_cast<std::ptrdiff_t>(first), kBlockSize, u8{0xff});
    memory_.changed(first, kBlockSize);
    done(0);
}

/// The first address counts; the others are taken to follow it.
void CfiFlash::fill_buffer(u64 offset, u8 value) {
    if (buffer_filled_ == 0) buffer_at_ = offset;
    buffer_[buffer_filled_++] = value;
    if (buffer_filled_ == buffer_count_) next_ = Next::kBufferConfirm;
}

void CfiFlash::write_buffer(bool confirmed) {
    if (!confirmed) return done(kEraseError | kProgramError);
    program(buffer_at_, std::span(buffer_).first(buffer_filled_));
}

void CfiFlash::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.fields(mode_, next_, status_, buffer_, buffer_at_, buffer_count_, buffer_filled_);
        if (!archive.loading()) return;
        const bool known = mode_ <= Mode::kQuery && next_ <= Next::kLock;
        if (!known || buffer_count_ > kBufferSize || buffer_filled_ > buffer_count_ ||
            (next_ == Next::kBufferData && buffer_filled_ == buffer_count_)) {
            archive.fail("the flash is in a state that does not exist");
            return reset(ResetKind::kWarm);
        }
        enter(mode_);
    });
}

}  // namespace twin86
