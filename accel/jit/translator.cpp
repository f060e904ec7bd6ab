#include "accel/jit/translator.h"

#include <algorithm>
#include <cstring>

#include "accel/jit/listing.h"
#include "accel/jit/register_effects.h"
#include "base/host_time.h"
#include "cpu/decode/offered.h"

namespace twin86::jit {

namespace {

bool ends_block(const Insn& i, Mode mode) {
    if ((i.klass == InsnClass::kEndBlock && !is_inlined(i, mode)) || i.klass == InsnClass::kUndefined) return true;
    switch (i.op) {
        case Op::kJmpRel:
        case Op::kJmpRm:
        case Op::kCallRel:
        case Op::kCallRm:
        case Op::kRet:
        case Op::kRetImm:
        case Op::kLoop:
        case Op::kLoope:
        case Op::kLoopne:
        case Op::kJcxz: return true;
        default: return false;
    }
}

/// Bytes of code from `rip` to the limit of CS. SDM vol. 3, 5.3.
u64 left_in_segment(Mode mode, u64 rip) {
    if (mode.has(Mode::kCode64)) return ~u64{0};
    const u64 limit = mode.code_limit();
    return rip > limit ? 0 : limit - rip + 1;
}

bool may_link(void* self, u64 target_rip) { return static_cast<CodeFetcher*>(self)->global_code(target_rip); }
bool wants_probe(void* self, Gpa insn) { return static_cast<CodeFetcher*>(self)->wants_probe(insn); }
bool begins_no_run(void* self, Gpa insn) { return static_cast<CodeFetcher*>(self)->begins_no_run(insn); }
bool loop_is_steady(void* self, Gpa start) { return static_cast<CodeFetcher*>(self)->loop_is_steady(start); }
bool varies(void* self, Gpa insn) { return static_cast<CodeFetcher*>(self)->immediate_varies(insn); }

// Rounds of a loop in one block: at most so many, of at most so many instructions in all.
constexpr std::size_t kMostRounds = 4, kLaidOut = 48;

/// A block that is full still takes what stands in the shadow of an STI.
constexpr std::size_t kPastLimit = 8;
static_assert(kMaxBlockInsns + kPastLimit < 256);  // Block::insn_count

/// What cannot change the code behind it.
bool leaves_memory_alone(const Insn& i) {
    const bool reads = !i.has_mem || i.mem.access == kAccessNone || i.mem.access == kAccessRead;
    return reads && (i.klass == InsnClass::kCopy || i.klass == InsnClass::kRewriteMem || i.op == Op::kJcc || i.op == Op::kLea);
}

}  // namespace

Translator::Translator(const JitOptions& options, const CpuModel& model, PhysMap& phys, CodeCache& cache,
                       BlockMap& blocks, const Thunks& thunks, CodeFetcher& fetcher, Log& log)
    : options_(options),
      model_(model),
      phys_(phys),
      cache_(cache),
      blocks_(blocks),
      fetcher_(fetcher),
      log_(log),
      context_{blocks.arena(), thunks, may_link, wants_probe, begins_no_run, loop_is_steady, varies, &fetcher, fetcher.registers(), options.chain},
      decoder_(DecoderOptions{.amd_branches = model.is_amd(),
                              .lzcnt = model.has(Feature::kAbm),
                              .tzcnt = model.has(Feature::kBmi1)}) {}

DecodeStatus Translator::decode_one(std::span<const u8> bytes, u64 rip, unsigned mode_bits, Insn& insn) {
    const DecodeStatus status = memo_.decode(bytes, rip, mode_bits, insn);
    if (status != DecodeStatus::kOk) return status;
    return offered(model_.features(), insn) ? status : DecodeStatus::kUndefined;
}

/// Writes to the page are noticed from now on, or the block looks for itself.
void Translator::track(Block& block, Gpa page) {
    if (!blocks_.restless().contains(page)) phys_.set_has_code(page, true);
    else if (block.checked == nullptr) block.checked = blocks_.arena().make<CheckedBytes>();
}

void Translator::keep(CheckedBytes& checked, std::span<const u8> bytes) {
    const auto copy = blocks_.arena().room<u8>(bytes.size());
    std::ranges::copy(bytes, copy.begin());
    checked.bytes = copy;
}

/// The last instruction of a page goes on in the next one.
DecodeStatus Translator::decode_straddling(std::span<const u8> tail, Gva next_page, Block& block, Insn& insn,
                                           Outcome& fault) {
    Gpa physical = 0;
    fault = fetcher_.fetch_page(next_page, physical);
    if (fault.faulted()) return DecodeStatus::kNeedMoreBytes;
    const u64 entry = phys_.pages().entry(physical);
    if (page_is_mmio(entry)) return DecodeStatus::kUndefined;
    track(block, physical & kPageMask);
    u8 bytes[30];
    std::memcpy(bytes, tail.data(), tail.size());
    std::memcpy(bytes + tail.size(), page_host(entry), 15);
    const u64 in_segment = left_in_segment(block.key.mode, insn.rip);
    const std::size_t known = std::min<u64>(tail.size() + 15, in_segment);
    const DecodeStatus status = decode_one({bytes, known}, insn.rip, block.key.mode.code_bits(), insn);
    block.second_page = physical & kPageMask;
    if (block.checked != nullptr) {
        keep(*block.checked, {bytes, std::max<std::size_t>(insn.length, tail.size() + 1)});
        block.checked->second = page_host(entry);
    }
    return status;
}

/// A short loop that is a block of its own is repeated, its branch turned round but for the last: one poll serves several rounds.
void Translator::lay_out_rounds(const Block& block) {
    const Insn& back = insns_.back();
    const std::size_t length = insns_.size();
    const bool is_loop = back.next_rip() + static_cast<u64>(back.imm) == block.rip && block.key.mode.has(Mode::kCode64);
    const u32 count = static_cast<u32>(std::min(kMostRounds, std::min<std::size_t>(kLaidOut, options_.max_insns) / length));
    if (!is_loop || count < 2 || block.checked != nullptr || block.second_page != ~u64{0}) return;
    if (!std::ranges::all_of(std::span(insns_).first(length - 1), is_plain)) return;
    rounds_ = {static_cast<u32>(length), count};
    insns_.reserve(length * count);
    for (std::size_t n = 0; insns_.size() < length * count; ++n) insns_.push_back(insns_[n]);
}

bool Translator::decode_block(const BlockKey& key, u64 rip, Gva linear, Block& block, Outcome& fault) {
    insns_.clear();
    rounds_ = {};
    const Gpa page = key.physical & kPageMask;
    const u8* host = page_host(phys_.pages().entry(page));
    u8 copy[kPageSize];
    if (block.checked != nullptr) {
        std::memcpy(copy, host, sizeof copy);
        host = copy;
    }
    const Mode mode = key.mode;
    const bool single = mode.has(Mode::kSingleStep | Mode::kShadowed | Mode::kOneInsn);
    const std::size_t limit = single ? 1 : options_.max_insns;
    unsigned offset = key.physical & 0xfff, side_exits = 0;
    const std::size_t most = single ? 1 : limit + kPastLimit;
    while (insns_.size() < limit || (insns_.back().op == Op::kSti && insns_.size() < most)) {
        if (offset >= kPageSize) break;
        const u64 at = rip + (offset - block.page_offset());
        const u64 in_segment = left_in_segment(mode, at);
        const std::span<const u8> bytes(host + offset, std::min({kPageSize - offset, u64{15}, in_segment}));
        const bool first = insns_.empty();
        Insn& insn = insns_.emplace_back();
        insn.rip = at;
        DecodeStatus status = decode_one(bytes, at, mode.code_bits(), insn);
        if (!first && (status == DecodeStatus::kNeedMoreBytes || status == DecodeStatus::kTooLong)) {
            insns_.pop_back();
            break;  // it becomes a block of its own, whose fetch may fault
        }
        if (status == DecodeStatus::kNeedMoreBytes) {
            if (bytes.size() == in_segment) fault = Outcome::fault(kVectorGP, 0);  // beyond the limit of CS
            if (fault.faulted()) return false;
            insn.rip = at;
            status = decode_straddling(bytes, (linear & kPageMask) + kPageSize, block, insn, fault);
            if (status == DecodeStatus::kNeedMoreBytes && fault.ok()) fault = Outcome::fault(kVectorGP, 0);
            if (fault.faulted()) return false;
        }
        if (status == DecodeStatus::kTooLong) {
            fault = Outcome::fault(kVectorGP, 0);
            return false;
        }
        if (status == DecodeStatus::kUndefined) {
            insn.klass = InsnClass::kUndefined;
            insn.rip = at;
            if (insn.length == 0) insn.length = 1;
        }
        offset += insn.length;
        if (ends_block(insn, mode) || (block.checked != nullptr && !leaves_memory_alone(insn))) break;
        if (insn.op != Op::kJcc) continue;
        if (side_exits == 0) lay_out_rounds(block);
        if (++side_exits >= options_.max_side_exits) break;
    }
    // STI at the very end: its shadow goes into the next block's key.
    if (insns_.back().op == Op::kSti) insns_.back().klass = InsnClass::kEndBlock;
    block.guest_size = static_cast<u16>(insns_.back().next_rip() - rip);
    // All bytes that may have made it undefined belong to it: a write to one of them may define it.
    if (const Insn& last = insns_.back(); last.klass == InsnClass::kUndefined && block.second_page == ~u64{0})
        block.guest_size = static_cast<u16>(std::min(static_cast<u32>(last.rip - rip) + 15, static_cast<u32>(kPageSize) - block.page_offset()));
    block.insn_count = static_cast<u8>(insns_.size());
    if (block.checked == nullptr) return true;
    block.checked->first = page_host(phys_.pages().entry(page)) + block.page_offset();
    if (block.second_page == ~u64{0})
        keep(*block.checked, {host + block.page_offset(), block.guest_size});
    return true;
}

/// Whether the site's jump is the last thing in the cache, and right for good.
bool Translator::may_fall(const ChainSite& site, const Block& to) const {
    const Block& from = *site.from;
    const bool in_page = !site.cross_page && to.second_page == ~u64{0} && from.second_page == ~u64{0};
    const bool unlinked = site.to == nullptr && from.valid && site.mode() == to.key.mode;
    return in_page && unlinked && from.code + from.code_size == cache_.next() && site.patch_offset + sizeof(i32) == from.code_size;
}

Block* Translator::translate(const BlockKey& key, u64 rip, Gva linear, ChainSite* site, Outcome& fault) {
    const u64 start = monotonic_ns();
    const Arena::Mark before = blocks_.arena().mark();
    Block* const block = blocks_.arena().make<Block>();
    block->key = key;
    block->rip = rip;
    // Tracked before the bytes are read: a write from now on finds the page marked.
    track(*block, key.physical & kPageMask);
    if (!decode_block(key, rip, linear, *block, fault)) return blocks_.arena().rewind(before), nullptr;
    const bool falls = site != nullptr && may_fall(*site, *block);
    if (falls) {
        constexpr u32 kJump = 5;
        site->from->code_size -= kJump;
        cache_.give_back(kJump);
    }
    block->code = cache_.next();
    block->cold_at = static_cast<u32>(cache_.next_cold() - cache_.next());
    BlockBuilder builder(context_, buffer_, *block);
    builder.build(insns_, rounds_, falls);
    const BlockBuilder::Code code = builder.finish();
    cache_.commit(code.hot, code.cold);
    CHECK(std::max(code.hot.size(), code.cold.size()) <= 0xffff, "{} and {} bytes", code.hot.size(), code.cold.size());
    block->code_size = static_cast<u16>(code.hot.size());
    block->cold_size = static_cast<u16>(code.cold.size());
    ++counters_.blocks;
    counters_.insns += block->insn_count;
    counters_.guest_bytes += block->guest_size;
    counters_.host_bytes += code.hot.size() + code.cold.size();
    blocks_.insert(*block);
    if (falls) blocks_.fall(*site, *block);
    counters_.nanoseconds += monotonic_ns() - start;
    if (log_.on(kLogBlocks)) log_.write(kLogBlocks, "{}", listing({*block, insns_, code.hot, code.cold, context_.thunks}));
    return block;
}

}  // namespace twin86::jit
