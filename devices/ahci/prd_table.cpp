#include "devices/ahci/prd_table.h"

#include <algorithm>
#include <cstring>

namespace twin86 {

void PrdTable::start(Gpa base, u32 entries) {
    next_ = base;
    entries_ = entries;
    left_ = moved_ = 0;
}

/// Counts are one less than the bytes and always odd.
bool PrdTable::next_region() {
    if (entries_ == 0) return false;
    struct Entry {
        u64 base;
        u32 reserved, count;
    } entry{};
    static_assert(sizeof(Entry) == kEntryBytes);
    u8 bytes[kEntryBytes];
    if (!memory_.dma_read(next_, bytes)) return false;
    std::memcpy(&entry, bytes, sizeof entry);
    --entries_;
    next_ += kEntryBytes;
    region_ = entry.base & ~u64{1};
    left_ = (entry.count & 0x3fffff | 1) + 1;
    return true;
}

template <class Move>
std::size_t PrdTable::run(std::size_t bytes, Move move) {
    std::size_t done = 0;
    while (done < bytes) {
        if (left_ == 0 && !next_region()) break;
        const u32 n = static_cast<u32>(std::min<std::size_t>(left_, bytes - done));
        if (!move(region_, done, n)) break;
        region_ += n;
        left_ -= n;
        done += n;
    }
    moved_ += static_cast<u32>(done);
    return done;
}

std::size_t PrdTable::to_memory(std::span<const u8> from) {
    return run(from.size(), [&](Gpa at, std::size_t done, u32 n) { return memory_.dma_write(at, from.subspan(done, n)); });
}

std::size_t PrdTable::from_memory(std::span<u8> to) {
    return run(to.size(), [&](Gpa at, std::size_t done, u32 n) { return memory_.dma_read(at, to.subspan(done, n)); });
}

}  // namespace twin86
