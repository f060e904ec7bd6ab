#include "cpu/semantics/string_step.h"

#include <algorithm>

#include "cpu/semantics/breakpoints.h"
#include "cpu/semantics/memory.h"

namespace twin86 {

u64 StringStep::offset(const CpuState& s, unsigned index_register) const {
    return read_gpr(s, index_register, insn_.address_bits);
}

u64 StringStep::chunk(const CpuState& s, unsigned index_register, Gva address) const {
    if (!repeated()) return 1;
    const u64 left = read_gpr(s, kRcx, insn_.address_bits);
    const bool one_by_one = (s.rflags & (kFlagDF | kFlagTF)) || any_breakpoint(s);  // traps come after each element
    if (left <= 1 || one_by_one) return std::min<u64>(left, 1);
    const u64 to_page_end = kPageSize - (address & (kPageSize - 1));
    const u64 to_wrap = truncate(~u64{0}, insn_.address_bits / 8) - offset(s, index_register);
    const u64 room = std::min({to_page_end, to_wrap, u64{kMaxChunkBytes}}) / bytes_;
    return std::clamp<u64>(room, 1, left);
}

void StringStep::advance(CpuState& s, unsigned index_register, u64 count) const {
    const u64 moved = s.rflags & kFlagDF ? u64{0} - count * bytes_ : count * bytes_;
    if (count) write_gpr(s, index_register, insn_.address_bits, s.gpr[index_register] + moved);
    if (!repeated()) return;
    const u64 left = read_gpr(s, kRcx, insn_.address_bits) - count;
    if (count) write_gpr(s, kRcx, insn_.address_bits, left);
    if (left) s.rip = insn_.rip;
}

}  // namespace twin86
