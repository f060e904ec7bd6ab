#include "tests/diff/leeway.h"

#include <Zydis/Mnemonic.h>

#include "cpu/state/fault.h"
#include "tests/diff/corpus.h"
#include "tests/diff/segments.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace twin86::diff {

namespace {

bool falls_through(const Insn& i) { return i.klass == InsnClass::kCopy || i.klass == InsnClass::kRewriteMem || i.klass == InsnClass::kSpecial; }

bool is_memory_fault(int vector) { return vector == kVectorPF || vector == kVectorGP || vector == kVectorSS; }

bool branches(const Insn& i) {
    switch (i.op) {
        case Op::kJcc: case Op::kJmpRel: case Op::kJmpRm: case Op::kCallRel: case Op::kCallRm: case Op::kRet: case Op::kRetImm:
        case Op::kLoop: case Op::kLoope: case Op::kLoopne: case Op::kJcxz: return true;
        default: return false;
    }
}

/// Areas that must be aligned.
bool is_state_area(Op op) {
    switch (op) {
        case Op::kFxsave: case Op::kFxrstor: case Op::kXsave: case Op::kXsaveopt: case Op::kXsavec: case Op::kXrstor: return true;
        default: return false;
    }
}

/// An operand that processors access in pieces, each checked for itself.
bool goes_by_pieces(const Insn& i) {
    if (is_state_area(i.op) || i.mem.size >= 64 || i.mem.size == 10) return true;
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_FBLD: case ZYDIS_MNEMONIC_FBSTP:
        case ZYDIS_MNEMONIC_VCOMPRESSPS: case ZYDIS_MNEMONIC_VCOMPRESSPD: case ZYDIS_MNEMONIC_VPCOMPRESSB: case ZYDIS_MNEMONIC_VPCOMPRESSW:
        case ZYDIS_MNEMONIC_VPCOMPRESSD: case ZYDIS_MNEMONIC_VPCOMPRESSQ: return true;
        default: return false;
    }
}

/// The offset in the job's code, in whichever segment it stopped. Other segments than kCodeAlias come to the alias at their ends.
u64 stop_of(const Job& job, const JobResult& native) {
    u64 offset = native.out.rip - job.start();
    for (u8 v = kCodeHere; job.loads_segments && v < kCodeViews; ++v)
        if (native_selector(code_segment(job.bits, static_cast<CodeView>(v))) == native.selector[kCs]) {
            offset += code_shift(static_cast<CodeView>(v));
            break;
        }
    const u64 alias = code_shift(kCodeAlias);
    return offset - alias + job.code_offset < kPageSize ? offset - alias : offset;
}

}  // namespace

Leeway::Leeway(const Decoder& decoder, const Job& job, const JobResult& native)
    : decoder_(decoder), job_(job), native_(native), stop_(stop_of(job, native)) {
    if (stop_ < job.code_size) status_ = decode(stop_, insn_);
}

DecodeStatus Leeway::decode(u64 at, Insn& insn) const {
    return decoder_.decode({job_.code + at, std::min<u64>(15, job_.code_size - at)}, 0, job_.bits, insn);
}

/// Undefined and longer than 15 bytes at once: processors differ in whether #UD or #GP comes first.
bool Leeway::undefined_and_too_long() const { return native_.vector == kVectorUD && status_ == DecodeStatus::kTooLong; }

/// Bytes that the manuals call undefined and this processor executes: AMD ignores reserved bits of VEX and EVEX.
bool Leeway::lenient_host() const {
    Insn first;
    return decode(0, first) == DecodeStatus::kUndefined && !(native_.vector == kVectorUD && stop_ == 0);
}

/// A program that jumps into the middle of its instructions may come to one that ring 0 may execute and ring 3 may not.
bool Leeway::depends_on_ring() const {
    if (job_.loads_segments) return false;
    return native_.vector == kVectorGP && status_ == DecodeStatus::kOk && !Corpus::runnable(insn_) && !branches(insn_);
}

/// The words of a far return are read in any order, and checked for alignment then. Programs come to one by jumping into the middle of
/// an instruction.
bool Leeway::returns_far() const {
    const bool reads = native_.vector == kVectorPF || native_.vector == kVectorAC;
    return reads && status_ == DecodeStatus::kOk && insn_.op == Op::kFarRet;
}

