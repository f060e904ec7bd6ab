// JitVcpu: one processor run by the translator. run() is a state machine around emitted code: enter, leave with a
// reason, act in C++, enter again. Files: run_loop.cpp (reasons), faults.cpp, slow_memory.cpp (accesses),
// address_space.cpp (translation caches), jumps.cpp, slow_string.cpp.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accel/environment.h"
#include "accel/jit/block_map.h"
#include "accel/jit/flight_recorder.h"
#include "accel/jit/site_set.h"
#include "accel/jit/translator.h"
#include "accel/model_cpuid.h"
#include "accel/vcpu.h"
#include "base/log.h"
#include "cpu/semantics/cpu.h"
#include "mmu/windows.h"

namespace twin86::jit {

/// The frame, the JIT stack below it and guard pages around both.
class FrameMemory {
  public:
    static Result<std::unique_ptr<FrameMemory>> create();
    ~FrameMemory();
    JitFrame& frame() { return *frame_; }
    /// A page that emitted code must never read: the poll pointer of a kicked vCPU.
    const u8* inaccessible() const { return base_; }

  private:
    FrameMemory() = default;
    u8* base_ = nullptr;
    u64 size_ = 0;
    JitFrame* frame_ = nullptr;
};

struct RunCounters {
    u64 exits[16] = {};
    u64 helpers[static_cast<unsigned>(Op::kCount)] = {};
    u64 window_faults = 0, window_misses = 0, flushes = 0, page_flushes = 0, switches = 0, kicks = 0, interrupts = 0, exceptions = 0, cache_clears = 0;
};

class JitVcpu : public Vcpu, public CpuHost, private CodeFetcher, private CodeWriteListener, private PhysMapListener {
  public:
    static Result<std::unique_ptr<JitVcpu>> create(const JitOptions& options, const CpuModel& model, PhysMap& phys,
                                                   VcpuEnvironment& environment, Log& log);
    ~JitVcpu() override;

    RunExit run() override;
    Step step(u64 blocks) override;
    bool return_at_user() override;
    void limit_blocks(unsigned instructions) override;
    std::string code_here() override;
    void request_exit() override;
    void kick() override;
    void set_timer_deadline(u64 host_tsc) override { __atomic_store_n(&frame_.timer_deadline, host_tsc, __ATOMIC_RELAXED); }
    CpuState& state() override { return frame_.cpu; }
    void state_changed() override;
    void registers_changed() override;
    bool take_flushes() override;
    const std::string& failure() const override { return failure_; }
    std::string statistics() const override;
    void set_nmi_pending() override { frame_.cpu.nmi_pending = true; }
    bool wakes() override;
    void dump_history() const override;

    // CpuHost
    Outcome read_linear(Gva address, void* to, unsigned size, bool supervisor) override;
    Outcome write_linear(Gva address, const void* from, unsigned size, bool supervisor) override;
    Outcome probe_read(Gva address, unsigned size) override;
    Outcome probe_write(Gva address, unsigned size, bool supervisor) override;
    bool valid_pae_pointers(u64 cr3) override;
    void flush(FlushKind kind, unsigned pcid) override;
    void flush_page(Gva address, unsigned pcid, bool all_pcids) override;
    void address_space_switched(bool keep) override;
    u32 port_read(IoPort port, unsigned size) override;
    void port_write(IoPort port, unsigned size, u32 value) override;
    u8 read_tpr() override { return env_.read_tpr(); }
    void write_tpr(u8 cr8) override { env_.write_tpr(cr8); }
    bool read_apic_msr(u32 index, u64& value) override { return env_.read_apic_msr(index, value); }
    bool write_apic_msr(u32 index, u64 value) override { return env_.write_apic_msr(index, value); }
    u64 read_tsc() override { return env_.read_tsc(); }
    void log_unimplemented(const char* what, u64 detail) override;

  private:
    /// A linear access as pages: one or two pieces.
    struct Piece {
        Gpa physical;
        unsigned size;
    };
    struct Pieces {
        Piece at[2];
        unsigned count = 0;
    };

    JitVcpu(const JitOptions& options, const CpuModel& model, PhysMap& phys, VcpuEnvironment& environment, Log& log,
            std::unique_ptr<FrameMemory> memory, std::unique_ptr<CodeCache> cache, HostPages code_lines, JumpTables jumps,
            HostPages code_index);

    // step.cpp
    bool may_step(RunExit& exit);
    bool passes_poll(const Block& block, const SidePoint& poll);
    bool leaves_links();
    std::vector<Insn> decode_all(const Block& block) const;

