// A counted number of blocks, for those who compare engines (accel/lockstep). Blocks keep their links: the poll at each
// one's entry is armed and counts. Without links every way out of a block ends the step.
#include <utility>

#include "accel/jit/jit_vcpu.h"
#include "accel/jit/listing.h"
#include "accel/jit/signals.h"

namespace twin86::jit {

Vcpu::Step JitVcpu::step(u64 blocks) {
    const FaultScope faults(frame_, *cache_, thunks_.recover);
    update_tsc_bias();
    Step did;
    stepping_ = true;
    raised_ = partial_ = false;
    steps_left_ = blocks;
    while (may_step(did.exit)) execute();
    stepping_ = false;
    did.raised = raised_;
    if (fatal_) did.exit = RunExit::kFatal;
    return did;
}

/// Looks at events and arms the poll. False: the step has ended, for the reason in `exit`.
bool JitVcpu::may_step(RunExit& exit) {
    const bool goes_on = steps_left_ > 0 && !exit_requested_;
    if (fatal_ || raised_ || !(goes_on || partial_)) return exit_requested_ = false;
    disarm();
    if (frame_.cpu.activity == Activity::kShutdown)
        exit = RunExit::kShutdown;
    else if (!take_events())
        exit = RunExit::kHalted;
    if (exit != RunExit::kInterrupted || frame_.cpu.activity != Activity::kRunning) return false;
    if (!options_.chain) partial_ = false;
    if (options_.chain)
        __atomic_store_n(&frame_.poll, memory_->inaccessible(), __ATOMIC_SEQ_CST);
    else if (steps_left_ > 0)
        --steps_left_;
    return true;
}

/// An armed poll was found. True: the block executes. Polls inside of blocks do not count, nor do the pieces that
/// finish a block: between them flags that it does not need are not kept.
bool JitVcpu::passes_poll(const Block& block, const SidePoint& poll) {
    if ((poll.flags & kSideEntry) == 0) return true;
    if (block.key.mode.has(Mode::kOneInsn) && options_.max_insns != 1) return true;
    if (std::exchange(partial_, false)) return true;
    if (steps_left_ == 0 || exit_requested_) return false;
    --steps_left_;
    return true;
}

/// At the end of a block: step() does the next one, if any.
bool JitVcpu::leaves_links() {
    return stepping_ && !options_.chain;
}

void JitVcpu::limit_blocks(unsigned instructions) {
    options_.max_insns = instructions;
    clear_code();
}

/// The instructions of a block as guest memory has them now.
std::vector<Insn> JitVcpu::decode_all(const Block& block) const {
    std::vector<Insn> insns;
    for (u32 at = 0; at < block.guest_size && insns.size() < block.insn_count;) {
        Insn insn;
        if (!decode_again(block, at, block.rip + at, insn)) break;
        insns.push_back(insn);
        at += insn.length;
    }
    return insns;
}

std::string JitVcpu::code_here() {
    const Block* const found = find_block();
    if (found == nullptr) return {};
    const Block& b = *found;
    return listing({b, decode_all(b), {b.code, b.code_size}, {b.code + b.cold_at, b.cold_size}, thunks_});
}

}  // namespace twin86::jit
