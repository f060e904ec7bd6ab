#include "devices/ata/bus_master.h"

#include <algorithm>
#include <cstring>

namespace twin86 {

u8 BusMaster::read(u16 offset) const {
    switch (offset) {
        case 0:
            return command_;
        case 2:
            return status_;
        case 4:
        case 5:
        case 6:
        case 7:
            return static_cast<u8>(table_ >> 8 * (offset - 4));
        default:
            return 0;
    }
}

bool BusMaster::write(u16 offset, u8 value) {
    if (offset == 0) {
        const bool starts = (value & ~command_ & kStart) != 0;
        command_ = value & (kStart | kToMemory);
        if ((value & kStart) == 0) status_ = static_cast<u8>(status_ & ~kActive);
        if (!starts) return false;
        status_ |= kActive;
        next_ = table_;
        left_ = 0;
        last_ = false;
        return true;
    }
    if (offset == 2) {  // ones clear the two events
        const u8 events = static_cast<u8>(status_ & ~value & (kFailed | kInterrupt));
        status_ = static_cast<u8>((status_ & kActive) | events | (value & kDrivesCapable));
    }
    if (offset >= 4) {
        const unsigned shift = 8u * (offset - 4);
        table_ = ((table_ & ~(0xffu << shift)) | u32{value} << shift) & ~3u;
    }
    return false;
}

/// The engine is done when the descriptors are used up at the same time; else it stays active (table 2 of 1.0).
void BusMaster::interrupt() {
    status_ |= kInterrupt;
    if (last_ && left_ == 0) stop(kInterrupt);
}

bool BusMaster::next_descriptor() {
    if (last_) return stop(0), false;
    u32 entry[2];
    u8 bytes[sizeof entry];
    if (!memory_.dma_read(next_, bytes)) return stop(kFailed), false;
    std::memcpy(entry, bytes, sizeof entry);
    region_ = entry[0] & ~1u;
    left_ = (entry[1] & 0xfffe) != 0 ? entry[1] & 0xfffe : 0x10000;
    last_ = (entry[1] & 0x80000000) != 0;
    next_ += sizeof entry;
    return true;
}

template <class Move>
std::size_t BusMaster::run(std::size_t bytes, Move move) {
    std::size_t done = 0;
    while (done < bytes && running()) {
        if (left_ == 0 && !next_descriptor()) break;
        const u32 n = static_cast<u32>(std::min<std::size_t>(left_, bytes - done));
        if (!move(region_, done, n)) {
            stop(kFailed);
            break;
        }
        region_ += n;
        left_ -= n;
        done += n;
    }
    return done;
}

std::size_t BusMaster::to_memory(std::span<const u8> from) {
    if ((command_ & kToMemory) == 0) return 0;
    return run(from.size(),
               [&](Gpa at, std::size_t done, u32 n) { return memory_.dma_write(at, from.subspan(done, n)); });
}

std::size_t BusMaster::from_memory(std::span<u8> to) {
    if ((command_ & kToMemory) != 0) return 0;
    return run(to.size(), [&](Gpa at, std::size_t done, u32 n) { return memory_.dma_read(at, to.subspan(done, n)); });
}

void BusMaster::reset() {
    command_ = status_ = 0;
    table_ = next_ = region_ = left_ = 0;
    last_ = false;
}

void BusMaster::visit(StateArchive& archive) {
    archive.fields(command_, status_, table_, next_, region_, left_, last_);
}

}  // namespace twin86
