// BlockTable: blocks by key in one flat array, because a look-up that misses the caches costs what the misses do.
#pragma once

#include <vector>

#include "accel/jit/block.h"

namespace twin86::jit {

class BlockTable {
  public:
    BlockTable() { clear(); }

    /// The block with this key, or null.
    Block* find(const BlockKey& key) const;
    /// Adds a block; one with an equal key gives way.
    void insert(Block& block);
    void erase(const Block& block);
    void clear();
    std::size_t size() const { return used_ - gone_; }
    /// Entries that a search does not end at.
    std::size_t places_used() const { return used_; }
    template <class F>
    void for_each(F f) const {
        for (const Entry& e : entries_)
            if (e.block != nullptr) f(*e.block);
    }

  private:
    static constexpr std::size_t kSmallest = 1024;
    struct Entry {
        u64 hash = 0;  ///< 0: never used, so that a search ends here
        Block* block = nullptr;
    };

    static u64 hash_of(const BlockKey& key) { return BlockKeyHash()(key) | 1; }
    std::size_t first(u64 hash) const { return (hash >> 1) & (entries_.size() - 1); }
    std::size_t next(std::size_t at) const { return (at + 1) & (entries_.size() - 1); }
    std::size_t position(const BlockKey& key, u64 hash) const;
    std::size_t place_for(const BlockKey& key, u64 hash) const;
    void rebuild();

    std::vector<Entry> entries_;  // a power of two, at most half used
    std::size_t used_ = 0, gone_ = 0;
};

}  // namespace twin86::jit