/// Where CR4.UMIP forbids SLDT and its kin Linux stores for them, and reports of any page that faults that it is absent.
bool Leeway::host_kernel_stores() const {
    if (native_.vector != kVectorPF || status_ != DecodeStatus::kOk) return false;
    return insn_.op == Op::kSldt || insn_.op == Op::kStr || insn_.op == Op::kSmsw || insn_.op == Op::kSgdt || insn_.op == Op::kSidt;
}

/// BT and its kin in a bit string beyond FS or GS: this processor wants the offset in the segment to be canonical too.
bool Leeway::checks_bit_string_offset() const {
    const bool bit_string = insn_.op == Op::kBtMem || insn_.op == Op::kBtsMem || insn_.op == Op::kBtrMem || insn_.op == Op::kBtcMem;
    const bool based = insn_.mem.segment == kFs || insn_.mem.segment == kGs;
    return native_.vector == kVectorGP && status_ == DecodeStatus::kOk && job_.bits == 64 && bit_string && based;
}

/// ICEBP is a trap, but under a hypervisor that intercepts #DB an AMD processor reports it before the instruction.
bool Leeway::traps_early() const { return native_.vector == kVectorDB && stop_ < job_.code_size && job_.code[stop_] == 0xf1; }

/// CMPS with two operands that fault, with and without REP: Zen 4 looks at ES:rDI first, Zen 5 at the other, alignment included.
bool Leeway::either_operand_may_fault_first(const JobResult& guest) const {
    const auto of_operand = [](int vector) { return is_memory_fault(vector) || vector == kVectorAC; };
    return of_operand(native_.vector) && of_operand(guest.vector) && status_ == DecodeStatus::kOk && insn_.op == Op::kCmps;
}

/// The first of several elements faults alone, and the operand as a whole is not canonical.
bool Leeway::crosses_canonical_border(const JobResult& guest) const {
    constexpr u64 kBorder = u64{1} << 47;
    return native_.vector == kVectorPF && guest.vector == kVectorGP && native_.cr2 < kBorder && kBorder - native_.cr2 < 64 && (insn_.mem.suppresses_faults || insn_.mem.packed_by_mask);
}

/// An operand that begins below 4 GiB and ends above, with 32-bit addresses in 64-bit mode: where its end lies is the processor's choice.
bool Leeway::wraps_at_4_gib(const JobResult& guest) const {
    return native_.vector == kVectorPF && status_ == DecodeStatus::kOk && insn_.address_bits == 32 && guest.cr2 == native_.cr2 + 4 * GiB;
}

/// Beyond a limit and misaligned, or with elements that fault for different reasons: SDM vol. 3, 6.9 leaves the order open.
bool Leeway::either_check_may_come_first(const JobResult& guest) const {
    if (job_.bits == 64 || status_ != DecodeStatus::kOk || !is_memory_fault(native_.vector) || !is_memory_fault(guest.vector)) return false;
    if (insn_.mem.suppresses_faults || goes_by_pieces(insn_)) return true;
    return insn_.mem.aligned && native_.vector == kVectorGP && guest.vector == kVectorSS;
}

/// Misaligned pieces of ENTER and PUSHA: which are checked, and what has been written, is up to the processor.
bool Leeway::checks_alignment_of_pieces() const {
    return native_.vector == kVectorAC && status_ == DecodeStatus::kOk && (insn_.op == Op::kEnter || insn_.op == Op::kPusha);
}

/// Misaligned areas of state and other operands that go by pieces or elements: #AC may come before what else is wrong or, with FXSAVE,
/// in place of #GP (SDM vol. 2, FXSAVE).
bool Leeway::alignment_may_come_first(const JobResult& guest) const {
    const bool native_first = native_.vector == kVectorAC && is_memory_fault(guest.vector);
    const bool guest_first = guest.vector == kVectorAC && is_memory_fault(native_.vector);
    if (status_ != DecodeStatus::kOk || !(native_first || guest_first)) return false;
    switch (insn_.op) {
        case Op::kFnstenv: case Op::kFnsave: case Op::kFldenv: case Op::kFrstor: return true;
        default: return goes_by_pieces(insn_) || insn_.mem.suppresses_faults;
    }
}

