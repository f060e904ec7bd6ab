#include "cpu/semantics/breakpoints.h"

namespace twin86 {
namespace {

constexpr unsigned kBreakpoints = 4;

/// Bytes covered by LEN of breakpoint n: 1, 2, 8 or 4.
u64 length_of(const CpuState& s, unsigned n) {
    constexpr u8 kLengths[] = {1, 2, 8, 4};
    return kLengths[s.dr[7] >> (18 + 4 * n) & 3];
}

/// The low bits of the address are ignored: ranges are aligned to their length.
bool overlaps(const CpuState& s, unsigned n, u64 address, unsigned size) {
    const u64 length = length_of(s, n), start = s.dr[n] & ~(length - 1);
    return address < start + length && start < address + size;
}

}  // namespace

BreakpointKind breakpoint_kind(const CpuState& s, unsigned n) {
    if (!(s.dr[7] >> (2 * n) & 3)) return BreakpointKind::kOff;
    switch (s.dr[7] >> (16 + 4 * n) & 3) {
        case 0:
            return BreakpointKind::kExecute;
        case 1:
            return BreakpointKind::kWrite;
        case 2:
            return s.cr4 & kCr4DE ? BreakpointKind::kPort : BreakpointKind::kOff;
        default:
            return BreakpointKind::kAccess;
    }
}

u64 code_breakpoints(const CpuState& s, Gva linear) {
    u64 hits = 0;
    for (unsigned n = 0; n < kBreakpoints; ++n)
        if (breakpoint_kind(s, n) == BreakpointKind::kExecute && s.dr[n] == linear) hits |= bit(n);
    return hits;
}

u64 data_breakpoints(const CpuState& s, Gva linear, unsigned size, bool write) {
    u64 hits = 0;
    for (unsigned n = 0; n < kBreakpoints; ++n) {
        const BreakpointKind kind = breakpoint_kind(s, n);
        const bool wanted = kind == BreakpointKind::kAccess || (kind == BreakpointKind::kWrite && write);
        if (wanted && overlaps(s, n, linear, size)) hits |= bit(n);
    }
    return hits;
}

u64 port_breakpoints(const CpuState& s, IoPort port, unsigned size) {
    u64 hits = 0;
    for (unsigned n = 0; n < kBreakpoints; ++n)
        if (breakpoint_kind(s, n) == BreakpointKind::kPort && overlaps(s, n, port, size)) hits |= bit(n);
    return hits;
}

}  // namespace twin86
