#include "tests/diff/session.h"

#include "base/check.h"
#include "tests/diff/compare.h"
#include "tests/diff/leeway.h"
#include "tests/diff/random_state.h"

namespace twin86::diff {

namespace {

jit::JitOptions block_options() {
    jit::JitOptions o;
    o.code_size = 16 * MiB;
    return o;
}

jit::JitOptions step_options() {
    jit::JitOptions o = block_options();
    o.max_insns = 1;
    return o;
}

}  // namespace

/// What SLDT or STR stores natively, which ring 3 may ask unless CR4.UMIP makes it #GP (and the host's kernel no answer).
u16 Session::native_store(u8 modrm, u16 otherwise) {
    Case c;
    plain_vector_state(c.in);
    c.program.items.push_back(raw({0x0f, 0x00, modrm}));
    CHECK(c.to_job(oracle_.job(0)));
    oracle_.execute(1);
    const JobResult& result = oracle_.result(0);
    return oracle_.valid(0) && result.vector == kVectorBP ? static_cast<u16>(result.out.gpr[kRax]) : otherwise;
}

SystemSelectors Session::native_selectors() {
    const SystemSelectors usual;
    return {native_store(0xc0, usual.ldt), native_store(0xc8, usual.task)};
}

Session::Session()
    : blocks_(std::make_unique<GuestRunner>(block_options(), true, native_selectors())),
      steps_(std::make_unique<GuestRunner>(step_options(), true, native_selectors())),
      kernel_(std::make_unique<GuestRunner>(block_options(), false, native_selectors())),
      decoder_(DecoderOptions{.amd_branches = model().is_amd(), .lzcnt = model().has(Feature::kAbm), .tzcnt = model().has(Feature::kBmi1)}) {}

/// A job with what the native side made of it, and where the translators' results go.
struct Session::Trial {
    const Job& job;
    const JobResult& native;
    const Leeway& leeway;
    u64 flags;  ///< that count
    Verdict& verdict;
};

void Session::run_guest(GuestRunner& runner, const char* name, const Trial& t) {
    static JobResult guest;
    if (!runner.run(t.job, guest)) {
        t.verdict.differences.push_back(fmt::format("{}: {}", name, runner.failure()));
        return;
    }
    t.leeway.apply(guest);
    for (const std::string& line : compare(t.native, guest, t.flags, t.job.loads_segments)) t.verdict.differences.push_back(fmt::format("{}: {}", name, line));
}

/// Compares the translators with the native side, which has executed `job`.
void Session::judge_job(const Job& job, const JobResult& native, const FlagWalk& walk, bool several, Verdict& verdict) {
    const Leeway leeway(decoder_, job, native);
    verdict.comparable = !leeway.outcome_is_open();
    if (!verdict.comparable) return;
    verdict.vector = native.vector;
    const Trial trial{job, native, leeway, leeway.defined_flags(walk), verdict};
    run_guest(*blocks_, "blocks", trial);
    // Ring 0 has no alignment checks.
    if (!job.loads_segments && !(job.in.rflags & kFlagAC)) run_guest(*kernel_, "ring 0", trial);
    if (several) run_guest(*steps_, "steps", trial);
}

bool Session::usable(const Case& c) const {
    Job job;
    return c.to_job(job) && !walk_flags(decoder_, job).reads_undefined;
}

void Session::judge(std::span<const Case> cases, std::span<Verdict> verdicts) {
    struct Running {
        unsigned index;
        FlagWalk walk;
    };
    std::vector<Running> running;
    for (unsigned n = 0; n < cases.size(); ++n) {
        verdicts[n] = {};
        Job& job = oracle_.job(static_cast<unsigned>(running.size()));
        if (!cases[n].to_job(job)) continue;
        const FlagWalk walk = walk_flags(decoder_, job);
        if (!walk.reads_undefined) running.push_back({n, walk});
    }
    oracle_.execute(static_cast<u32>(running.size()));
    for (unsigned i = 0; i < running.size(); ++i) {
        const auto& [n, walk] = running[i];
        if (oracle_.valid(i)) judge_job(oracle_.job(i), oracle_.result(i), walk, cases[n].program.items.size() > 1, verdicts[n]);
    }
}

Verdict Session::judge(const Case& c) {
    Verdict v;
    judge({&c, 1}, {&v, 1});
    return v;
}

}  // namespace twin86::diff
