#include "tests/diff/session.h"

#include "tests/diff/compare.h"
#include "tests/diff/flag_walk.h"

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

bool falls_through(const Insn& i) { return i.klass == InsnClass::kCopy || i.klass == InsnClass::kRewriteMem || i.klass == InsnClass::kSpecial; }

bool branches(const Insn& i) {
    switch (i.op) {
        case Op::kJcc: case Op::kJmpRel: case Op::kJmpRm: case Op::kCallRel: case Op::kCallRm: case Op::kRet: case Op::kRetImm:
        case Op::kLoop: case Op::kLoope: case Op::kLoopne: case Op::kJcxz: return true;
        default: return false;
    }
}

}  // namespace

Session::Session()
    : blocks_(std::make_unique<GuestRunner>(block_options(), true)),
      steps_(std::make_unique<GuestRunner>(step_options(), true)),
      kernel_(std::make_unique<GuestRunner>(block_options(), false)),
      decoder_(DecoderOptions{.amd_branches = model().is_amd(), .lzcnt = model().has(Feature::kAbm), .tzcnt = model().has(Feature::kBmi1)}) {}

/// Known gap: RET, JMP and CALL to a non-canonical address fault at the target instead of at the branch.
bool known_gap(const Decoder& decoder, const Job& job, const JobResult& native) {
    const u64 at = native.out.rip - kCodeBase - job.code_offset;
    if (native.vector != kVectorGP || at >= job.code_size) return false;
    Insn insn;
    const std::span<const u8> bytes(job.code + at, std::min<u64>(15, job.code_size - at));
    if (decoder.decode(bytes, 0, job.bits, insn) != DecodeStatus::kOk) return false;
    return insn.op == Op::kRet || insn.op == Op::kRetImm || insn.op == Op::kJmpRm || insn.op == Op::kCallRm;
}

/// Undefined and longer than 15 bytes at once: processors differ in whether #UD or #GP comes first.
bool undefined_and_too_long(const Decoder& decoder, const Job& job, const JobResult& native) {
    const u64 at = native.out.rip - kCodeBase - job.code_offset;
    if (native.vector != kVectorUD || at >= job.code_size) return false;
    Insn insn;
    const std::span<const u8> bytes(job.code + at, std::min<u64>(15, job.code_size - at));
    return decoder.decode(bytes, 0, job.bits, insn) == DecodeStatus::kTooLong;
}

/// Bytes that the manuals call undefined and this processor executes: AMD ignores reserved bits of VEX and EVEX.
bool lenient_host(const Decoder& decoder, const Job& job, const JobResult& native) {
    Insn insn;
    const DecodeStatus status = decoder.decode({job.code, std::min<u64>(15, job.code_size)}, 0, job.bits, insn);
    if (status == DecodeStatus::kTooLong) return false;
    return status == DecodeStatus::kUndefined && !(native.vector == kVectorUD && native.out.rip == kCodeBase + job.code_offset);
}

/// Flags that nothing reads before they are overwritten are not kept at a fault: the handler sees other values than on
/// hardware, and no program can depend on it that returns to the instruction.
u64 Session::flags_that_count(const Job& job, const JobResult& native) const {
    const FlagWalk walk = walk_flags(decoder_, job);
    if (native.vector == kVectorBP) return kComparedFlags & ~walk.undefined_at_end;
    std::vector<Insn> insns;
    u64 at = native.out.rip - kCodeBase - job.code_offset;
    while (at < job.code_size) {
        Insn insn;
        const std::span<const u8> bytes(job.code + at, std::min<u64>(15, job.code_size - at));
        if (decoder_.decode(bytes, 0, job.bits, insn) != DecodeStatus::kOk || !falls_through(insn) || branches(insn)) break;
        insns.push_back(insn);
        at += insn.length;
    }
    u64 live = kFlagsArithmetic;
    for (std::size_t n = insns.size(); n-- > 0;) live = (live & ~u64{insns[n].flags_written}) | insns[n].flags_read;
    return (live & kFlagsArithmetic & ~walk.undefined_somewhere) | kFlagDF;
}

/// CMPS with two operands that fault: processors differ in which they report, with and without REP.
bool Session::either_operand_may_fault_first(const Job& job, const JobResult& native) const {
    const u64 at = native.out.rip - kCodeBase - job.code_offset;
    if (native.vector != kVectorPF || at >= job.code_size) return false;
    Insn insn;
    const std::span<const u8> bytes(job.code + at, std::min<u64>(15, job.code_size - at));
    return decoder_.decode(bytes, 0, job.bits, insn) == DecodeStatus::kOk && insn.op == Op::kCmps;
}

void Session::run_guest(GuestRunner& runner, const char* name, const Job& job, const JobResult& native, Verdict& verdict) {
    static JobResult guest;
    if (!runner.run(job, guest)) {
        verdict.differences.push_back(fmt::format("{}: {}", name, runner.failure()));
        return;
    }
    if (guest.vector == native.vector && either_operand_may_fault_first(job, native)) {
        guest.cr2 = native.cr2;
        guest.error_code = native.error_code;
    }
    for (const std::string& line : compare(native, guest, flags_that_count(job, native)))
        verdict.differences.push_back(fmt::format("{}: {}", name, line));
}

bool Session::usable(const Case& c) const {
    Job job;
    return c.to_job(job) && !walk_flags(decoder_, job).reads_undefined;
}

void Session::judge(std::span<const Case> cases, std::span<Verdict> verdicts) {
    std::vector<unsigned> index;
    for (unsigned n = 0; n < cases.size(); ++n) {
        verdicts[n] = {};
        Job& job = oracle_.job(static_cast<unsigned>(index.size()));
        if (cases[n].to_job(job) && !walk_flags(decoder_, job).reads_undefined) index.push_back(n);
    }
    oracle_.execute(static_cast<u32>(index.size()));
    for (unsigned i = 0; i < index.size(); ++i) {
        Verdict& v = verdicts[index[i]];
        v.comparable = oracle_.valid(i) && !known_gap(decoder_, oracle_.job(i), oracle_.result(i)) &&
                       !undefined_and_too_long(decoder_, oracle_.job(i), oracle_.result(i)) &&
                       !lenient_host(decoder_, oracle_.job(i), oracle_.result(i));
        if (!v.comparable) continue;
        const JobResult& native = oracle_.result(i);
        v.vector = native.vector;
        run_guest(*blocks_, "blocks", oracle_.job(i), native, v);
        run_guest(*kernel_, "ring 0", oracle_.job(i), native, v);
        if (cases[index[i]].program.items.size() > 1) run_guest(*steps_, "steps", oracle_.job(i), native, v);
    }
}

Verdict Session::judge(const Case& c) {
    Verdict v;
    judge({&c, 1}, {&v, 1});
    return v;
}

}  // namespace twin86::diff
