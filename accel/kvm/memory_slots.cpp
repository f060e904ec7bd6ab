#include "accel/kvm/memory_slots.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bits.h"

namespace twin86::kvm {

namespace {

bool same(const HostRange& a, const HostRange& b) {
    return a.base == b.base && a.size == b.size && a.host == b.host && a.writable == b.writable;
}

Error slot_error(const HostRange& range, int cause) {
    const char* const remedy = cause == ENOMEM ? " (a smaller -m, or a higher 'ulimit -l')" : "";
    return error("KVM refuses memory at {:#x}, {} KiB of {}: {}{}", range.base, range.size / KiB, range.name,
                 std::strerror(cause), remedy);
}

}  // namespace

MemorySlots::MemorySlots(KvmVm& vm, PhysMap& phys, bool late_writes)
    : vm_(vm), phys_(phys), late_writes_(late_writes), zones_(vm) {
    phys_.add_listener(*this);
}

MemorySlots::~MemorySlots() {
    phys_.remove_listener(*this);
}

void MemorySlots::range_remapped(Gpa, u64) { old_ = true; }

Status MemorySlots::update() {
    if (!old_.exchange(false)) return {};
    const std::scoped_lock held(lock_);
    ++updates_;
    if (late_writes_) zones_.update(phys_.late_writes());
    const std::vector<HostRange> wanted = phys_.host_ranges();
    const auto stays = [&](const Slot& s) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const HostRange& r) { return same(r, s.range); });
    };
    // What goes first: slots must not overlap.
    for (const Slot& s : slots_)
        if (!stays(s))
            if (const Status status = remove(s); !status) return status;
    std::erase_if(slots_, [&](const Slot& s) { return !stays(s); });
    for (const HostRange& r : wanted) {
        if (std::any_of(slots_.begin(), slots_.end(), [&](const Slot& s) { return same(s.range, r); })) continue;
        if (const Status status = add(r); !status) return status;
    }
    return {};
}

u32 MemorySlots::free_number() const {
    for (u32 n = 0;; ++n)
        if (std::none_of(slots_.begin(), slots_.end(), [n](const Slot& s) { return s.number == n; })) return n;
}

Status MemorySlots::add(const HostRange& range) {
    slots_.push_back({free_number(), range, watching_code_ && range.writable});
    return set(slots_.back());
}

Status MemorySlots::set(const Slot& slot) {
    const HostRange& r = slot.range;
    const u32 flags = (r.writable ? 0 : KVM_MEM_READONLY) | (slot.logged ? KVM_MEM_LOG_DIRTY_PAGES : 0);
    const int result = vm_.set_slot(slot.number, r.base, r.size, r.host, flags);
    return result < 0 ? Status(slot_error(r, -result)) : Status();
}

/// The log goes with the slot.
Status MemorySlots::remove(const Slot& slot) {
    if (slot.logged) take_log(slot);
    const int result = vm_.set_slot(slot.number, slot.range.base, 0, slot.range.host, 0);
    return result < 0 ? Status(slot_error(slot.range, -result)) : Status();
}

Status MemorySlots::zap() {
    const std::scoped_lock held(lock_);
    const auto smallest = std::min_element(slots_.begin(), slots_.end(),
                                           [](const Slot& a, const Slot& b) { return a.range.size < b.range.size; });
    if (smallest == slots_.end()) return {};
    ++zaps_;
    if (const Status s = remove(*smallest); !s) return s;
    return set(*smallest);
}

void MemorySlots::collect_dirty(Gpa base, u64 size) {
    const std::scoped_lock held(lock_);
    for (Slot& s : slots_)
        if (s.range.writable && base < s.range.base + s.range.size && s.range.base < base + size)
            collect(s, base, size);
}

/// The first call for a slot switches its log on and counts every page as written.
void MemorySlots::collect(Slot& slot, Gpa base, u64 size) {
    if (slot.logged) return take_log(slot);
    slot.logged = true;
    (void)set(slot);
    const Gpa from = std::max(base, slot.range.base), to = std::min(base + size, slot.range.base + slot.range.size);
    for (Gpa page = from; page < to; page += kPageSize) written(page);
}

/// All of it, since reading clears.
void MemorySlots::take_log(const Slot& slot) {
    std::vector<u64> bitmap(align_up(slot.range.size / kPageSize, 64) / 64);
    if (vm_.get_dirty_log(slot.number, bitmap.data()) < 0) std::fill(bitmap.begin(), bitmap.end(), ~u64{0});
    const u64 pages = slot.range.size / kPageSize;
    for (u64 word = 0; word < bitmap.size(); ++word)
        for (u64 bits = bitmap[word]; bits != 0; bits &= bits - 1)
            if (const u64 n = word * 64 + static_cast<unsigned>(std::countr_zero(bits)); n < pages)
                written(slot.range.base + n * kPageSize);
}

void MemorySlots::written(Gpa page) {
    const u64 entry = phys_.pages().entry(page);
    phys_.pages().mark_dirty(page, entry);
    if ((entry & kPageHasCode) != 0) phys_.written(page, kPageSize);
}

void MemorySlots::watch_code() {
    const std::scoped_lock held(lock_);
    watching_code_ = true;
    for (Slot& s : slots_)
        if (s.range.writable && !std::exchange(s.logged, true)) (void)set(s);
}

void MemorySlots::report_code_writes() {
    const std::scoped_lock held(lock_);
    for (const Slot& s : slots_)
        if (s.logged) take_log(s);
}

}  // namespace twin86::kvm
