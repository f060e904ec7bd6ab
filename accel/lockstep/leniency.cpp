#include "accel/lockstep/leniency.h"

#include "accel/guest_code.h"
#include "cpu/decode/decoder.h"
#include "mmu/page_walk.h"

namespace twin86 {

namespace {

constexpr u64 kPresent = 1, kAccessed = 1 << 5, kLarge = 1 << 7;
constexpr unsigned kCodeBytes = 64;
constexpr u64 kAddressMask = 0x000f'ffff'ffff'f000;

unsigned paging_levels(const CpuState& s) {
    if ((s.cr0 & kCr0PG) == 0) return 0;
    if (s.long_mode()) return (s.cr4 & kCr4LA57) != 0 ? 5 : 4;
    return (s.cr4 & kCr4PAE) != 0 ? 3 : 2;
}

/// No branch, and nothing that hands flags to somebody else.
bool goes_straight_on(const Insn& insn) {
    const bool special = insn.klass == InsnClass::kSpecial && insn.op >= Op::kPushReg;
    return special || insn.klass == InsnClass::kCopy || insn.klass == InsnClass::kRewriteMem;
}

}  // namespace

PagingPages::PagingPages(const CpuState& state, const PhysPages& pages) : pages_(pages) {
    const unsigned levels = paging_levels(state);
    if (levels == 2) entry_bytes_ = 4;
    if (levels != 0) add(state.cr3 & kAddressMask, levels);
}

/// Tables that a loop of entries reaches again are there already. A PAE directory's pointers count as a whole page.
void PagingPages::add(Gpa table, unsigned level) {
    const u8* const at = pages_.ram_page(table);
    if (at == nullptr || !found_.insert(table & kPageMask).second || level == 1) return;
    for (unsigned offset = 0; offset < kPageSize; offset += entry_bytes_) {
        const u64 entry =
            entry_bytes_ == 8 ? *reinterpret_cast<const u64*>(at + offset) : *reinterpret_cast<const u32*>(at + offset);
        if ((entry & kPresent) != 0 && ((entry & kLarge) == 0 || level > 3)) add(entry & kAddressMask, level - 1);
    }
}

u64 dead_flags(const CpuState& state, const PhysPages& pages, const CpuModel& model) {
    static const Decoder decoder;
    const std::vector<u8> code = code_at(state, state.rip, kCodeBytes, pages, model.physical_bits());
    u64 read = 0, dead = 0;
    for (std::size_t at = 0; at < code.size();) {
        Insn insn;
        if (decoder.decode(std::span(code).subspan(at), state.rip + at, code_bits(state), insn) != DecodeStatus::kOk)
            break;
        read |= insn.flags_read & ~dead;
        if (!goes_straight_on(insn)) break;
        dead |= insn.flags_written & ~read;
        at += insn.length;
    }
    return dead & kFlagsArithmetic;
}

/// - Accessed bits are set when a translation is cached, and each engine caches what it likes.
/// - Flags that nothing reads are not kept for a fault's frame (ARCHITECTURE.md).
bool Leniency::allows(Gpa address, u32 first, u32 second) const {
    const u32 differing = first ^ second;
    if (differing == kAccessed) return is_paging_entry(address);
    return (differing & ~u32{kFlagsArithmetic}) == 0 && raised_ && is_pushed_flags(address);
}

/// RFLAGS lies behind RIP and CS, with or without an error code below. SDM vol. 3, 6.12 and 6.14.
bool Leniency::is_pushed_flags(Gpa address) const {
    const unsigned slot = end_.long_mode() ? 8 : 4;
    PagingContext context{.cr0 = end_.cr0, .cr3 = end_.cr3, .cr4 = end_.cr4, .efer = end_.efer};
    context.physical_bits = physical_bits_;
    for (unsigned n = 2; n <= 3; ++n) {
        u64 linear = end_.gpr[kRsp] + n * slot;
        if (!end_.long_mode()) linear = static_cast<u32>(linear + end_.segment[kSs].base);
        const WalkResult walk = peek(context, pages_, linear);
        if (walk.ok && walk.page.physical == address) return true;
    }
    return false;
}

bool Leniency::is_paging_entry(Gpa address) const {
    const Gpa page = address & kPageMask;
    return PagingPages(end_, pages_).contains(page) || PagingPages(start_, pages_).contains(page);
}

}  // namespace twin86
