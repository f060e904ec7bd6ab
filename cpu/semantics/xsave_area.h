// The XSAVE area in guest memory: which ranges of bytes an XSAVE or XRSTOR touches, for both formats.
#pragma once

#include "cpu/semantics/xsave_image.h"

namespace twin86 {

/// Pieces of the area that correspond to pieces of CpuState::xsave. Neighbours are merged.
class XsaveRanges {
  public:
    struct Range {
        unsigned image = 0;   ///< offset in CpuState::xsave
        unsigned memory = 0;  ///< offset in guest memory
        unsigned size = 0;
    };

    void add(unsigned image, unsigned memory, unsigned size);
    const Range* begin() const { return ranges_; }
    const Range* end() const { return ranges_ + count_; }

  private:
    static constexpr unsigned kMax = 16;
    Range ranges_[kMax];
    unsigned count_ = 0;
};

/// Offsets of components in the compacted format for an XCOMP_BV (SDM vol. 1, 13.4.3).
struct CompactedOffsets {
    CompactedOffsets(const XsaveLayout& layout, u64 xcomp_bv);
    unsigned offset[kXsaveComponents] = {};
    unsigned total = kXsaveExtendedStart;
};

/// Bytes of a component that exist in the current mode: outside 64-bit mode registers 8-31 do not (SDM vol. 1, 13.5).
unsigned component_bytes(const CpuState& s, const XsaveLayout& layout, unsigned component);

/// Bytes of the standard format to the end of the last component. Those that the current mode lacks registers of count whole.
unsigned standard_size(const XsaveLayout& layout, u64 components);

/// The x87 part without MXCSR, and XMM.
void add_legacy_ranges(XsaveRanges& ranges, const CpuState& s, u64 components);
void add_mxcsr_range(XsaveRanges& ranges);
/// Components 2 and up; `compacted` null: standard format.
void add_extended_ranges(XsaveRanges& ranges, const Cpu& cpu, u64 components, const CompactedOffsets* compacted);
/// Both of them, in the standard format.
XsaveRanges standard_ranges(const Cpu& cpu, u64 components);

}  // namespace twin86
