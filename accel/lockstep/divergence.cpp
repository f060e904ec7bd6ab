// Two engines differ after an interval: which instruction was it? First block by block, then with blocks of one, two,
// three instructions from the start of that block, so that the wrong one is the last.
#include <fmt/core.h>

#include "accel/guest_code.h"
#include "accel/lockstep/lockstep_vcpu.h"
#include "cpu/decode/disassemble.h"

namespace twin86 {

namespace {

constexpr unsigned kMostInstructions = 64, kLongestInstruction = 15;
constexpr u64 kSlackBlocks = 64;

}  // namespace

/// What differs, and what was executed last before it does.
struct LockstepVcpu::Finding {
    CpuState before;
    u64 after = 0;            ///< RIP where the checked engine was then
    std::string what;         ///< the differences
    std::string instruction;  ///< empty: only the whole interval shows it
    std::string code;         ///< guest and host
};

/// The machine stands still: the checked engine gets the logged answers from now on too.
RunExit LockstepVcpu::report(const Interval& interval) {
    if (!reference_.failure().empty()) return failure_ = reference_.failure(), RunExit::kFatal;
    const std::string whole = difference_text();
    Finding finding = find(interval);
    if (finding.what.empty()) finding.what = whole;
    const CpuState& s = finding.before;
    log_.always("lock-step: after {} intervals without a difference, between {:#x} and {:#x}:", intervals_,
                interval.start.rip, interval.end.rip);
    log_.always("from {:#x} to {:#x}: {}", s.rip, finding.after,
                finding.instruction.empty() ? "not block by block, but in the whole interval" : finding.instruction);
    log_.always("{}", finding.what);
    if (!finding.code.empty()) log_.always("{}", finding.code);
    failure_ = fmt::format("the engines differ at {:#x}: {}", s.rip, finding.instruction);
    return RunExit::kFatal;
}

/// The state and memory at the start of an interval, for both.
void LockstepVcpu::rewind(const Interval& interval) {
    std::vector<Gpa> pages = base_->take_written();
    pages.insert(pages.end(), interval.pages.begin(), interval.pages.end());
    pages.insert(pages.end(), written_.begin(), written_.end());
    for (const Gpa page : pages) base_->put(page, base_->was(page));
    checked_->state() = interval.start;
    checked_->state_changed();
    environments_->checked.replay(interval.log_from);
    stale_ = true;
}

LockstepVcpu::Interval LockstepVcpu::again(const Interval& interval, u64 blocks) {
    rewind(interval);
    return execute(blocks);
}

LockstepVcpu::Finding LockstepVcpu::find(const Interval& interval) {
    const std::size_t all = environments_->log.size();
    Interval block = again(interval, 1);
    for (u64 n = 0; n < options_.blocks + kSlackBlocks; ++n) {
        if (!agree(block)) return narrow(block);
        settle(block);
        const bool over =
            differences(block.end, interval.end, 0, model_).empty() && environments_->checked.position() == all;
        if (over) break;
        block = execute(1);
    }
    return {interval.start, interval.end.rip, {}, {}, {}};
}

/// The checked engine with blocks that end one instruction later each time.
LockstepVcpu::Finding LockstepVcpu::narrow(const Interval& block) {
    Finding finding{block.start, block.end.rip, difference_text(), "in the block that starts here", {}};
    Interval last = block;
    CpuState before = block.start;
    for (unsigned count = 1; count <= kMostInstructions; ++count) {
        checked_->limit_blocks(count);
        last = again(block, 1);
        if (agree(last)) {
            before = last.end;
            continue;
        }
        finding = {before, last.end.rip, difference_text(), text_here(before), {}};
        break;
    }
    rewind(block);
    finding.code = checked_->code_here();
    return finding;
}

std::string LockstepVcpu::text_here(const CpuState& at) const {
    const std::vector<u8> bytes = code_at(at, at.rip, kLongestInstruction, phys_.pages(), model_.physical_bits());
    if (bytes.empty()) return "(no code)";
    const DisassembledLine line = disassemble_one(bytes, at.rip, code_bits(at));
    std::string text = line.text + "   ";
    for (unsigned n = 0; n < line.length; ++n) text += fmt::format(" {:02x}", bytes[n]);
    return text;
}

std::string LockstepVcpu::difference_text() {
    std::string text;
    const auto& e = *environments_;
    if (!came_there_)
        text = fmt::format("  rip      the reference does not come there but is at {:#x}\n", reference_.rip());
    if (!devices_agree())
        text += fmt::format("  devices          {}\n",
                            e.reference.difference().empty() ? e.checked.difference() : e.reference.difference());
    for (const RegisterDifference& r : registers_)
        text += fmt::format("  {:<16} {:#x}, reference {:#x}\n", r.name, r.first, r.second);
    for (const MemoryDifference& m : memory_)
        text += fmt::format("  memory {:#010x} {:#010x}, reference {:#010x}\n", m.address, m.first, m.second);
    if (text.empty()) text = "  the reference has asked less of devices";
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace twin86
