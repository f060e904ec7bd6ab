// Two engines differ after an interval: which instruction was it? First block by block, then with blocks of one, two, three
// instructions from the start of that block, so that the wrong one is the last.
#include <fmt/core.h>

#include "accel/lockstep/lockstep_vcpu.h"
#include "cpu/decode/disassemble.h"
#include "mmu/page_walk.h"

namespace twin86 {

namespace {

constexpr unsigned kMostInstructions = 64, kLongestInstruction = 15;
constexpr u64 kSlackBlocks = 64;

}  // namespace

/// What differs, and what was executed last before it does.
struct LockstepVcpu::Finding {
    CpuState before;
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
    log_.always("lock-step: after {} intervals without a difference, between {:#x} and {:#x}:", intervals_, interval.start.rip,
                interval.end.rip);
    log_.always("at {:#x}: {}", s.rip,
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
        const bool over = differences(block.end, interval.end, 0, model_).empty() && environments_->checked.position() == all;
        if (over) break;
        block = execute(1);
    }
    return {interval.start, {}, {}, {}};
}

/// The checked engine with blocks that end one instruction later each time.
LockstepVcpu::Finding LockstepVcpu::narrow(const Interval& block) {
    Finding finding{block.start, difference_text(), "in the block that starts here", {}};
    Interval last = block;
    CpuState before = block.start;
    for (unsigned count = 1; count <= kMostInstructions; ++count) {
        checked_->limit_blocks(count);
        last = again(block, 1);
        if (agree(last)) {
            before = last.end;
            continue;
        }
        finding = {before, difference_text(), text_here(before), {}};
        break;
    }
    rewind(block);
    finding.code = checked_->code_here();
    return finding;
}

std::string LockstepVcpu::text_here(const CpuState& at) const {
    std::vector<u8> bytes;
    PagingContext context{.cr0 = at.cr0, .cr3 = at.cr3, .cr4 = at.cr4, .efer = at.efer};
    context.physical_bits = model_.physical_bits();
    for (unsigned n = 0; n < kLongestInstruction; ++n) {
        const Gva linear = at.mode64() ? at.rip + n : static_cast<u32>(at.segment[kCs].base + at.rip + n);
        const WalkResult walk = peek(context, phys_.pages(), linear);
        const u64 entry = walk.ok ? phys_.pages().entry(walk.page.physical) : 0;
        if (page_is_mmio(entry)) break;
        bytes.push_back(page_host(entry)[walk.page.physical % kPageSize]);
    }
    if (bytes.empty()) return "(no code)";
    const unsigned bits = at.mode64() ? 64 : at.segment[kCs].default_big() ? 32 : 16;
    const DisassembledLine line = disassemble_one(bytes, at.rip, bits);
    std::string text = line.text + "   ";
    for (unsigned n = 0; n < line.length; ++n) text += fmt::format(" {:02x}", bytes[n]);
    return text;
}

std::string LockstepVcpu::difference_text() {
    std::string text;
    const auto& e = *environments_;
    if (!came_there_) text = fmt::format("  rip      the reference does not come there but is at {:#x}\n", reference_.rip());
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