    // run_loop.cpp
    bool came_to_user();
    bool runs_user_code() const;
    void disarm();
    bool take_events();
    void execute();
    bool dispatch();
    bool enter_cached();
    void use_mode(Mode mode);
    Mode current_mode();
    Block* find_block(ChainSite* site = nullptr) { return begin_instruction() ? find_block(frame_.mode, site) : nullptr; }
    Block* find_block(Mode mode, ChainSite* site = nullptr);  ///< `site`: what leads there for good
    Block* translate_here(const BlockKey& key, Gva linear, ChainSite* site);
    void enter(const u8* pc);
    void note_windows();
    void fill_initial_components();
    bool handle_exit();
    bool on_chain(ChainSite& site);
    void link_page(ChainSite& site, Block& to);
    bool may_stay_linked(const ChainSite& site, const Block& to);
    bool on_lookup();
    bool on_helper(HelperSite& site);
    void map_x87_pointers();
    u64 x87_data_pointer(const Block& block, const Insn& insn, u64 host);
    void signal_x87_error();
    void follow_x87_error();
    bool on_slow();
    bool on_commit();
    bool on_segment();
    bool resume(u64 skip);
    Insn located(const HelperSite& site) const;
    u64 rip_of(const Block& block, u32 guest_offset) const;
    bool decode_again(const Block& block, u32 guest_offset, u64 rip, Insn& insn) const;
    void rearm_if_pending();
    void update_tsc_bias();
    void log_block(const Block& block);
    void report_triple_fault() const;

    // window_access.cpp
    void create_windows();
    void flush_windows(FlushKind kind, unsigned pcid);
    Windows::FillResult fill_window(const Block& block, u32 guest_offset);
    bool on_region();
    void show_operands(const Block& block, u32 guest_offset);
    void note_code_write(const Block& block, u32 guest_offset, Gpa page);
    void note_miss(std::unordered_map<Gpa, u8>& misses, Gpa insn, unsigned most, SiteSet& learn);
    bool run_first(const Block& block, u32 guest_offset);
    bool run_alone(const Block& block);
    bool run_with_probe(const Block& block, u32 guest_offset);
    const u64* registers() const override { return frame_.cpu.gpr; }
    bool loop_is_steady(Gpa start) override;
    bool wants_probe(Gpa insn) override { return probed_sites_.contains(insn); }
    bool begins_no_run(Gpa insn) override { return lone_sites_.contains(insn); }
    static unsigned filter_index(Gpa at) { return SiteSet::filter_index(at); }
    void sample_windows();

    // debug_events.cpp
    Gva linear_rip() const;
    bool begin_instruction();
    void follow_breakpoints();
    bool code_page_watched(Gva linear) const;
    Outcome instruction_breakpoint(Gva linear);
    bool trap_after(bool stepped);
    bool trap_after(const Insn& insn, Mode mode);
    void note_helper_access(Gva address, unsigned size, bool write);
    bool note_data_breakpoints(Mode mode, u64 hits);

    // branch_fault.cpp
    bool valid_target(u64 rip) const;
    bool refuse_branch(u64 target);

    // faults.cpp
    void deliver_fault(const Outcome& fault);
    bool on_raise(HelperSite& site);
    void add_string_deltas(const SidePoint& point, int sign);
    bool on_fault();

    // slow_memory.cpp
    u8* through_tlb(Gva address, unsigned size, u8 kind, bool supervisor);
    Outcome resolve(Gva address, unsigned size, Access access, bool supervisor, Pieces& out);
    Outcome resolve_view(Gva address, unsigned size, Access access, u8 view, bool stack, Pieces& out);
    void read_pieces(const Pieces& pieces, u8* to);
    void write_pieces(const Pieces& pieces, const u8* from);
    bool writes_into(const Block& block, const AccessMeta& meta);
    Outcome prepare_bounce(const AccessMeta& meta, const HelperSite* masked, u8* buffer);
    bool is_ram(const Pieces& pieces) const;
    PagingContext paging_context(bool user, bool ac) const;

    // slow_string.cpp
    bool on_string(HelperSite& site);
    Outcome string_element(const Insn& insn, bool& finished);

    // changing_code.cpp
    bool on_stale(Block& block);
    void note_immediates(const Block& block);
    void settle_code();
    void code_written(Gpa address, u64 size) override;
    bool has_code(Gpa page) const override { return blocks_.has_code(page); }
    bool immediate_varies(Gpa insn) override { return blocks_.restless().varies(insn); }

