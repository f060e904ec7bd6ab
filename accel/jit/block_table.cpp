#include "accel/jit/block_table.h"

#include <algorithm>

namespace twin86::jit {

/// Where the key is, or the unused entry that ends the search.
std::size_t BlockTable::position(const BlockKey& key, u64 hash) const {
    std::size_t at = first(hash);
    while (entries_[at].hash != 0) {
        const Entry& e = entries_[at];
        if (e.hash == hash && e.block != nullptr && e.block->key == key) break;
        at = next(at);
    }
    return at;
}

Block* BlockTable::find(const BlockKey& key) const { return entries_[position(key, hash_of(key))].block; }

/// Where a block with this key goes: its own place, or the first one that is free.
std::size_t BlockTable::place_for(const BlockKey& key, u64 hash) const {
    const std::size_t at = position(key, hash);
    if (entries_[at].hash != 0) return at;
    std::size_t free = first(hash);
    while (entries_[free].block != nullptr) free = next(free);
    return free;
}

void BlockTable::insert(Block& block) {
    const u64 hash = hash_of(block.key);
    Entry& e = entries_[place_for(block.key, hash)];
    const bool never_used = e.hash == 0, gone = !never_used && e.block == nullptr;
    e = {hash, &block};
    if (gone) --gone_;
    if (never_used && ++used_ * 2 > entries_.size()) rebuild();
}

void BlockTable::erase(const Block& block) {
    Entry& e = entries_[position(block.key, hash_of(block.key))];
    if (e.block != &block) return;
    e.block = nullptr;  // searches go on behind it
    ++gone_;
}

void BlockTable::clear() {
    entries_.assign(kSmallest, {});
    used_ = gone_ = 0;
}

/// Drops what is gone and makes room for as many blocks again.
void BlockTable::rebuild() {
    std::vector<Entry> old(entries_.size());
    old.swap(entries_);
    std::size_t room = kSmallest;
    while (room < size() * 4) room *= 2;
    entries_.assign(room, {});
    used_ = gone_ = 0;
    for (const Entry& e : old) {
        if (e.block == nullptr) continue;
        std::size_t at = first(e.hash);
        while (entries_[at].hash != 0) at = next(at);
        entries_[at] = e;
        ++used_;
    }
}

}  // namespace twin86::jit
