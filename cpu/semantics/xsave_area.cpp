#include "cpu/semantics/xsave_area.h"

#include <algorithm>

#include "base/check.h"

namespace twin86 {

void XsaveRanges::add(unsigned image, unsigned memory, unsigned size) {
    if (size == 0) return;
    if (count_) {
        Range& last = ranges_[count_ - 1];
        if (last.image + last.size == image && last.memory + last.size == memory) {
            last.size += size;
            return;
        }
    }
    CHECK(count_ < kMax);
    ranges_[count_++] = {image, memory, size};
}

CompactedOffsets::CompactedOffsets(const XsaveLayout& layout, u64 xcomp_bv) {
    for (unsigned i = 2; i < kXsaveComponents; ++i) {
        if (!(xcomp_bv & bit(i))) continue;
        if (layout.component[i].aligned64) total = static_cast<unsigned>(align_up(total, 64));
        offset[i] = total;
        total += layout.component[i].size;
    }
}

unsigned component_bytes(const CpuState& s, const XsaveLayout& layout, unsigned component) {
    const unsigned size = layout.component[component].size;
    if (s.mode64()) return size;
    switch (bit(component)) {
        case kXfeatureSse:
        case kXfeatureAvx:
        case kXfeatureZmmHi256:
            return size / 2;
        case kXfeatureHi16Zmm:
            return 0;
        default:
            return size;
    }
}

unsigned standard_size(const XsaveLayout& layout, u64 components) {
    unsigned size = kXsaveExtendedStart;
    for (unsigned i = 2; i < kXsaveComponents; ++i)
        if (components & bit(i)) size = std::max<unsigned>(size, layout.component[i].offset + layout.component[i].size);
    return size;
}

void add_legacy_ranges(XsaveRanges& ranges, const CpuState& s, u64 components) {
    if (components & kXfeatureX87) {
        ranges.add(0, 0, kXsaveMxcsr);
        ranges.add(kXsaveSt0, kXsaveSt0, kXsaveXmm0 - kXsaveSt0);
    }
    if (components & kXfeatureSse) ranges.add(kXsaveXmm0, kXsaveXmm0, s.mode64() ? 256 : 128);
}

void add_mxcsr_range(XsaveRanges& ranges) {
    ranges.add(kXsaveMxcsr, kXsaveMxcsr, 8);
}

void add_extended_ranges(XsaveRanges& ranges, const Cpu& cpu, u64 components, const CompactedOffsets* compacted) {
    const XsaveLayout& layout = cpu.traits.xsave;
    for (unsigned i = 2; i < kXsaveComponents; ++i) {
        if (!(components & bit(i))) continue;
        const unsigned image = layout.component[i].offset;
        ranges.add(image, compacted ? compacted->offset[i] : image, component_bytes(cpu.s, layout, i));
    }
}

XsaveRanges standard_ranges(const Cpu& cpu, u64 components) {
    XsaveRanges ranges;
    add_legacy_ranges(ranges, cpu.s, components);
    add_extended_ranges(ranges, cpu, components, nullptr);
    return ranges;
}

}  // namespace twin86
