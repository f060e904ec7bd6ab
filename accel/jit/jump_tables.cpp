#include "accel/jit/jump_tables.h"

#include <algorithm>

#include "base/check.h"

namespace twin86::jit {

namespace {
constexpr u64 kTableSize = u64{kJumpTableEntries} * sizeof(JumpEntry);
}

Result<JumpTables> JumpTables::create() {
    auto pages = HostPages::create(kCount * kTableSize, "jump tables");
    if (!pages) return pages.failure();
    return JumpTables(pages.take());
}

JumpTables::JumpTables(HostPages pages) : pages_(std::move(pages)) {}

JumpEntry* JumpTables::entries(std::size_t slot) const {
    return reinterpret_cast<JumpEntry*>(pages_.base() + slot * kTableSize);
}

JumpTables::Table JumpTables::of(const JumpSpace& space, bool& taken) {
    const auto found = std::ranges::find_if(slots_, [&](const Slot& s) { return s.in_use && s.space == space; });
    std::size_t at = static_cast<std::size_t>(found - slots_.begin());
    if (found == slots_.end()) {
        at = take();
        taken |= slots_[at].in_use;
        empty(at);
        CHECK(next_salt_ <= kLastSalt, "no salt for a jump table");
        slots_[at].space = space;
        slots_[at].in_use = true;
        slots_[at].salt = next_salt_++;
        entries(at)[1].less_rip = kNothingAtOne;
    }
    slots_[at].asked = ++clock_;
    return {entries(at), static_cast<u64>(slots_[at].salt) << 48};
}

/// A free one that has been in use, for its memory is there already, or a new one, or that of the space that asked least lately.
std::size_t JumpTables::take() {
    const auto rank = [](const Slot& s) { return std::pair(s.in_use, s.in_use ? s.asked : ~s.asked); };
    return static_cast<std::size_t>(std::ranges::min_element(slots_, {}, rank) - slots_.begin());
}

void JumpTables::set(JumpEntry* entries, u64 rip, const u8* host) {
    JumpEntry& e = entries[jump_index(rip)];
    if (e.host == nullptr) {
        const std::size_t slot = (reinterpret_cast<Hva>(entries) - pages_.base()) / kTableSize;
        slots_[slot].filled.push_back(static_cast<u16>(jump_index(rip)));
    }
    e = {1 - rip, host};
}

void JumpTables::empty(std::size_t slot) {
    for (const u16 index : slots_[slot].filled) entries(slot)[index] = {index == 1 ? kNothingAtOne : 0, nullptr};
    slots_[slot].filled.clear();
    slots_[slot].in_use = false;
}

template <class Which>
void JumpTables::forget(Which which) {
    for (std::size_t n = 0; n < kCount; ++n)
        if (slots_[n].in_use && which(slots_[n].space.cr3)) empty(n);
}

void JumpTables::forget_supervisor() {
    forget([](u64 cr3) { return cr3 == JumpSpace::kSupervisor; });
}
void JumpTables::forget_users() {
    forget([](u64 cr3) { return cr3 != JumpSpace::kSupervisor; });
}
void JumpTables::forget_user(u64 cr3) {
    forget([cr3](u64 of) { return of == cr3; });
}
void JumpTables::forget_all() {
    forget([](u64) { return true; });
    next_salt_ = 1;
}

}  // namespace twin86::jit
