#include "accel/jit/jit_vcpu.h"

#include <algorithm>

#include "accel/jit/host_needs.h"
#include "accel/jit/leaf/leaf.h"
#include "cpu/decode/table.h"
#include "cpu/state/host_cpuid.h"

namespace twin86::jit {

namespace {

void prepare_frame(JitFrame& f, const PhysPages& pages, const CpuModel& model) {
    f.poll = reinterpret_cast<const u8*>(&f);
    f.tlb_index_mask = static_cast<u64>(kTlbEntries - 1) << 12;
    f.page_number_mask = kPageMask;
    for (unsigned n = 0; n < 4; ++n) f.long_string_mask[n] = ~((kLongString >> n) - 1);
    f.window_index_mask = static_cast<u64>(WindowTables::kRegions - 1) << WindowArea::kRegionShift;
    f.timer_deadline = ~u64{0};
    f.not_if_mask = ~u64{kFlagIF};
    f.not_ac_mask = ~u64{kFlagAC};
    f.arithmetic_mask = kFlagsArithmetic;
    f.pushf_mask = ~u64{kFlagsArithmetic | kFlagRF | kFlagVM};
    f.bit_masks[0] = 15, f.bit_masks[1] = 31, f.bit_masks[2] = 63;
    f.xsave_mask = kXcr0Supported;
    f.phys = &pages;
    f.physical_bits = model.physical_bits();
    f.gib_pages = model.has(Feature::kPdpe1gb);
    f.jump_offset_mask = kJumpOffsetMask;
    f.jump_epoch = 1;
    f.mode = Mode{kNoMode};
    for (TlbTable& t : f.tlb) tlb_clear(t);
    for (auto& ways : f.writable) std::fill_n(ways, kWritableWays, JitFrame::kNoWritable);
}

}  // namespace

Result<std::unique_ptr<JitVcpu>> JitVcpu::create(const JitOptions& options, const CpuModel& model, PhysMap& phys,
                                                 VcpuEnvironment& environment, Log& log) {
    if (const Status s = host_can_translate(HostCpuid::probe().features); !s) return s.failure();
    auto memory = FrameMemory::create();
    if (!memory) return memory.failure();
    auto cache = CodeCache::create(options.code_size);
    if (!cache) return cache.failure();
    auto lines = HostPages::create(align_up(phys.pages().count * sizeof(PageLines), kPageSize), "a table of code");
    if (!lines) return lines.failure();
    auto jumps = JumpTables::create();
    if (!jumps) return jumps.failure();
    auto index = HostPages::create(align_up(sizeof(CodeIndex), kPageSize), "an index of code");
    if (!index) return index.failure();
    return std::unique_ptr<JitVcpu>(
        new JitVcpu(options, model, phys, environment, log, memory.take(), cache.take(), lines.take(), jumps.take(),
                    index.take()));
}

JitVcpu::JitVcpu(const JitOptions& options, const CpuModel& model, PhysMap& phys, VcpuEnvironment& environment, Log& log,
                 std::unique_ptr<FrameMemory> memory, std::unique_ptr<CodeCache> cache, HostPages code_lines, JumpTables jumps,
                 HostPages code_index)
    : options_(options),
      model_(model),
      phys_(phys),
      env_(environment),
      log_(log),
      memory_(std::move(memory)),
      frame_(memory_->frame()),
      cache_(std::move(cache)),
      code_lines_(std::move(code_lines)),
      thunks_(build_thunks(*cache_)),
      blocks_(*cache_, thunks_, phys, {reinterpret_cast<PageLines*>(code_lines_.base())}),
      translator_(options_, model, phys, *cache_, blocks_, thunks_, *this, log),
      cpuid_(model),
      cpu_(frame_.cpu, *this, cpuid_),
      jumps_(std::move(jumps)),
      code_index_(std::move(code_index)) {
    prepare_frame(frame_, phys.pages(), model);
    frame_.inaccessible = memory_->inaccessible();
    frame_.code_index = reinterpret_cast<CodeIndex*>(code_index_.base());
    if (!options.shares_memory) frame_.code_lines.pages = reinterpret_cast<PageLines*>(code_lines_.base());
    std::ranges::copy(thunks_.leaf_exit, frame_.leaf_exit);
    for (auto& half : exec_tlb_) half.resize(kExecEntries);
    create_windows();
    phys_.add_listener(*this);
    phys_.add_code_listener(*this);
}

JitVcpu::~JitVcpu() {
    blocks_.clear();
    phys_.remove_listener(*this);
    phys_.remove_code_listener(*this);
}

void JitVcpu::request_exit() {
    exit_requested_ = true;
    kick();
}

/// One store: the next poll of emitted code faults and comes back to the run loop.
void JitVcpu::kick() {
    __atomic_store_n(&frame_.irq_waiting, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&frame_.poll, memory_->inaccessible(), __ATOMIC_SEQ_CST);
}

u32 JitVcpu::port_read(IoPort port, unsigned size) {
    const u32 value = env_.port_read(port, size);
    log_.write(kLogIo, "in  {:#06x}.{} -> {:#x}", port, size, value);
    return value;
}

void JitVcpu::port_write(IoPort port, unsigned size, u32 value) {
    log_.write(kLogIo, "out {:#06x}.{} <- {:#x}", port, size, value);
    env_.port_write(port, size, value);
}

void JitVcpu::log_unimplemented(const char* what, u64 detail) { log_.write(kLogUnimp, "{} {:#x} at {:#x}", what, detail, frame_.cpu.rip); }

std::string JitVcpu::statistics() const {
    const TranslationCounters& t = translator_.counters();
    std::string out = fmt::format(
        "blocks            {} translated, {} valid, {} invalidated\n"
        "guest             {} instructions, {} bytes\n"
        "host code         {} bytes, {:.1f} per guest byte, cache {} of {} KiB\n"
        "records           {} KiB, {:.1f} bytes per guest byte\n"
        "translation       {:.1f} ns per guest instruction\n"
        "tlb               {} fills, {} flushes, {} page flushes, {} address space switches\n",
        t.blocks, blocks_.count(), blocks_.invalidated(), t.insns, t.guest_bytes, t.host_bytes,
        t.guest_bytes ? static_cast<double>(t.host_bytes) / static_cast<double>(t.guest_bytes) : 0.0, cache_->used() / KiB,
        cache_->size() / KiB, blocks_.arena().bytes() / KiB,
        t.guest_bytes ? static_cast<double>(blocks_.arena().bytes()) / static_cast<double>(t.guest_bytes) : 0.0, t.insns ? static_cast<double>(t.nanoseconds) / static_cast<double>(t.insns) : 0.0, frame_.tlb_fills,
        counters_.flushes, counters_.page_flushes, counters_.switches);
    if (windows_ != nullptr) {
        const Windows::Counters& w = windows_->counters();
        out += fmt::format("windows           {} faults, {} fills, {} misses, {} probed sites; {} mappings made, {} dropped, {} kept, {} protected; {} address spaces\n",
                           counters_.window_faults, w.fills, counters_.window_misses, probed_sites_.size(), w.runs, w.unmapped, w.kept,
                           w.protected_pages, w.spaces);
    }
    out += "exits            ";
    for (unsigned i = 1; i <= static_cast<unsigned>(ExitReason::kFault); ++i)
        out += fmt::format(" {} {}", exit_name(static_cast<ExitReason>(i)), counters_.exits[i]);
    out += "\nhelpers          ";
    std::vector<std::pair<u64, unsigned>> ops;
    for (unsigned op = 0; op < std::size(counters_.helpers); ++op)
        if (counters_.helpers[op] != 0) ops.emplace_back(counters_.helpers[op], op);
    std::sort(ops.rbegin(), ops.rend());
    for (const auto& [count, op] : ops) out += fmt::format(" {} {}", op_name(static_cast<Op>(op)), count);
    out += fmt::format("\nevents            {} interrupts, {} exceptions, {} transfers inside, {} jumps by the index, {} kicks, {} cache clears\n", counters_.interrupts,
                       counters_.exceptions, frame_.transfers, frame_.indexed_jumps, counters_.kicks, counters_.cache_clears);
    return out;
}

}  // namespace twin86::jit
