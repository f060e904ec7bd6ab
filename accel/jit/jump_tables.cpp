#include "accel/jit/jump_tables.h"

#include <algorithm>
#include <utility>

#include "base/bits.h"

namespace twin86::jit {

bool JumpTable::set_place(u16 number, u64 page) {
    if (number == CodePages::kNone) return unplaced = true, false;
    const u64 before = std::exchange(less_place[number], 1 - page);
    if (before == 0) placed[placed_count++] = number;
    const bool moved = before != 0 && before != 1 - page;
    unplaced |= moved;
    return moved;
}

void JumpTable::empty() {
    for (u32 n = 0; n < filled_count; ++n) entries[filled[n]] = {};
    for (u32 n = 0; n < placed_count; ++n) less_place[placed[n]] = 0;
    filled_count = placed_count = 0;
    unplaced = false;
    entries[1].less_rip = kNothingAtOne;
}

Result<JumpTables> JumpTables::create() {
    auto pages = HostPages::create(align_up(kCount * sizeof(JumpTable), kPageSize), "jump tables");
    if (!pages) return pages.failure();
    return JumpTables(pages.take());
}

JumpTables::JumpTables(HostPages pages) : pages_(std::move(pages)) {}

JumpTable& JumpTables::of(const JumpSpace& space, bool& taken) {
    const auto found = std::ranges::find_if(slots_, [&](const Slot& s) { return s.in_use && s.space == space; });
    std::size_t at = static_cast<std::size_t>(found - slots_.begin());
    if (found == slots_.end()) {
        at = take();
        taken |= slots_[at].in_use;
        empty(at);
        slots_[at].space = space;
        slots_[at].in_use = true;
    }
    slots_[at].asked = ++clock_;
    return table(at);
}

/// A free one that has been in use, for its memory is there already, or a new one, or that of the space that asked least lately.
std::size_t JumpTables::take() {
    const auto rank = [](const Slot& s) { return std::pair(s.in_use, s.in_use ? s.asked : ~s.asked); };
    return static_cast<std::size_t>(std::ranges::min_element(slots_, {}, rank) - slots_.begin());
}

void JumpTables::empty(std::size_t slot) {
    table(slot).empty();
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
}

}  // namespace twin86::jit
