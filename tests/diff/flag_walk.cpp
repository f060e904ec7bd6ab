#include "tests/diff/flag_walk.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tests/diff/segments.h"

namespace twin86::diff {

namespace {

/// Where a branch goes, as an offset; branches through registers may go anywhere behind.
u64 farthest_target(const Insn& i, u64 end) {
    switch (i.op) {
        case Op::kJcc: case Op::kJmpRel: case Op::kCallRel:
        case Op::kLoop: case Op::kLoope: case Op::kLoopne: case Op::kJcxz: return i.next_rip() + static_cast<u64>(i.imm);
        case Op::kJmpRm: case Op::kCallRm: case Op::kRet: case Op::kRetImm: return end;
        default: return 0;
    }
}

}  // namespace

namespace {

bool is_call(const Insn& i) { return i.op == Op::kCallRel || i.op == Op::kCallRm; }
bool is_indirect(const Insn& i) {
    return i.op == Op::kRet || i.op == Op::kRetImm || i.op == Op::kJmpRm || i.op == Op::kCallRm;
}

/// One pass in order of addresses. `at_target` has the flags that a branch back brings to an offset undefined.
FlagWalk walk_once(const Decoder& decoder, const Job& job, std::map<u64, u64>& at_target) {
    FlagWalk walk;
    u64 undefined = 0, skipped_until = 0;
    std::vector<u64> known;  // where a return or an indirect branch may lead: behind calls, and what constants name
    const u64 end = job.code_size - 1;
    for (u64 at = 0; at < end;) {
        Insn insn;
        if (decoder.decode({job.code + at, std::min<u64>(15, job.code_size - at)}, at, job.bits, insn) != DecodeStatus::kOk) break;
        if (const auto back = at_target.find(at); back != at_target.end()) undefined |= back->second;
        walk.reads_undefined |= (insn.flags_read & undefined) != 0;
        if (at >= skipped_until) undefined &= ~u64{insn.flags_written};
        undefined |= insn.flags_undefined;
        walk.undefined_somewhere |= insn.flags_undefined;
        if (is_call(insn)) known.push_back(insn.next_rip());
        const u64 constant = static_cast<u32>(insn.imm) - job.start();
        if (insn.imm_size >= 2 && constant < end) known.push_back(constant);
        if (is_indirect(insn))
            for (const u64 back : known) at_target[back] |= undefined;
        const u64 target = farthest_target(insn, end);
        if (insn.op == Op::kJcc && target <= at) at_target[target] |= undefined;
        else skipped_until = std::max(skipped_until, target);
        at += insn.length;
    }
    walk.undefined_at_end = undefined;
    return walk;
}

/// A return within another code segment than that of its call goes kCodeShift bytes astray, into the middle of an instruction perhaps.
/// True: what is found there leaves flags undefined, and who reads them next is anyone's guess.
bool strays_to_undefined(const Decoder& decoder, const Job& job) {
    const auto decode = [&](u64 at, Insn& insn) { return decoder.decode({job.code + at, std::min<u64>(15, job.code_size - at)}, at, job.bits, insn) == DecodeStatus::kOk; };
    std::set<u64> starts;
    std::vector<u64> returns;
    Insn insn;
    for (u64 at = 0; at < job.code_size && decode(at, insn); at += insn.length) {
        starts.insert(at);
        if (is_call(insn) || insn.op == Op::kFarCall) returns.push_back(insn.next_rip() + kCodeShift), returns.push_back(insn.next_rip() - kCodeShift);
    }
    for (const u64 to : returns)
        for (u64 at = to; at < job.code_size && !starts.contains(at) && decode(at, insn); at += insn.length)
            if (insn.flags_undefined != 0) return true;
    return false;
}

}  // namespace

FlagWalk walk_flags(const Decoder& decoder, const Job& job) {
    if (job.loads_segments && strays_to_undefined(decoder, job)) return {.reads_undefined = true};
    std::map<u64, u64> at_target, before;
    for (;;) {
        const FlagWalk walk = walk_once(decoder, job, at_target);
        if (at_target == before) return walk;
        before = at_target;
    }
}

}  // namespace twin86::diff
