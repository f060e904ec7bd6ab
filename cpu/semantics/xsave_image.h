// XsaveImage: the vector and x87 state in CpuState::xsave, which lies in the standard XSAVE format.
//
// A component whose XSTATE_BV bit is clear is in its initial configuration whatever its bytes say.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

constexpr u16 kInitialFcw = 0x37f;
constexpr u32 kInitialMxcsr = 0x1f80;
constexpr u16 kFswErrorSummary = 1 << 7;

class XsaveImage {
  public:
    explicit XsaveImage(Cpu& cpu) : XsaveImage(cpu.s, cpu.traits.xsave) {}
    XsaveImage(CpuState& state, const XsaveLayout& layout) : s_(state), layout_(layout) {}

    /// XINUSE: components that are not in their initial configuration, as far as is known.
    u64 in_use() const { return read64(kXsaveXstateBv) & kXcr0Supported; }
    /// Writes the initial configuration into the bytes of those `components` whose XSTATE_BV bit is clear, so that the
    /// bytes can be copied.
    void normalize(u64 components);
    /// Puts components into their initial configuration. MXCSR is not touched.
    void initialize(u64 components);
    /// The bytes of components were written.
    void mark_in_use(u64 components) { write64(kXsaveXstateBv, read64(kXsaveXstateBv) | components); }

    u8* at(unsigned offset) { return s_.xsave + offset; }
    u16 read16(unsigned offset) const;
    u32 read32(unsigned offset) const;
    u64 read64(unsigned offset) const;
    void write16(unsigned offset, u16 value);
    void write32(unsigned offset, u32 value);
    void write64(unsigned offset, u64 value);

    /// Writes FCW and FSW as loads do: reserved bits of FCW are fixed, ES and B follow from the unmasked exceptions.
    /// The slots of registers do not move.
    void set_control_and_status(u16 fcw, u16 fsw);
    /// TOP of the x87 status word.
    unsigned top() const { return read16(kXsaveFsw) >> 11 & 7; }
    /// Sets TOP. The x87 registers stay where they are, so that the image's slots, ST(0) first, move. SDM vol. 1, 10.5.1.
    void set_top(unsigned top);

    u32 mxcsr() const { return read32(kXsaveMxcsr); }
    void set_mxcsr(u32 value) { write32(kXsaveMxcsr, value); }
    /// MXCSR bits that exist: the mask that the host stored, or the architectural default.
    u32 mxcsr_mask() const;

  private:
    void write_initial(unsigned component);

    CpuState& s_;
    const XsaveLayout& layout_;
};

/// #NM when CR0.TS, for FXSAVE/FXRSTOR also CR0.EM.
Outcome check_fpu_available(const CpuState& s, u64 cr0_mask);

}  // namespace twin86