    // address_space.cpp
    Outcome fetch_page(Gva linear, Gpa& physical) override;
    bool global_code(Gva linear) override;
    void writes_protected(Gpa base, u64 size) override;
    void range_remapped(Gpa base, u64 size) override;
    void address_lines_changed() override;
    void tlb_flush_all();
    void tlb_flush_non_global();
    void tlb_flush_va(Gva address);
    void revoke_writes(u64 host);

    // jumps.cpp
    void enter_space(bool flushed);
    void forget_jumps(bool supervisor);
    void forget_all_jumps();
    void clear_code();
    void use_jumps_of(Mode mode);  ///< makes the mode the current one too
    JumpTable* jumps_of(Mode mode);
    bool code_moved(u64 cr3) const;
    bool cache_jump(const Block& block);
    bool place_code(const Block& block, Gva linear);

    JitOptions options_;
    const CpuModel& model_;
    PhysMap& phys_;
    VcpuEnvironment& env_;
    Log& log_;
    std::unique_ptr<FrameMemory> memory_;
    JitFrame& frame_;
    std::unique_ptr<CodeCache> cache_;
    HostPages code_lines_;
    Thunks thunks_;
    BlockMap blocks_;
    Translator translator_;
    ModelCpuid cpuid_;
    Cpu cpu_;
    std::atomic<bool> exit_requested_ = false;
    std::string failure_;
    bool fatal_ = false;
    bool awaits_user_ = false, left_user_ = false;  ///< return_at_user()
    u64 flushes_taken_ = 0;  ///< of counters_, at the last take_flushes()
    bool stepping_ = false;    ///< step() executes: the poll is armed and counts
    u64 steps_left_ = 0;       ///< blocks that it may still enter
    bool raised_ = false;      ///< an exception was delivered since this was last cleared
    bool partial_ = false;     ///< the last block was left in its middle, or in that of a string instruction
    bool x87_error_ = false;  ///< FERR# is asserted
    RunCounters counters_;
    FlightRecorder recorder_;
    static constexpr u64 kNotReentered = ~u64{0};
    u64 re_entered_rip_ = kNotReentered;  ///< the rest of something that `-d exec` has shown
    std::array<u64, 5> armed_{};  ///< DR7 with CR4.DE, and DR0-3, as follow_breakpoints() saw them
    bool watched_code_ = false;   ///< an instruction breakpoint is armed
    bool run_one_ = false;        ///< the next block holds one instruction and leaves behind it
    u64 resume_flag_ = 0;         ///< RF before the last look for a block
    u64 filled_components_ = 0;  ///< XSAVE components that are in their initial state, as are their bytes in cpu.xsave
    std::unique_ptr<Windows> windows_;  ///< null: mmu=soft, or the host has no address space for them
    std::unordered_map<Gpa, u8> window_misses_;  ///< by instruction: faults that no window could answer
    std::unordered_map<Gpa, u8> code_writes_;    ///< by instruction: faults at pages that once had code
    std::bitset<65536> had_code_;                ///< pages, by filter_index()
    std::unordered_map<Gpa, u8> run_misses_;     ///< by the first of several that share a probe: what the probe could not serve
    SiteSet probed_sites_;  ///< instructions that miss windows too often
    SiteSet lone_sites_;    ///< ... or the probe that they share with others
    std::unordered_map<Gpa, u8> restless_loops_;  ///< by start: how often their pointers were not where they had been
    bool leave_loop(const Block& block);
    struct {
        u64 pc = 0, address = 0;
        unsigned count = 0;
    } last_window_fault_;  ///< a fault that filling does not cure must not repeat for ever
    u64 bounce_bytes_ = 0;  ///< which bytes of a masked bounced access are active

    // Jumps (jumps.cpp).
    JumpTables jumps_;
    HostPages code_index_;  ///< a CodeIndex
    u64 current_space_ = 0;                  ///< CR3 when it was loaded last
    u64 space_now() const { return frame_.cpu.cr3 & ~bit(63); }  ///< bit 63 of what is loaded only says what to keep
    bool non_global_supervisor_jumps_ = false;
    std::unordered_set<Gva> code_pages_;  ///< linear pages that cached jumps or links lead to
    void note_code_page(Gva a);
    std::array<Gva, 256> noted_pages_{};  ///< some that are in there for sure, plus 1

    struct ExecEntry {
        Gva page = ~u64{0};
        Gpa physical = 0;
        bool global = false;
    };
    static constexpr unsigned kExecEntries = 256;
    std::vector<ExecEntry> exec_tlb_[2];  ///< supervisor, user
    void exec_tlb_clear();
};

}  // namespace twin86::jit
