#include "mmu/phys_map.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/bits.h"

namespace twin86 {

namespace {

u64 entry_for(Hva host, bool writable) {
    return reinterpret_cast<u64>(host) | kPageReadable | (writable ? kPageWritable | kPageDirtyAll : 0);
}

u64 bytes_left_in_page(Gpa address) { return kPageSize - address % kPageSize; }

/// Powers of two are single host accesses, as atomic as the guest's own.
u64 load(Hva at, unsigned size) {
    switch (size) {
        case 1: return *at;
        case 2: return __atomic_load_n(reinterpret_cast<u16*>(at), __ATOMIC_RELAXED);
        case 4: return __atomic_load_n(reinterpret_cast<u32*>(at), __ATOMIC_RELAXED);
        case 8: return __atomic_load_n(reinterpret_cast<u64*>(at), __ATOMIC_RELAXED);
        default: break;
    }
    u64 value = 0;
    std::memcpy(&value, at, size);
    return value;
}

void store(Hva at, unsigned size, u64 value) {
    switch (size) {
        case 1: *at = static_cast<u8>(value); return;
        case 2: __atomic_store_n(reinterpret_cast<u16*>(at), static_cast<u16>(value), __ATOMIC_RELAXED); return;
        case 4: __atomic_store_n(reinterpret_cast<u32*>(at), static_cast<u32>(value), __ATOMIC_RELAXED); return;
        case 8: __atomic_store_n(reinterpret_cast<u64*>(at), value, __ATOMIC_RELAXED); return;
        default: std::memcpy(at, &value, size);
    }
}

/// The widest of 1, 2, 4, 8 that fits into the rest.
unsigned mmio_chunk(unsigned rest) { return rest >= 8 ? 8 : rest >= 4 ? 4 : rest >= 2 ? 2 : 1; }

}  // namespace

Result<std::unique_ptr<PhysMap>> PhysMap::create(GuestRam& ram, u64 low_size, MmioBus& bus, Gpa limit) {
    CHECK(low_size % kPageSize == 0 && low_size <= ram.size() && low_size <= kHighRamBase, "low RAM of {:#x}", low_size);
    const Gpa end = std::max(limit, kHighRamBase + (ram.size() - low_size));
    auto table = HostPages::create(align_up(end, kPageSize) / kPageSize * sizeof(u64), "the page table of guest memory");
    if (!table) return table.failure();
    return std::unique_ptr<PhysMap>(new PhysMap(ram, low_size, bus, table.take()));
}

PhysMap::PhysMap(GuestRam& ram, u64 low_size, MmioBus& bus, HostPages table)
    : ram_(ram), low_size_(low_size), bus_(bus), table_(std::move(table)) {
    pages_ = {reinterpret_cast<u64*>(table_.base()), table_.size() / sizeof(u64), ram_.granules()};
    const auto fill = [this](Gpa base, u64 size) {
        for (Gpa page = base; page < base + size; page += kPageSize) pages_.entries[page / kPageSize] = ram_entry(page);
    };
    fill(0, low_size_);
    fill(kHighRamBase, high_size());
}

// ---- layout ----------------------------------------------------------------------------------------------------------

u64 PhysMap::ram_entry(Gpa page) const {
    if (page < low_size_) return entry_for(ram_.base() + page, true);
    if (page >= kHighRamBase && page - kHighRamBase < high_size()) return entry_for(ram_.base() + low_size_ + (page - kHighRamBase), true);
    return 0;
}

const PhysMap::Region* PhysMap::top_region(Gpa page) const {
    const auto at = std::find_if(regions_.rbegin(), regions_.rend(), [page](const Region& r) { return r.covers(page); });
    return at == regions_.rend() ? nullptr : &*at;
}

u64 PhysMap::region_entry(Gpa page) const {
    const Region* r = top_region(page);
    if (r == nullptr) return 0;
    return entry_for(r->host + (page - r->base), r->writable) | (r->writes_trap ? u64{kPageWritesTrap} : 0);
}

u64 PhysMap::natural_entry(Gpa page) const {
    const u64 entry = region_entry(page);
    return entry != 0 ? entry : ram_entry(page);
}

/// Puts entry_of(page, old entry) into the table and tells the listeners.
template <class EntryOf>
void PhysMap::replace(Gpa base, u64 size, EntryOf entry_of) {
    const u64 end = std::min(align_up(base + size, kPageSize), pages_.count * kPageSize);
    base = align_down(base, kPageSize);
    if (base >= end) return;
    for (Gpa page = base; page < end; page += kPageSize) {
        u64& slot = pages_.entries[page / kPageSize];
        const u64 old = __atomic_load_n(&slot, __ATOMIC_ACQUIRE);
        __atomic_store_n(&slot, entry_of(page, old) | (old & kPageHasCode), __ATOMIC_SEQ_CST);
        if ((old & kPageHasCode) == 0) continue;
        code_was_written(page, kPageSize);
        if (page_is_mmio(slot)) pages_.clear_flags(page, kPageHasCode);
    }
    changed(base, end - base);
}

void PhysMap::changed(Gpa base, u64 size) {
    for (PhysMapListener* l : listeners_) l->range_remapped(base, size);
}

Mapping PhysMap::allow_late_writes(Gpa base, u64 size) {
    const GpaRange range{base, size};
    late_writes_.push_back(range);
    changed(base, size);
    return Mapping([this, range] {
        late_writes_.erase(std::find(late_writes_.begin(), late_writes_.end(), range));
        changed(range.base, range.size);
    });
}

Status PhysMap::map_rom(Gpa base, std::span<const u8> image, std::string name) {
    CHECK(base % kPageSize == 0 && !image.empty(), "ROM {} of {} bytes at {:#x}", name, image.size(), base);
    const u64 size = align_up(image.size(), kPageSize);
    auto pages = HostPages::create(size, name.c_str());
    if (!pages) return pages.failure();
    std::memcpy(pages->base(), image.data(), image.size());
    std::memset(pages->base() + image.size(), 0xff, size - image.size());
    regions_.push_back({base, size, pages->base(), false, false, std::move(name)});
    rom_images_.push_back(pages.take());
    replace(base, size, [this](Gpa page, u64) { return region_entry(page); });
    return {};
}

Mapping PhysMap::map_memory(Gpa base, u64 size, Hva host, bool writable, std::string name) {
    CHECK(((base | size | reinterpret_cast<u64>(host)) % kPageSize) == 0 && size > 0, "{} at {:#x}, {:#x} bytes", name, base, size);
    return map_region({base, size, host, writable, false, std::move(name)});
}

Mapping PhysMap::map_flash(Gpa base, u64 size, Hva host, std::string name) {
    CHECK(((base | size | reinterpret_cast<u64>(host)) % kPageSize) == 0 && size > 0, "{} at {:#x}, {:#x} bytes", name, base, size);
    return map_region({base, size, host, false, true, std::move(name)});
}

Mapping PhysMap::map_region(const Region& region) {
    const auto [base, size] = std::pair(region.base, region.size);
    regions_.push_back(region);
    replace(base, size, [this](Gpa page, u64) { return region_entry(page); });
    return Mapping([this, region] { unmap(region); });
}

void PhysMap::unmap(const Region& region) {
    const auto same = [&](const Region& r) { return r.base == region.base && r.host == region.host && r.size == region.size; };
    const auto at = std::find_if(regions_.begin(), regions_.end(), same);
    CHECK(at != regions_.end(), "{} at {:#x} unmapped twice", region.name, region.base);
    regions_.erase(at);
    replace(region.base, region.size, [&](Gpa page, u64 old) {
        const bool ours = page_host(old) == region.host + (page - region.base) && !page_is_mmio(old);
        return ours ? natural_entry(page) : old;
    });
}

void PhysMap::remap(Gpa base, u64 size, Backing backing) {
    CHECK((base | size) % kPageSize == 0, "remap of {:#x}+{:#x}", base, size);
    replace(base, size, [this, backing](Gpa page, u64) -> u64 {
        switch (backing) {
            case Backing::kRam: return ram_entry(page);
            case Backing::kRamReadOnly: return ram_entry(page) & ~u64{kPageWritable};
            case Backing::kRom: return region_entry(page);
            case Backing::kMmio: break;
        }
        return 0;
    });
}

void PhysMap::set_a20(bool driven) {
    if (driven == a20()) return;
    pages_.driven = driven ? ~u64{0} : ~u64{MiB};
    for (PhysMapListener* l : listeners_) l->address_lines_changed();
}

std::string PhysMap::name_of(Gpa page, Hva host) const {
    for (auto r = regions_.rbegin(); r != regions_.rend(); ++r)
        if (r->covers(page) && r->host + (page - r->base) == host) return r->name;
    return "ram";
}

std::vector<HostRange> PhysMap::host_ranges() const {
    std::vector<HostRange> all;
    for (u64 n = 0; n < pages_.count; ++n) {
        const u64 entry = pages_.entry(n * kPageSize);
        if (page_is_mmio(entry)) continue;
        const Gpa page = n * kPageSize;
        if (!all.empty()) {
            HostRange& last = all.back();
            if (last.base + last.size == page && last.host + last.size == page_host(entry) && last.writable == page_is_ram(entry)) {
                last.size += kPageSize;
                continue;
            }
        }
        all.push_back({page, kPageSize, page_host(entry), page_is_ram(entry), name_of(page, page_host(entry))});
    }
    return all;
}

// ---- accesses --------------------------------------------------------------------------------------------------------

u64 PhysMap::mmio_read(Gpa address, unsigned size) {
    u64 value = 0;
    for (unsigned done = 0; done < size;) {
        const unsigned n = mmio_chunk(size - done);
        value |= truncate(bus_.read(address + done, n), n) << (done * 8);
        done += n;
    }
    return value;
}

void PhysMap::mmio_write(Gpa address, unsigned size, u64 value) {
    for (unsigned done = 0; done < size;) {
        const unsigned n = mmio_chunk(size - done);
        bus_.write(address + done, n, truncate(value >> (done * 8), n));
        done += n;
    }
}

u64 PhysMap::read(Gpa address, unsigned size) {
    const u64 left = bytes_left_in_page(address);
    if (size > left) [[unlikely]] {
        const unsigned first = static_cast<unsigned>(left);
        return read(address, first) | read(address + first, size - first) << (first * 8);
    }
    const u64 entry = pages_.entry(address);
    if (page_is_mmio(entry)) return mmio_read(address, size);
    return load(page_host(entry) + address % kPageSize, size);
}

void PhysMap::write(Gpa address, unsigned size, u64 value) {
    const u64 left = bytes_left_in_page(address);
    if (size > left) [[unlikely]] {
        const unsigned first = static_cast<unsigned>(left);
        write(address, first, truncate(value, first));
        return write(address + first, size - first, value >> (first * 8));
    }
    const u64 entry = pages_.entry(address);
    if (page_writes_trap(entry)) return mmio_write(address, size, value);
    if (!page_is_ram(entry)) return;
    store(page_host(entry) + address % kPageSize, size, value);
    after_write(address, size, entry);
}

bool PhysMap::dma_read(Gpa address, std::span<u8> to) {
    const std::span<u8> whole = to;
    for (; !to.empty();) {
        const u64 n = std::min<u64>(bytes_left_in_page(address), to.size());
        const u64 entry = pages_.entry(address);
        if (page_is_mmio(entry)) {
            std::fill(whole.begin(), whole.end(), u8{0});
            return false;
        }
        std::memcpy(to.data(), page_host(entry) + address % kPageSize, n);
        to = to.subspan(n);
        address += n;
    }
    return true;
}

bool PhysMap::dma_write(Gpa address, std::span<const u8> from) {
    for (; !from.empty();) {
        const u64 n = std::min<u64>(bytes_left_in_page(address), from.size());
        const u64 entry = pages_.entry(address);
        if (!page_is_ram(entry)) return false;
        ++dma_writes_;
        pages_.ram.touch(page_host(entry));
        std::memcpy(page_host(entry) + address % kPageSize, from.data(), n);
        after_write(address, n, entry);
        from = from.subspan(n);
        address += n;
    }
    return true;
}

// ---- tracking --------------------------------------------------------------------------------------------------------

/// The flag is read again after the data is visible: the translator marks a page first and reads its bytes afterwards,
/// so that one of the two sees the other.
void PhysMap::after_write(Gpa address, u64 size, u64 entry) {
    pages_.mark_dirty(address, entry);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if ((pages_.entry(address) & kPageHasCode) != 0) code_was_written(address, size);
}

void PhysMap::code_was_written(Gpa address, u64 size) {
    for (CodeWriteListener* l : code_listeners_) l->code_written(address, size);
}

void PhysMap::written(Gpa address, u64 size) {
    while (size > 0) {
        const u64 n = std::min(bytes_left_in_page(address), size);
        if (const u64 entry = pages_.entry(address); page_is_ram(entry)) after_write(address, n, entry);
        address += n;
        size -= n;
    }
}

void PhysMap::set_has_code(Gpa page, bool on) {
    if (page_is_mmio(pages_.entry(page))) return;
    if (!on) {
        const bool wanted = std::any_of(code_listeners_.begin(), code_listeners_.end(),
                                        [page](const CodeWriteListener* l) { return l->has_code(page); });
        if (!wanted) pages_.clear_flags(page, kPageHasCode);
        return;
    }
    if ((pages_.set_flags(page, kPageHasCode) & kPageHasCode) != 0) return;
    for (PhysMapListener* l : listeners_) l->writes_protected(align_down(page, kPageSize), kPageSize);
}

void PhysMap::take_dirty(Gpa base, u64 size, PageFlag client, std::vector<Gpa>& pages) {
    const Gpa end = std::min(base + size, pages_.count * kPageSize);
    for (PhysMapListener* l : listeners_) l->collect_dirty(base, size);
    Gpa run = base, at = align_down(base, kPageSize);
    const auto close_run = [&](Gpa upto) {
        if (upto > run)
            for (PhysMapListener* l : listeners_) l->writes_protected(run, upto - run);
    };
    for (run = at; at < end; at += kPageSize) {
        if ((pages_.entry(at) & client) != 0) {
            pages_.clear_flags(at, client);
            pages.push_back(at);
            continue;
        }
        close_run(at);
        run = at + kPageSize;
    }
    close_run(at);
}

}  // namespace twin86
