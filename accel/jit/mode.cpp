#include "accel/jit/mode_of.h"

namespace twin86::jit {

Mode Mode::of(const CpuState& s, bool one_insn) {
    return mode_of(s, one_insn);
}

u32 Mode::code_limit() const {
    const u32 raw = static_cast<u32>(value >> kLimitShift) - 1;
    if (value >> kLimitShift == 0) return ~u32{0};
    return raw & kLimitInPages ? raw << 12 | 0xfff : raw;
}

}  // namespace twin86::jit
