#include "devices/dma/dma_8237.h"

#include <algorithm>

#include "base/check.h"

namespace twin86 {
namespace {

constexpr u8 kControllerDisable = 0x04;  // command register

// Registers behind the eight of addresses and counts.
constexpr unsigned kCommandStatus = 8, kRequest = 9, kSingleMask = 10, kMode = 11, kClearFlipFlop = 12,
                   kMasterClear = 13, kClearMask = 14, kAllMask = 15;

/// Channel of each page register, counted from 0x80 on; 0xff: none.
constexpr u8 kPageChannel[16] = {0xff, 2, 3, 1, 0xff, 0xff, 0xff, 0, 0xff, 6, 7, 5, 0xff, 0xff, 0xff, 4};

bool word_channel(unsigned channel) {
    return channel >= 4;
}

u16 merge(u16 old, bool high, u8 value) {
    return high ? static_cast<u16>((old & 0x00ff) | value << 8) : static_cast<u16>((old & 0xff00) | value);
}

}  // namespace

Dma8237::Dma8237(DmaView& memory) : memory_(memory) {}

void Dma8237::clear(Controller& c) {
    c = Controller{};
}

void Dma8237::reset(ResetKind) {
    for (Controller& c : controllers_) clear(c);
    channels_ = {};
    pages_ = {};
}

void Dma8237::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        for (Controller& c : controllers_) archive.fields(c.command, c.status, c.mask, c.high_byte);
        for (Channel& c : channels_) archive.fields(c.base_address, c.base_count, c.address, c.count, c.mode, c.page);
        archive.field(pages_);
    });
}

u32 Dma8237::Ports::io_read(u16 offset, unsigned) {
    return owner.read(number, number == 0 ? offset : offset / 2u);
}

void Dma8237::Ports::io_write(u16 offset, unsigned, u32 value) {
    owner.write(number, number == 0 ? offset : offset / 2u, static_cast<u8>(value));
}

u32 Dma8237::PagePorts::io_read(u16 offset, unsigned) {
    return owner.pages_[offset & 15];
}

void Dma8237::PagePorts::io_write(u16 offset, unsigned, u32 value) {
    owner.pages_[offset & 15] = static_cast<u8>(value);
    const u8 channel = kPageChannel[offset & 15];
    if (channel != 0xff) owner.channels_[channel].page = static_cast<u8>(value);
}

u8 Dma8237::read(unsigned controller, unsigned reg) {
    Controller& c = controllers_[controller];
    if (reg < 8) {
        const Channel& channel = channels_[controller * 4 + reg / 2];
        const u16 value = reg % 2 == 0 ? channel.address : channel.count;
        c.high_byte = !c.high_byte;
        return static_cast<u8>(c.high_byte ? value : value >> 8);
    }
    if (reg == kCommandStatus) return std::exchange(c.status, static_cast<u8>(c.status & 0xf0));
    if (reg == kAllMask) return static_cast<u8>(0xf0 | c.mask);
    return 0;
}

void Dma8237::write(unsigned controller, unsigned reg, u8 value) {
    if (reg >= 8) return write_control(controller, reg, value);
    Controller& c = controllers_[controller];
    Channel& channel = channels_[controller * 4 + reg / 2];
    u16& base = reg % 2 == 0 ? channel.base_address : channel.base_count;
    u16& current = reg % 2 == 0 ? channel.address : channel.count;
    base = current = merge(base, c.high_byte, value);
    c.high_byte = !c.high_byte;
}

void Dma8237::write_control(unsigned controller, unsigned reg, u8 value) {
    Controller& c = controllers_[controller];
    const u8 channel_bit = static_cast<u8>(1u << (value & 3));
    switch (reg) {
        case kCommandStatus:
            c.command = value;
            break;
        case kSingleMask:
            c.mask = static_cast<u8>((value & 4) != 0 ? c.mask | channel_bit : c.mask & ~channel_bit);
            break;
        case kMode:
            channels_[controller * 4 + (value & 3)].mode = value;
            break;
        case kClearFlipFlop:
            c.high_byte = false;
            break;
        case kMasterClear:
            clear(c);
            break;
        case kClearMask:
            c.mask = 0;
            break;
        case kAllMask:
            c.mask = value & 0x0f;
            break;
        case kRequest:  // software requests exist for memory-to-memory transfers
        default:
            break;
    }
    if (on_change_) on_change_();
}

bool Dma8237::ready(unsigned channel) const {
    const Controller& c = controllers_[channel / 4];
    return (c.command & kControllerDisable) == 0 && (c.mask >> channel % 4 & 1) == 0;
}

Gpa Dma8237::memory_address(unsigned channel) const {
    const Channel& c = channels_[channel];
    if (!word_channel(channel)) return Gpa{c.page} << 16 | c.address;
    return Gpa{static_cast<u8>(c.page & 0xfe)} << 16 | Gpa{c.address} << 1;
}

/// Counts units done; true at terminal count, when the channel starts over or masks itself.
bool Dma8237::advance(unsigned channel, u32 units) {
    Channel& c = channels_[channel];
    c.address = static_cast<u16>(c.decrements() ? c.address - units : c.address + units);
    const bool end = units > c.count;
    c.count = static_cast<u16>(c.count - units);
    if (!end) return false;
    Controller& owner = controllers_[channel / 4];
    const u8 channel_bit = static_cast<u8>(1u << channel % 4);
    owner.status |= channel_bit;
    if (c.autoinitializes()) {
        c.address = c.base_address;
        c.count = c.base_count;
    } else {
        owner.mask |= channel_bit;
    }
    return true;
}

/// Cuts the transfer into pieces that are contiguous in memory: the address wraps within its page register.
Dma8237::Moved Dma8237::run(unsigned channel, Transfer direction, std::size_t bytes,
                            const std::function<void(Gpa, std::size_t, std::size_t)>& move) {
    CHECK(channel < kChannels && channel != 4, "DMA channel {}", channel);
    Channel& c = channels_[channel];
    if (!ready(channel) || (c.transfer() != direction && c.transfer() != kVerify)) return {};
    const std::size_t unit = word_channel(channel) ? 2 : 1;
    Moved moved;
    while (moved.bytes + unit <= bytes && !moved.terminal_count) {
        const std::size_t to_wrap = c.decrements() ? 1 : 0x10000u - c.address;
        const std::size_t units = std::min({(bytes - moved.bytes) / unit, std::size_t{c.count} + 1, to_wrap});
        if (c.transfer() != kVerify) move(memory_address(channel), moved.bytes, units * unit);
        moved.bytes += units * unit;
        moved.terminal_count = advance(channel, static_cast<u32>(units));
    }
    return moved;
}

Dma8237::Moved Dma8237::to_memory(unsigned channel, std::span<const u8> from) {
    return run(channel, kWrite, from.size(), [&](Gpa address, std::size_t done, std::size_t n) {
        memory_.dma_write(address, from.subspan(done, n));
    });
}

Dma8237::Moved Dma8237::from_memory(unsigned channel, std::span<u8> to) {
    return run(channel, kRead, to.size(),
               [&](Gpa address, std::size_t done, std::size_t n) { memory_.dma_read(address, to.subspan(done, n)); });
}

}  // namespace twin86
