// Translator: guest bytes at a RIP to a block in the code cache.
#pragma once

#include "accel/jit/block_map.h"
#include "accel/jit/builder.h"
#include "base/log.h"
#include "cpu/decode/decode_memo.h"
#include "cpu/state/cpuid_model.h"
#include "cpu/state/fault.h"
#include "mmu/phys_map.h"

namespace twin86::jit {

/// How memory operands are translated: by the soft TLB alone, through windows wherever possible, or as pays.
enum class MmuMode : u8 { kSoft, kShadow, kAuto };

/// Engine options from `-accel jit,...` and `-d`.
struct JitOptions {
    u64 code_size = 256 * MiB;
    unsigned max_insns = kMaxBlockInsns;  ///< per block; 1: one-instruction blocks
    bool chain = true;
    MmuMode mmu = MmuMode::kAuto;
    bool shares_memory = false;  ///< others have translations of it too: every write to a page with code is reported
    unsigned max_side_exits = 4;  ///< conditional branches that a block goes on behind
};

/// Finds the page of instruction bytes: the physical address of a linear one, or the #PF.
class CodeFetcher {
  public:
    virtual ~CodeFetcher() = default;
    virtual Outcome fetch_page(Gva linear, Gpa& physical) = 0;
    /// Whether a supervisor branch to this RIP may be linked: its page is mapped globally, or paging is off.
    virtual bool global_code(Gva linear) = 0;
    /// Whether the instruction at this physical address keeps missing the windows.
    virtual bool wants_probe(Gpa insn) = 0;
    virtual bool begins_no_run(Gpa insn) = 0;
    virtual bool loop_is_steady(Gpa start) = 0;
    /// Whether the immediate of the instruction at this physical address is loaded from the code.
    virtual bool immediate_varies(Gpa insn) = 0;
    /// The guest's general registers.
    virtual const u64* registers() const = 0;
};

struct TranslationCounters {
    u64 blocks = 0, insns = 0, guest_bytes = 0, host_bytes = 0, nanoseconds = 0;
};

class Translator {
  public:
    Translator(const JitOptions& options, const CpuModel& model, PhysMap& phys, CodeCache& cache, BlockMap& blocks,
               const Thunks& thunks, CodeFetcher& fetcher, Log& log);

    /// Translates the block at `rip` whose first byte is at linear address `linear` and in physical `key.physical`.
    /// On a fault of the first instruction's fetch, `fault` is set and the result null. `site`: the branch that leads there,
    /// whose jump it may take the place of, or null.
    Block* translate(const BlockKey& key, u64 rip, Gva linear, ChainSite* site, Outcome& fault);
    /// The code cache may not hold another block: clear it first.
    bool full() const { return cache_.room() < kReserve || blocks_.arena().left() < kReserve; }

    const TranslationCounters& counters() const { return counters_; }
    const Decoder& decoder() const { return decoder_; }

  private:
    static constexpr u64 kReserve = 512 * KiB;

    void track(Block& block, Gpa page);
    void keep(CheckedBytes& checked, std::span<const u8> bytes);
    bool may_fall(const ChainSite& site, const Block& to) const;
    bool decode_block(const BlockKey& key, u64 rip, Gva linear, Block& block, Outcome& fault);
    void lay_out_rounds(const Block& block);
    DecodeStatus decode_one(std::span<const u8> bytes, u64 rip, unsigned mode_bits, Insn& insn);
    DecodeStatus decode_straddling(std::span<const u8> tail, Gva next_page, Block& block, Insn& insn, Outcome& fault);

    const JitOptions& options_;
    const CpuModel& model_;
    PhysMap& phys_;
    CodeCache& cache_;
    BlockMap& blocks_;
    CodeFetcher& fetcher_;
    Log& log_;
    BuildContext context_;
    Decoder decoder_;
    DecodeMemo memo_{decoder_};
    EmitBuffer buffer_;
    std::vector<Insn> insns_;
    Rounds rounds_;  ///< of these instructions
    TranslationCounters counters_;
};

}  // namespace twin86::jit
