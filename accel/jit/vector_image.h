// Vector and mask registers in the guest's XSAVE image, for what C++ does on behalf of vector instructions.
#pragma once

#include "cpu/decode/insn.h"
#include "cpu/semantics/xsave_layout.h"
#include "cpu/state/cpu_state.h"

namespace twin86::jit {

class VectorImage {
  public:
    VectorImage(CpuState& state, const XsaveLayout& layout) : s_(state), layout_(layout) {}

    /// k0-k7; components in their initial state read as zero.
    u64 mask(unsigned k) const;
    void set_mask(unsigned k, u64 value);
    /// The full 64 bytes of a vector register, 0-31.
    void read(unsigned number, u8 to[64]) const;
    /// Writes `bits` (128, 256, 512) and zeroes the rest of the register, as VEX and EVEX instructions do.
    void write(unsigned number, const u8 from[64], unsigned bits);
    /// Writes the whole register.
    void write_all(unsigned number, const u8 from[64]);

  private:
    bool present(unsigned component) const;
    u8* component(unsigned n, bool for_write);
    const u8* component(unsigned n) const { return s_.xsave + layout_.component[n].offset; }

    CpuState& s_;
    const XsaveLayout& layout_;
};

/// Which bytes of a memory operand a masked access touches: bit n for byte n. SDM vol. 1, 15.6.1 and vol. 2, VMASKMOV.
u64 active_bytes(const Insn& insn, const VectorImage& image);

}  // namespace twin86::jit