/// From the last bytes of a segment of 4 GiB on to its first: SDM vol. 3, 5.3 lets processors fault or not.
bool Leeway::wraps_in_segment(const JobResult& guest) const {
    if (job_.bits == 64 || status_ != DecodeStatus::kOk || guest.vector != kVectorPF) return false;
    if (native_.vector != kVectorGP && native_.vector != kVectorSS) return false;
    const auto wraps = [&](unsigned segment) {
        const u32 offset = static_cast<u32>(guest.cr2 - segment_base(job_.in, job_.bits, segment));
        return segment_limit(static_cast<SegmentNumber>(job_.in.segment[segment])) == ~u32{0} && ~offset < kPageSize;
    };
    return wraps(insn_.mem.segment) || wraps(kSs);
}

/// Known gap (ARCHITECTURE.md): that a target is not canonical is found out when CALL has pushed; only RSP is taken back.
bool Leeway::calls_invalid_target() const {
    return native_.vector == kVectorGP && status_ == DecodeStatus::kOk && insn_.op == Op::kCallRm && insn_.is64();
}

/// PUSHA or a far CALL of which a part cannot be pushed: some of it may have been written. A far CALL beyond the limit of
/// the new CS has pushed on some processors.
bool Leeway::pushes_some() const {
    if (status_ != DecodeStatus::kOk) return false;
    if (insn_.op == Op::kFarCall && native_.vector == kVectorGP) return true;
    return (native_.vector == kVectorSS || native_.vector == kVectorPF) && (insn_.op == Op::kPusha || insn_.op == Op::kFarCall);
}

/// Where the stack pointer points at the stop: programs that load segments may have loaded SS.
Gva Leeway::stack_top() const {
    MachineState now = job_.in;
    for (u8 n = kLdtFirst; job_.loads_segments && n < kLdtEnd; ++n)
        if (native_selector(static_cast<SegmentNumber>(n)) == native_.selector[kSs]) now.segment[kSs] = n;
    const bool narrow = job_.bits != 64 && !is_big(static_cast<SegmentNumber>(now.segment[kSs]));
    return segment_base(now, job_.bits, kSs) + (narrow ? native_.out.gpr[kRsp] & 0xffff : native_.out.gpr[kRsp]);
}

/// The native side's bytes below the stack pointer, as far as they lie in the data.
void Leeway::take_stack(JobResult& guest, u64 size) const {
    const u64 end = stack_top() - kDataBase;
    if (end > kDataSize) return;
    const u64 at = end - std::min(size, end);
    std::memcpy(guest.data + at, native_.data + at, end - at);
}

void Leeway::apply(JobResult& guest) const {
    if (crosses_canonical_border(guest) || either_operand_may_fault_first(guest) || either_check_may_come_first(guest) || wraps_in_segment(guest) || alignment_may_come_first(guest))
        guest.vector = native_.vector, guest.error_code = native_.error_code, guest.cr2 = native_.cr2;
    if (guest.vector != native_.vector) return;
    if (wraps_at_4_gib(guest)) guest.cr2 = native_.cr2;
    if (host_kernel_stores()) guest.error_code &= native_.error_code | ~kPfPresent;
    if (calls_invalid_target()) take_stack(guest, insn_.operand_bits / 8);
    if (pushes_some()) take_stack(guest, insn_.operand_bits);
}

/// Flags that nothing reads before they are overwritten are not kept at a fault: the handler sees other values than on
/// hardware, and no program can depend on it that returns to the instruction.
u64 Leeway::defined_flags(const FlagWalk& walk) const {
    if (native_.vector == kVectorBP) return kComparedFlags & ~walk.undefined_at_end;
    std::vector<Insn> insns;
    Insn insn;
    for (u64 at = stop_; at < job_.code_size; at += insn.length) {
        if (decode(at, insn) != DecodeStatus::kOk) break;
        const bool nothing = insn.op == (native_.out.rflags & kFlagDF ? Op::kStd : Op::kCld);  // and translated as nothing
        if (!nothing && (!falls_through(insn) || branches(insn))) break;
        insns.push_back(insn);
    }
    u64 live = kFlagsArithmetic;
    for (std::size_t n = insns.size(); n-- > 0;) live = (live & ~u64{insns[n].flags_written}) | insns[n].flags_read;
    return (live & kFlagsArithmetic & ~walk.undefined_somewhere) | kFlagDF;
}

}  // namespace twin86::diff
