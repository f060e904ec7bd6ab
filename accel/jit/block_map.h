// BlockMap: every valid translation, found by key, by guest page and by host address.
#pragma once

#include <unordered_map>
#include <vector>

#include "accel/jit/arena.h"
#include "accel/jit/block_table.h"
#include "accel/jit/code_lines.h"
#include "accel/jit/code_cache.h"
#include "accel/jit/code_pages.h"
#include "accel/jit/restless_code.h"
#include "accel/jit/thunks.h"

namespace twin86 {
class PhysMap;
}

namespace twin86::jit {

struct RegionCode;

class BlockMap {
  public:
    /// `lines` is kept up to date: what blocks were made from.
    BlockMap(CodeCache& cache, const Thunks& thunks, PhysMap& phys, CodeLines lines)
        : cache_(cache), thunks_(thunks), phys_(phys), lines_(lines), arena_(kRecordsForCode * cache.size()) {}

    Block* find(const BlockKey& key) const { return by_key_.find(key); }
    /// Where blocks and what belongs to them are made.
    Arena& arena() { return arena_; }
    const Arena& arena() const { return arena_; }
    /// Enters a block whose code has been committed.
    void insert(Block& block);
    /// The block (valid or not) whose code contains pc, or null.
    Block* at_code(const u8* pc) const;

    /// Makes `site` jump to `to`. The caller has checked that the link stays right until it is undone.
    void link(ChainSite& site, Block& to);
    /// The code of `to` has taken the place of the site's jump, at the end of its block.
    void fall(ChainSite& site, Block& to);
    /// Lets a site compare with another region from now on.
    void guess(const Block& block, RegionSite& site, u16 region);
    /// The site stops guessing: bits 47:39 of its address select the delta from now on.
    void give_up(const Block& block, const RegionSite& site);
    /// The same for a link to another page of user code, which may replace one to a page that lies there elsewhere.
    void link_page(ChainSite& site, Block& to);
    /// Drops the links between pages: translations of supervisor addresses may have changed.
    void unlink_cross_page();
    /// Drops every block that overlaps [address, +size) of guest physical memory, and those of pages written to often.
    void invalidate(Gpa address, u64 size);
    /// The same for a write at time `now` (ns), which may make the code restless.
    void written(Gpa address, u64 size, u64 now);
    /// An instruction of this block is about to write; null: it has written. Unless it writes over the block itself, the
    /// rest of the instruction and of the block still run: writer_changed() tells.
    void set_writer(const Block* block) {
        writer_ = block;
        if (block != nullptr) writer_changed_ = false;
    }
    bool writer_changed() const { return writer_changed_; }
    /// Drops one block.
    void forget(Block& block);
    RestlessCode& restless() { return restless_; }
    /// Drops everything; emitted code must not be running.
    void clear();

    CodePages& code_pages() { return code_pages_; }
    const CodePages& code_pages() const { return code_pages_; }
    /// Whether writes to the page must be noticed.
    bool has_code(Gpa page) const { return by_page_.contains(page) && !restless_.contains(page); }
    std::size_t count() const { return by_key_.size(); }
    u64 invalidated() const { return invalidated_; }
    template <class F>
    void for_each(F f) const {
        by_key_.for_each(f);
    }

  private:
    /// Of records for a byte of the code cache at most: some two are usual.
    static constexpr u64 kRecordsForCode = 4;

    /// Where a block's code starts.
    struct Place {
        const u8* hot;
        const u8* cold;
        Block* block;
    };

    static u32 entry_offset(const ChainSite& site, const Block& to);
    static void lead(ChainSite& site, Block& to);
    static void lead_nowhere(ChainSite& site);
    void list(ChainSite& site);
    void settle(const ChainSite& site);
    void set_place(const ChainSite& site, u16 number);
    void unlink(ChainSite& site);
    void stop_falling(ChainSite& site, const Block& to);
    void drop(Block& block);
    void sweep(Gpa page, std::vector<Block*>& blocks);
    void rewrite(const Block& block, const RegionSite& site, const RegionCode& code);
    void patch_rel32(const Block& block, u32 offset, const u8* target);

    CodeCache& cache_;
    const Thunks& thunks_;
    PhysMap& phys_;
    CodeLines lines_;
    CodePages code_pages_;
    RestlessCode restless_;
    const Block* writer_ = nullptr;
    bool writer_changed_ = false;
    BlockTable by_key_;
    std::unordered_map<Gpa, std::vector<Block*>> by_page_;
    Arena arena_;
    std::vector<Place> all_;  // in order of code address; invalid ones until clear()
    std::vector<ChainSite*> cross_links_;
    u64 invalidated_ = 0;
};

}  // namespace twin86::jit
