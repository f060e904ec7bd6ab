#include "bios/memory_map.h"

#include <algorithm>

#include "base/bits.h"
#include "base/check.h"

namespace twin86 {

MemoryMap pc_memory_map(u64 low_size, u64 high_size, const MemoryMap& firmware) {
    MemoryMap map;
    const auto add = [&map](Gpa base, Gpa end, MemoryType type) {
        if (end > base) map.push_back({base, end - base, type});
    };
    add(0, std::min<u64>(low_size, kEbdaBase), MemoryType::kUsable);
    add(kEbdaBase, kVideoHole, MemoryType::kReserved);
    add(kBiosArea, kExtendedMemory, MemoryType::kReserved);
    const Gpa usable_end = firmware.empty() ? low_size : firmware.front().base;
    add(kExtendedMemory, usable_end, MemoryType::kUsable);
    map.insert(map.end(), firmware.begin(), firmware.end());
    add(kHighMemory, kHighMemory + high_size, MemoryType::kUsable);
    return map;
}

void reserve(MemoryMap& map, const MemoryRange& range) {
    const auto after = std::find_if(map.begin(), map.end(), [&](const MemoryRange& r) { return r.base > range.base; });
    map.insert(after, range);
}

BootAllocator::BootAllocator(const MemoryMap& map) {
    for (const MemoryRange& range : map)
        if (range.type == MemoryType::kUsable && range.size != 0) free_.push_back({range.base, range.end()});
    std::sort(free_.begin(), free_.end(), [](const Piece& a, const Piece& b) { return a.base < b.base; });
}

bool BootAllocator::claim(Gpa base, u64 size) {
    if (size == 0) return true;
    if (base + size < base) return false;
    const auto piece = std::find_if(free_.begin(), free_.end(),
                                    [&](const Piece& p) { return p.base <= base && base + size <= p.end; });
    if (piece == free_.end()) return false;
    const Piece rest{base + size, piece->end};
    piece->end = base;
    if (rest.base < rest.end) free_.insert(piece + 1, rest);
    std::erase_if(free_, [](const Piece& p) { return p.base == p.end; });
    return true;
}

std::optional<Gpa> BootAllocator::lowest(u64 size, u64 alignment, Gpa from, Gpa to) {
    for (const Piece& piece : free_) {
        const Gpa start = std::max(piece.base, from);
        const Gpa base = align_up(start, alignment);
        const Gpa end = std::min(piece.end, to);
        if (base < start || base > end || end - base < size) continue;
        CHECK(claim(base, size), "{:#x} + {:#x}", base, size);
        return base;
    }
    return std::nullopt;
}

std::optional<Gpa> BootAllocator::highest(u64 size, u64 alignment, Gpa from, Gpa to) {
    for (auto piece = free_.rbegin(); piece != free_.rend(); ++piece) {
        const Gpa end = std::min(piece->end, to);
        if (end < size) continue;
        const Gpa base = align_down(end - size, alignment);
        if (base < std::max(piece->base, from)) continue;
        CHECK(claim(base, size), "{:#x} + {:#x}", base, size);
        return base;
    }
    return std::nullopt;
}

u64 BootAllocator::largest(Gpa from, Gpa to) const {
    u64 most = 0;
    for (const Piece& piece : free_) {
        const Gpa base = std::max(piece.base, from);
        const Gpa end = std::min(piece.end, to);
        if (end > base) most = std::max(most, end - base);
    }
    return most;
}

}  // namespace twin86
