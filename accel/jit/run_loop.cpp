// The run loop: enter emitted code, act on why it came back, go on.
#include <cstring>
#include <utility>

#include "accel/jit/jit_vcpu.h"
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/look_up.h"
#include "accel/jit/leaf/mode_now.h"
#include "accel/jit/signals.h"
#include "accel/jit/vector_memory.h"
#include "cpu/semantics/interrupts.h"
#include "cpu/semantics/xsave_image.h"

namespace twin86::jit {

RunExit JitVcpu::run() {
    const FaultScope faults(frame_, *cache_, thunks_.recover);
    update_tsc_bias();
    while (!fatal_) {
        disarm();
        if (exit_requested_.exchange(false)) return RunExit::kInterrupted;
        if (came_to_user()) return RunExit::kInterrupted;
        if (frame_.cpu.activity == Activity::kShutdown) {
            report_triple_fault();
            return RunExit::kShutdown;
        }
        if (!take_events()) return RunExit::kHalted;
        if (frame_.cpu.activity == Activity::kShutdown) continue;
        execute();
    }
    return RunExit::kFatal;
}

bool JitVcpu::return_at_user() {
    awaits_user_ = true;
    left_user_ = false;
    return true;
}

/// Leaf helpers change no mode meanwhile, so all ways to ring 3 lead through the run loop.
bool JitVcpu::came_to_user() {
    if (!awaits_user_ || !left_user_ || !runs_user_code() || env_.interrupt_pending()) return false;
    awaits_user_ = false;
    return true;
}

bool JitVcpu::runs_user_code() const {
    return frame_.cpu.cpl() == 3 && frame_.cpu.mode64();
}

/// Disarm first, look afterwards: a kick in between is seen now or arms the poll again.
void JitVcpu::disarm() {
    __atomic_store_n(&frame_.poll, reinterpret_cast<const u8*>(&frame_), __ATOMIC_SEQ_CST);
    __atomic_store_n(&frame_.irq_waiting, 0, __ATOMIC_SEQ_CST);
}

/// Delivers what is pending at this boundary. False: halted with nothing to wake it.
bool JitVcpu::take_events() {
    CpuState& s = frame_.cpu;
    if (s.pending.kind != PendingEvent::Kind::kNone) [[unlikely]] deliver_pending(cpu_);
    if (s.nmi_pending && nmi_enabled(s)) {
        s.nmi_pending = false;
        s.activity = Activity::kRunning;
        inject(cpu_, Event::nmi());
    }
    if (env_.interrupt_pending() && interrupts_enabled(s)) {
        const int vector = env_.acknowledge_interrupt();
        if (vector >= 0) {
            ++counters_.interrupts;
            sample_windows();
            settle_code();
            s.activity = Activity::kRunning;
            recorder_.interrupt(s.rip, static_cast<u8>(vector));
            log_.write(kLogInt, "interrupt {:#x} at {:#x}", vector, s.rip);
            inject(cpu_, Event::external(static_cast<u8>(vector)));
        }
    }
    // Not deliverable now: STI and POPF look at this.
    if (env_.interrupt_pending()) __atomic_store_n(&frame_.irq_waiting, 1, __ATOMIC_SEQ_CST);
    return s.activity == Activity::kRunning;
}

/// Runs until something needs take_events().
void JitVcpu::execute() {
    if (!dispatch()) return;
    while (handle_exit()) {
    }
}

/// Enters the block at cpu.rip. False: an exception was delivered or the engine gave up.
bool JitVcpu::dispatch() {
    if (!begin_instruction()) return false;
    if (enter_cached()) return true;
    Block* block = find_block(frame_.mode);
    if (block == nullptr) return false;
    if (options_.chain && !frame_.mode.has(Mode::kSingleStep | Mode::kShadowed | Mode::kOneInsn)) cache_jump(*block);
    frame_.cpu.shadow = kShadowNone;  // the key of this block carries it
    enter(block->body());
    return true;
}

/// Enters what the tables have for cpu.rip, as emitted code would.
bool JitVcpu::enter_cached() {
    const u64 rip = frame_.cpu.rip;
    if (!valid_target(rip) || log_.on(kLogExec)) return false;
    const u8* host = code_for(frame_, rip);
    if (host == nullptr) return false;
    frame_.address = rip;
    frame_.cpu.shadow = kShadowNone;
    enter(host);
    return true;
}

/// XSAVEOPT need not write a component that nothing modified since XRSTOR, and on AMD processors one that XRSTOR has put
/// into its initial state can come into use without being modified: its bytes must be the initial ones by then.
void JitVcpu::fill_initial_components() {
    u64 present;
    std::memcpy(&present, frame_.cpu.xsave + kXsaveXstateBv, sizeof present);
    const u64 absent = ~present & frame_.xsave_mask, stale = absent & ~filled_components_;
    filled_components_ = absent;
    if (stale != 0) XsaveImage(cpu_).normalize(stale);
}

void JitVcpu::enter(const u8* pc) {
    fill_initial_components();
    note_windows();
    renew_stack_delta(frame_, view_now(frame_.cpu, false));  // RSP, the view and the windows may all have changed
    left_user_ |= awaits_user_ && !runs_user_code();
    frame_.may_transfer = !awaits_user_ && !watched_code_ && frame_.watched_data == 0 && !log_.on(kLogExec);
    frame_.enter_pc = reinterpret_cast<u64>(pc);
    thunks_.enter(&frame_);
}

Mode JitVcpu::current_mode() {
    note_windows();
    return mode_now(frame_, options_.max_insns == 1);
}

void JitVcpu::use_mode(Mode mode) {
    if (!(mode == frame_.mode) || code_base(frame_.cpu) != frame_.code_base) use_jumps_of(mode);
    frame_.jump_table = frame_.mode_table;  // STAC and CLAC change it inline
}

Block* JitVcpu::find_block(Mode mode, ChainSite* site) {
    CpuState& s = frame_.cpu;
    use_mode(mode);
    if (!valid_target(s.rip)) {
        deliver_fault(Outcome::fault(kVectorGP, 0));
        return nullptr;
    }
    const Gva linear = linear_rip();
    Gpa physical = 0;
    if (const Outcome fault = fetch_page(linear, physical); fault.faulted()) {
        deliver_fault(fault);
        return nullptr;
    }
    frame_.page_va = s.rip - (linear & 0xfff);
    const BlockKey key{physical, mode.has(Mode::kBaked) ? s.rip : 0, mode};
    Block* block = blocks_.find(key);
    if (block != nullptr && block->second_page != ~u64{0}) {
        // The tail of the last instruction must still lie where it was translated from.
        Gpa second = 0;
        const Outcome fault = fetch_page((linear & kPageMask) + kPageSize, second);
        if (fault.faulted()) {
            deliver_fault(fault);
            return nullptr;
        }
        if ((second & kPageMask) != block->second_page) {
            blocks_.invalidate(key.physical, 1);
            block = nullptr;
        }
    }
    if (block == nullptr) block = translate_here(key, linear, site);
    if (block != nullptr && log_.on(kLogExec)) log_block(*block);
    return block;
}

Block* JitVcpu::translate_here(const BlockKey& key, Gva linear, ChainSite* site) {
    const u64 entry = phys_.pages().entry(key.physical);
    if (page_is_mmio(entry)) {
        failure_ = fmt::format("the guest executes at physical address {:#x}, where there is neither RAM nor ROM", key.physical);
        fatal_ = true;
        return nullptr;
    }
    if (translator_.full()) {
        ++counters_.cache_clears;
        clear_code();
        site = nullptr;
    }
    Outcome fault;
    Block* block = translator_.translate(key, frame_.cpu.rip, linear, site, fault);
    if (block == nullptr) deliver_fault(fault);
    return block;
}

/// Not for the rest of a block or string instruction that a kick broke off: traces of two runs can be compared.
void JitVcpu::log_block(const Block& block) {
    const CpuState& s = frame_.cpu;
    if (std::exchange(re_entered_rip_, kNotReentered) == s.rip) return;
    log_.write(kLogExec,
               "{:#x} rax={:x} rcx={:x} rdx={:x} rbx={:x} rsp={:x} rbp={:x} rsi={:x} rdi={:x} r8={:x} r9={:x} r10={:x} r11={:x} "
               "r12={:x} r13={:x} r14={:x} r15={:x} fl={:x} mode={:x} insns={}",
               s.rip, s.gpr[0], s.gpr[1], s.gpr[2], s.gpr[3], s.gpr[4], s.gpr[5], s.gpr[6], s.gpr[7], s.gpr[8], s.gpr[9], s.gpr[10],
               s.gpr[11], s.gpr[12], s.gpr[13], s.gpr[14], s.gpr[15], s.rflags, block.key.mode.value, block.insn_count);
}

/// Acts on the last exit. True: emitted code has been entered again; false: back to take_events().
bool JitVcpu::handle_exit() {
    ++counters_.exits[static_cast<unsigned>(frame_.reason)];
    switch (frame_.reason) {
        case ExitReason::kChain: return on_chain(*reinterpret_cast<ChainSite*>(frame_.payload));
        case ExitReason::kLookup: return on_lookup();
        case ExitReason::kHelper: return on_helper(*reinterpret_cast<HelperSite*>(frame_.payload));
        case ExitReason::kSlow: return on_slow();
        case ExitReason::kCommit: return on_commit();
        case ExitReason::kString: return on_string(*reinterpret_cast<HelperSite*>(frame_.payload));
        case ExitReason::kRaise: return on_raise(*reinterpret_cast<HelperSite*>(frame_.payload));
        case ExitReason::kSegment: return on_segment();
        case ExitReason::kRegion: return on_region();
        case ExitReason::kBoundary: return false;
        case ExitReason::kStale: return on_stale(*reinterpret_cast<Block*>(frame_.payload));
        case ExitReason::kFault: return on_fault();
        case ExitReason::kNone: break;
    }
    CHECK(false, "exit reason {}", static_cast<unsigned>(frame_.reason));
}

u64 JitVcpu::rip_of(const Block& block, u32 guest_offset) const {
    const u64 start = block.key.mode.has(Mode::kBaked) ? block.rip : frame_.page_va + block.page_offset();
    return start + guest_offset;
}

bool JitVcpu::on_chain(ChainSite& site) {
    CpuState& s = frame_.cpu;
    s.rflags &= ~u64{kFlagRF};
    const Mode from_mode = site.mode();
    const u64 target = from_mode.has(Mode::kBaked) ? site.target_rip : frame_.page_va + site.target_rip;
    if (!valid_target(target) && refuse_branch(target)) return false;
    s.rip = target;
    recorder_.exit(s.rip, ExitReason::kChain);
    if (trap_after(from_mode.has(Mode::kSingleStep))) return false;
    if (leaves_links() || from_mode.has(Mode::kShadowed)) return false;
    const u64 clears = counters_.cache_clears;
    const bool stays = options_.chain && !from_mode.has(Mode::kOneInsn);
    Block* block = find_block(stays ? &site : nullptr);
    if (block == nullptr) return false;
    const bool linkable = stays && clears == counters_.cache_clears &&
                          block->key.mode == from_mode;
    if (linkable && site.place_offset != 0) link_page(site, *block);
    else if (linkable && may_stay_linked(site, *block)) blocks_.link(site, *block);
    frame_.cpu.shadow = kShadowNone;
    enter(block->body());
    return true;
}

/// Within a page a link is always right. Over a page border (of the branch or of the target itself) it must be undone
/// when the translation goes: supervisor code links to global pages, user code enters through a jump table.
bool JitVcpu::may_stay_linked(const ChainSite& site, const Block& to) {
    const u64 rip = frame_.cpu.rip;
    const bool straddles = to.second_page != ~u64{0};
    if (!site.cross_page && (!straddles || to.link_offset != to.body_offset)) return true;
    if (site.cross_page && !global_code(rip)) return false;
    const u64 next_page = (rip & kPageMask) + kPageSize;
    if (straddles && !global_code(next_page)) return false;
    note_code_page(rip);  // links over pages are supervisor code's
    if (straddles) note_code_page(next_page);
    return true;
}

/// A link that leads there already is right again once the address space knows the page, unless that lies at two addresses.
void JitVcpu::link_page(ChainSite& site, Block& to) {
    const bool elsewhere = cache_jump(to), known = frame_.jump_table->lies_at(to.page_number, frame_.page_va);
    if (site.to != &to || elsewhere || !known) blocks_.link_page(site, to);
}

bool JitVcpu::on_lookup() {
    CpuState& s = frame_.cpu;
    s.rflags &= ~u64{kFlagRF};
    const u64 target = frame_.address;
    if (!valid_target(target) && refuse_branch(target)) return false;
    s.rip = target;
    recorder_.exit(s.rip, ExitReason::kLookup);
    if (trap_after(frame_.mode.has(Mode::kSingleStep))) return false;
    if (leaves_links() || frame_.mode.has(Mode::kShadowed)) return false;
    Block* block = find_block();
    if (block == nullptr) return false;
    if (options_.chain) cache_jump(*block);
    enter(block->body());
    return true;
}

/// The site's instruction at the address where it runs now.
Insn JitVcpu::located(const HelperSite& site) const {
    Insn insn = site.insn;
    insn.rip = rip_of(*site.block, site.guest_offset);
    return insn;
}

/// An instruction of a block, from guest memory. False: it is no longer there, or lies over two pages.
bool JitVcpu::decode_again(const Block& block, u32 guest_offset, u64 rip, Insn& insn) const {
    const u64 entry = phys_.pages().entry(block.key.physical);
    const Gpa at = block.key.physical + guest_offset;
    if (page_is_mmio(entry) || (at ^ block.key.physical) >= kPageSize) return false;
    const std::span<const u8> bytes(page_host(entry) + (at & 0xfff), std::min<u64>(kPageSize - (at & 0xfff), 15));
    return translator_.decoder().decode(bytes, rip, block.key.mode.code_bits(), insn) == DecodeStatus::kOk;
}

void JitVcpu::update_tsc_bias() {
    frame_.tsc_bias = env_.tsc_bias() + frame_.cpu.tsc_offset + frame_.cpu.tsc_adjust;
}

void JitVcpu::rearm_if_pending() {
    if ((frame_.cpu.rflags & kFlagIF) && env_.interrupt_pending()) kick();
}

bool JitVcpu::resume(u64 skip) {
    enter(reinterpret_cast<const u8*>(frame_.resume_pc + skip));
    return true;
}

namespace {

OpHandler handler_of(Op op) {
    const bool vector = op == Op::kGather || op == Op::kScatter || op == Op::kMaskmov;
    return vector ? vector_memory_op : op_handler(op);
}

/// Slow paths that write the x87 pointers to memory.
bool shows_x87_pointers(Op op) {
    switch (op) {
        case Op::kFnsave:
        case Op::kFnstenv:
        case Op::kFxsave:
        case Op::kXsave:
        case Op::kXsaveopt:
        case Op::kXsavec:
        case Op::kXsaves: return true;
        default: return false;
    }
}

}  // namespace

bool JitVcpu::on_helper(HelperSite& site) {
    CpuState& s = frame_.cpu;
    const Insn insn = located(site);
    ++counters_.helpers[static_cast<unsigned>(insn.op)];
    recorder_.helper(insn.rip, insn.op);
    s.rip = insn.next_rip();
    if (x87_error_) [[unlikely]] follow_x87_error();
    if (shows_x87_pointers(insn.op)) map_x87_pointers();
    const OpHandler handler = handler_of(insn.op);
    const Outcome outcome = handler != nullptr ? handler(cpu_, insn) : Outcome::fault(kVectorUD);
    if (handler == nullptr) log_unimplemented("instruction without a slow path", static_cast<u64>(insn.op));
    if (insn.op == Op::kWrmsr) update_tsc_bias();
    if (outcome.faulted()) {
        s.rip = insn.rip;
        deliver_fault(outcome);
        return false;
    }
    if (insn.op != Op::kIret && insn.op != Op::kPopf) s.rflags &= ~u64{kFlagRF};
    const Mode mode = site.block->key.mode;
    if (trap_after(insn, mode)) return false;
    run_one_ = s.pending_db != 0;  // held back by MOV SS
    const bool shadowed = s.shadow != kShadowNone && mode.has(Mode::kSingleStep | Mode::kOneInsn);
    if (run_one_ || shadowed || site.ends_block || !site.block->valid || s.rip != insn.next_rip()) return false;
    s.shadow = kShadowNone;  // the next instruction runs in this block before any boundary
    rearm_if_pending();
    return resume(8);
}

void JitVcpu::report_triple_fault() const {
    if (!log_.on(kLogInt)) return;
    log_.write(kLogInt, "triple fault at {:#x}", frame_.cpu.rip);
    dump_history();
}

void JitVcpu::dump_history() const { recorder_.dump(log_, 64); }

bool JitVcpu::wakes() {
    const CpuState& s = frame_.cpu;
    return s.nmi_pending || ((s.rflags & kFlagIF) && env_.interrupt_pending());
}

}  // namespace twin86::jit
