#include "devices/pci/msix.h"

#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "base/check.h"

namespace twin86 {
namespace {

constexpr u32 kMasked = 1;  // of Vector Control; the other bits are reserved
constexpr u32 kLeastWindow = 4096;
// Dwords of an entry.
constexpr unsigned kAddressLow = 0, kAddressHigh = 1, kData = 2;

}  // namespace

/// The array is in the upper half of the window, away from the table.
Msix::Msix(unsigned vectors, Send send)
    : send_(std::move(send)), window_(std::max(kLeastWindow, std::bit_ceil(2 * vectors * kEntryBytes))), entries_(vectors) {
    CHECK(vectors >= 1 && vectors <= kMostVectors, "MSI-X with {} vectors", vectors);
}

Msix::Entry& Msix::entry(unsigned vector) {
    CHECK(vector < entries_.size(), "MSI-X vector {} of {}", vector, entries_.size());
    return entries_[vector];
}

bool Msix::sendable(const Entry& entry) const {
    return (control_ & (kEnable | kFunctionMask)) == kEnable && (entry.control & kMasked) == 0;
}

void Msix::send_pending(Entry& entry) {
    if (!entry.pending || !sendable(entry)) return;
    entry.pending = false;
    send_(u64{entry.address_high} << 32 | entry.address_low, entry.data);
}

void Msix::set_control(u16 control) {
    control_ = control & (kEnable | kFunctionMask);
    for (Entry& entry : entries_) send_pending(entry);
}

void Msix::trigger(unsigned vector) {
    if (!enabled()) return;
    entry(vector).pending = true;
    send_pending(entry(vector));
}

void Msix::reset() {
    control_ = 0;
    std::fill(entries_.begin(), entries_.end(), Entry{});
}

u32 Msix::pending_dword(u64 first) const {
    u32 bits = 0;
    for (u64 n = 0; n < 32 && first + n < entries_.size(); ++n) bits |= u32{entries_[first + n].pending} << n;
    return bits;
}

u32 Msix::dword(u64 offset) const {
    if (offset >= pending_offset()) return pending_dword((offset - pending_offset()) * 8);
    if (offset / kEntryBytes >= entries_.size()) return 0;
    const Entry& entry = entries_[offset / kEntryBytes];
    switch (offset % kEntryBytes / 4) {
        case kAddressLow:
            return entry.address_low;
        case kAddressHigh:
            return entry.address_high;
        case kData:
            return entry.data;
        default:
            return entry.control;
    }
}

void Msix::write_dword(u64 offset, u32 value) {
    if (offset / kEntryBytes >= entries_.size()) return;  // the pending bits are read-only
    Entry& entry = entries_[offset / kEntryBytes];
    switch (offset % kEntryBytes / 4) {
        case kAddressLow:
            entry.address_low = value & ~3u;
            return;
        case kAddressHigh:
            entry.address_high = value;
            return;
        case kData:
            entry.data = value;
            return;
        default:
            entry.control = value & kMasked;
            return send_pending(entry);
    }
}

/// Aligned dwords and quadwords; what others give is undefined. 6.8.2, "MSI-X table structure".
u64 Msix::mmio_read(u64 offset, unsigned size) {
    if (size < 4 || offset % size != 0) return ~u64{0};
    return size == 4 ? dword(offset) : u64{dword(offset + 4)} << 32 | dword(offset);
}

void Msix::mmio_write(u64 offset, unsigned size, u64 value) {
    if (size < 4 || offset % size != 0) return;
    write_dword(offset, static_cast<u32>(value));
    if (size == 8) write_dword(offset + 4, static_cast<u32>(value >> 32));
}

void Msix::visit(StateArchive& archive) {
    for (Entry& entry : entries_) {
        archive.fields(entry.address_low, entry.address_high, entry.data, entry.control, entry.pending);
        if (archive.loading()) entry.address_low &= ~3u, entry.control &= kMasked;
    }
}

}  // namespace twin86
