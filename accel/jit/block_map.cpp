#include "accel/jit/block_map.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "accel/jit/page_link.h"
#include "accel/jit/region_code.h"
#include "mmu/phys_map.h"

namespace twin86::jit {

namespace {

/// The lines of one page that the block was made from.
u64 lines_in(const Block& b, Gpa page) {
    u64 lines = 0;
    b.for_pieces([&](Gpa start, Gpa end) {
        if ((start & kPageMask) == page) lines |= CodeLines::lines_of(start, end - start);
    });
    return lines;
}

}  // namespace

void BlockMap::insert(Block& block) {
    by_key_.insert(block);
    if (!block.key.mode.has(Mode::kBaked)) block.page_number = code_pages_.number_of(block.key.physical & kPageMask);
    block.for_pieces([&](Gpa start, Gpa end) {
        by_page_[start & kPageMask].push_back(&block);
        PageLines& p = lines_.page(start);
        p.lines |= CodeLines::lines_of(start, end - start);
        p.writes = 0;
    });
    all_.push_back({block.code, block.code + block.cold_at, &block});
}

Block* BlockMap::at_code(const u8* pc) const {
    const bool cold = pc >= cache_.cold_base();
    const auto at = std::ranges::upper_bound(all_, pc, {}, cold ? &Place::cold : &Place::hot);
    if (at == all_.begin()) return nullptr;
    const Place& place = *(at - 1);
    const u8* const end = cold ? place.cold + place.block->cold_size : place.hot + place.block->code_size;
    return pc < end ? place.block : nullptr;
}

void BlockMap::patch_rel32(const Block& block, u32 offset, const u8* target) {
    const u8* at = block.code + offset;
    const i32 rel = static_cast<i32>(target - (at + 4));
    std::memcpy(cache_.writable(at), &rel, sizeof rel);
}

/// The site is one of those that lead to the block.
void BlockMap::lead(ChainSite& site, Block& to) {
    site.to = &to;
    site.next_incoming = to.incoming.get();
    to.incoming = &site;
    site.incoming_at = &to.incoming;
    if (site.next_incoming != nullptr) site.next_incoming->incoming_at = &site.next_incoming;
}

void BlockMap::lead_nowhere(ChainSite& site) {
    *site.incoming_at = site.next_incoming.get();
    if (site.next_incoming != nullptr) site.next_incoming->incoming_at = site.incoming_at.get();
    site.to = nullptr;
}

u32 BlockMap::entry_offset(const ChainSite& site, const Block& to) {
    if (site.from != &to || site.loop == LoopEntry::kNone) return to.link_offset;
    return site.loop == LoopEntry::kKept ? to.kept_offset : to.loop_offset;
}

void BlockMap::link(ChainSite& site, Block& to) {
    if (site.to != nullptr || !site.from->valid) return;
    patch_rel32(*site.from, site.patch_offset, to.code + entry_offset(site, to));
    lead(site, to);
    if (site.cross_page || to.second_page != ~u64{0}) list(site);
}

void BlockMap::fall(ChainSite& site, Block& to) {
    site.falls = true;
    lead(site, to);
}

void BlockMap::list(ChainSite& site) {
    if (!std::exchange(site.listed, true)) cross_links_.push_back(&site);
}

void BlockMap::set_place(const ChainSite& site, u16 number) {
    const i32 place = PageLink::place(number);
    std::memcpy(cache_.writable(site.from->code + site.place_offset), &place, sizeof place);
}

void BlockMap::link_page(ChainSite& site, Block& to) {
    if (!site.from->valid || site.relinks == ChainSite::kMostRelinks) return;
    if (++site.relinks == ChainSite::kMostRelinks || to.page_number == CodePages::kNone) return settle(site);
    if (site.to != nullptr) lead_nowhere(site);
    patch_rel32(*site.from, site.patch_offset, to.code + to.link_offset);
    set_place(site, to.page_number);
    lead(site, to);
}

/// The way out of a link between pages no longer asks for another one.
void BlockMap::settle(const ChainSite& site) {
    constexpr u8 kJmp = 0xe9;
    std::memcpy(cache_.writable(site.from->code + site.exit_offset), &kJmp, sizeof kJmp);
    patch_rel32(*site.from, site.exit_offset + 1, thunks_.look_up);
}

void BlockMap::unlink(ChainSite& site) {
    const Block& to = *site.to;
    lead_nowhere(site);
    if (site.falls) return stop_falling(site, to);
    if (site.place_offset != 0) return set_place(site, CodePages::kNone);
    patch_rel32(*site.from, site.patch_offset, site.from->code + site.exit_offset);
}

/// The body that it falls into is no longer any block's: it becomes a jump, which can be linked.
void BlockMap::stop_falling(ChainSite& site, const Block& to) {
    constexpr u8 kJmp = 0xe9;
    std::memcpy(cache_.writable(to.body()), &kJmp, sizeof kJmp);
    site.falls = false;
    site.patch_offset = static_cast<u32>(to.body() + 1 - site.from->code);
    patch_rel32(*site.from, site.patch_offset, site.from->code + site.exit_offset);
}

void BlockMap::guess(const Block& block, RegionSite& site, u16 region) {
    site.region = region;
    RegionCode code = RegionCode::compare(site);
    constexpr u8 kBranch = RegionCode::kBranchAt;
    std::memcpy(code.bytes + kBranch, block.code + site.at + kBranch, sizeof(i32));  // stays
    rewrite(block, site, code);
}

void BlockMap::give_up(const Block& block, const RegionSite& site) {
    rewrite(block, site, RegionCode::select(site));
}

void BlockMap::rewrite(const Block& block, const RegionSite& site, const RegionCode& code) {
    std::memcpy(cache_.writable(block.code + site.at), code.bytes, sizeof code.bytes);
}

void BlockMap::unlink_cross_page() {
    for (ChainSite* site : cross_links_) {
        site->listed = false;
        if (site->to != nullptr) unlink(*site);
    }
    cross_links_.clear();
}

void BlockMap::drop(Block& block) {
    block.valid = false;
    while (block.incoming != nullptr) unlink(*block.incoming);
    for (ChainSite* site = block.chains; site != nullptr; site = site->next)
        if (site->to != nullptr && !site->falls) unlink(*site);
    by_key_.erase(block);
    // A jump table may still lead here: the entry becomes an exit to the RIP in rbp.
    u8 exit[5] = {0xe8};
    const i32 rel = static_cast<i32>(thunks_.exit_lookup - (block.look_up_entry() + 5));
    std::memcpy(exit + 1, &rel, 4);
    std::memcpy(cache_.writable(block.look_up_entry()), exit, 5);
    ++invalidated_;
}

void BlockMap::invalidate(Gpa address, u64 size) {
    for (Gpa page = address & kPageMask; page < address + size; page += kPageSize) {
        const auto found = by_page_.find(page);
        if (found == by_page_.end()) continue;
        std::vector<Block*>& blocks = found->second;
        PageLines& p = lines_.page(page);
        const bool all = ++p.writes > CodeLines::kWritesBeforeGivingUp;
        for (Block* b : blocks)
            if (b->valid && ((all && b != writer_) || b->made_from(address, size))) drop(*b);
        sweep(page, blocks);
    }
}

/// After blocks of the page were dropped.
void BlockMap::sweep(Gpa page, std::vector<Block*>& blocks) {
    std::erase_if(blocks, [](const Block* b) { return !b->valid; });
    u64& lines = lines_.page(page).lines;
    lines = 0;
    for (const Block* b : blocks) lines |= lines_in(*b, page);
    if (!blocks.empty()) return;
    by_page_.erase(page);
    phys_.set_has_code(page, false);
}

void BlockMap::written(Gpa address, u64 size, u64 now) {
    if (writer_ != nullptr) writer_changed_ |= writer_->made_from(address, size);
    bool restless = false;
    if (const auto found = by_page_.find(address & kPageMask); found != by_page_.end())
        for (const Block* b : found->second)
            if (b->valid && b->made_from(address, size)) restless |= restless_.note_drop(b->key.physical, address, now);
    invalidate(address, size);
    if (restless) invalidate(address & kPageMask, kPageSize);
}

void BlockMap::forget(Block& block) {
    if (!block.valid) return;
    drop(block);
    block.for_pieces([&](Gpa start, Gpa) {
        if (const auto found = by_page_.find(start & kPageMask); found != by_page_.end()) sweep(start & kPageMask, found->second);
    });
}

void BlockMap::clear() {
    const auto pages = std::exchange(by_page_, {});
    for (const auto& [page, blocks] : pages) {
        phys_.set_has_code(page, false);
        lines_.page(page) = {};
    }
    by_key_.clear();
    code_pages_.clear();
    restless_.clear();
    cross_links_.clear();
    all_.clear();
    arena_.clear();
    cache_.reset_to_mark();
}

}  // namespace twin86::jit
