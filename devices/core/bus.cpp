#include "devices/core/bus.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

IoBus::IoBus() : index_(65536, 0), slots_(1) {}

Mapping IoBus::map(IoPort base, u32 size, IoHandler& handler, std::string name, u8 sizes) {
    CHECK(size > 0 && base + size <= 65536, "ports {:#x}+{:#x} of {}", base, size, name);
    CHECK(sizes != 0, "{} takes no access size", name);
    for (u32 p = base; p < base + size; ++p)
        CHECK(index_[p] == 0, "port {:#x} is claimed by {} and {}", p, slots_[index_[p]].name, name);
    std::size_t n = 1;
    while (n < slots_.size() && slots_[n].handler != nullptr) ++n;
    CHECK(n < 256, "too many port ranges");
    if (n == slots_.size()) slots_.emplace_back();
    slots_[n] = Slot{base, size, &handler, sizes, std::move(name), {}};
    std::fill_n(index_.begin() + base, size, static_cast<u8>(n));
    replace(slots_[n].doorbells, handler.doorbells());
    return Mapping([this, n] {
        std::fill_n(index_.begin() + slots_[n].base, slots_[n].size, u8{0});
        replace(slots_[n].doorbells, {});
        slots_[n] = Slot{};
    });
}

std::vector<Doorbell> IoBus::doorbells() const {
    std::vector<Doorbell> all;
    for (const Slot& s : slots_) append(all, s.doorbells, s.base, true);
    return all;
}

void IoBus::doorbells_changed(const IoHandler& of) {
    for (Slot& s : slots_)
        if (s.handler == &of) replace(s.doorbells, of.doorbells());
}

const IoBus::Slot* IoBus::find(IoPort port) const {
    const u8 n = index_[port];
    return n == 0 ? nullptr : &slots_[n];
}

u32 IoBus::read(IoPort port, unsigned size) {
    const Slot* slot = find(port);
    if (slot == nullptr) {
        ++counters_.unmapped_reads;
        return static_cast<u32>(truncate(~u64{0}, size));
    }
    ++counters_.reads;
    const u16 offset = static_cast<u16>(port - slot->base);
    if ((slot->sizes & size) != 0 && offset + size <= slot->size) return slot->handler->io_read(offset, size);
    if (size == 1) {  // the handler wants wider accesses: read the containing unit
        const unsigned unit = (slot->sizes & kWord) != 0 ? 2 : 4;
        const u16 start = static_cast<u16>(align_down(offset, unit));
        return (slot->handler->io_read(start, unit) >> ((offset - start) * 8)) & 0xff;
    }
    const unsigned half = size / 2;
    const u32 low = read(port, half);
    return low | read(static_cast<IoPort>(port + half), half) << (half * 8);
}

void IoBus::write(IoPort port, unsigned size, u32 value) {
    const Slot* slot = find(port);
    if (slot == nullptr) {
        ++counters_.unmapped_writes;
        return;
    }
    ++counters_.writes;
    const u16 offset = static_cast<u16>(port - slot->base);
    if ((slot->sizes & size) != 0 && offset + size <= slot->size) return slot->handler->io_write(offset, size, value);
    if (size == 1) return slot->handler->io_write(offset, (slot->sizes & kWord) != 0 ? 2 : 4, value);
    const unsigned half = size / 2;
    write(port, half, static_cast<u32>(truncate(value, half)));
    write(static_cast<IoPort>(port + half), half, value >> (half * 8));
}

bool IoBus::is_free(IoPort base, u32 size) const {
    const auto first = index_.begin() + base;
    return std::all_of(first, first + size, [](u8 n) { return n == 0; });
}

std::vector<BusRange> IoBus::ranges() const {
    std::vector<BusRange> all;
    for (const Slot& s : slots_)
        if (s.handler != nullptr) all.push_back({s.base, s.size, s.name});
    std::sort(all.begin(), all.end(), [](const BusRange& a, const BusRange& b) { return a.base < b.base; });
    return all;
}

Mapping MmioBus::map(Gpa base, u64 size, MmioHandler& handler, std::string name) {
    CHECK(size > 0 && base + size > base, "range {:#x}+{:#x} of {}", base, size, name);
    for (const Slot& s : slots_)
        CHECK(base + size <= s.base || s.base + s.size <= base, "{} overlaps {} at {:#x}", name, s.name, base);
    const auto at = std::lower_bound(slots_.begin(), slots_.end(), base, [](const Slot& s, Gpa b) { return s.base < b; });
    const auto slot = slots_.insert(at, Slot{base, size, &handler, std::move(name)});
    replace(slot->doorbells, handler.doorbells());
    return Mapping([this, base] {
        for (Slot& s : slots_)
            if (s.base == base) replace(s.doorbells, {});
        std::erase_if(slots_, [base](const Slot& s) { return s.base == base; });
    });
}

std::vector<Doorbell> MmioBus::doorbells() const {
    std::vector<Doorbell> all;
    for (const Slot& s : slots_) append(all, s.doorbells, s.base, false);
    return all;
}

void MmioBus::doorbells_changed(const MmioHandler& of) {
    for (Slot& s : slots_)
        if (s.handler == &of) replace(s.doorbells, of.doorbells());
}

Mapping MmioBus::map_in_front(Gpa base, u64 size, MmioHandler& handler, std::string name) {
    CHECK(!front_, "{} in front of {}", name, front_->name);
    front_ = Slot{base, size, &handler, std::move(name)};
    return Mapping([this] { front_.reset(); });
}

const MmioBus::Slot* MmioBus::find(Gpa address) const {
    if (front_ && address - front_->base < front_->size) return &*front_;
    return find_behind(address);
}

const MmioBus::Slot* MmioBus::find_behind(Gpa address) const {
    auto at = std::upper_bound(slots_.begin(), slots_.end(), address, [](Gpa a, const Slot& s) { return a < s.base; });
    if (at == slots_.begin()) return nullptr;
    --at;
    return address - at->base < at->size ? &*at : nullptr;
}

bool MmioBus::is_free(Gpa base, u64 size) const {
    const auto behind = std::upper_bound(slots_.begin(), slots_.end(), base, [](Gpa a, const Slot& s) { return a < s.base; });
    return find_behind(base) == nullptr && (behind == slots_.end() || behind->base - base >= size);
}

u64 MmioBus::read(Gpa address, unsigned size) {
    const Slot* slot = find(address);
    if (slot == nullptr) {
        ++counters_.unmapped_reads;
        return truncate(~u64{0}, size);
    }
    ++counters_.reads;
    return truncate(slot->handler->mmio_read(address - slot->base, size), size);
}

void MmioBus::write(Gpa address, unsigned size, u64 value) {
    const Slot* slot = find(address);
    if (slot == nullptr) {
        ++counters_.unmapped_writes;
        return;
    }
    ++counters_.writes;
    slot->handler->mmio_write(address - slot->base, size, truncate(value, size));
}

std::vector<BusRange> MmioBus::ranges() const {
    std::vector<BusRange> all;
    for (const Slot& s : slots_) all.push_back({s.base, s.size, s.name});
    if (front_) all.push_back({front_->base, front_->size, front_->name});
    std::sort(all.begin(), all.end(), [](const BusRange& a, const BusRange& b) { return a.base < b.base; });
    return all;
}

}  // namespace twin86
