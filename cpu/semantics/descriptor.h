// Segment and gate descriptors, SDM vol. 3, 3.4.5, 3.5 and 6.11.
#pragma once

#include "cpu/semantics/cpu.h"
#include "cpu/state/flat_segments.h"

namespace twin86 {

/// Types of system descriptors (S = 0). In long mode only LDT, the 32-bit TSS types and gates exist, as 64-bit ones.
enum SystemType : u8 {
    kTss16Available = 1,
    kLdt = 2,
    kTss16Busy = 3,
    kCallGate16 = 4,
    kTaskGate = 5,
    kInterruptGate16 = 6,
    kTrapGate16 = 7,
    kTssAvailable = 9,
    kTssBusy = 11,
    kCallGate = 12,
    kInterruptGate = 14,
    kTrapGate = 15,
};

struct Descriptor {
    u32 low = 0, high = 0;
    u32 upper = 0;  ///< bits 32..63 of the base, of 16-byte system descriptors

    u64 base() const {
        return bits(low, 31, 16) | bits(high, 7, 0) << 16 | bits(high, 31, 24) << 24 | u64{upper} << 32;
    }
    u32 limit() const {
        const u32 raw = static_cast<u32>(bits(low, 15, 0) | (high & 0xf0000));
        return (high & 0x800000) ? raw << 12 | 0xfff : raw;
    }
    u16 attributes() const { return static_cast<u16>(bits(high, 23, 8) & 0xf0ff); }
    unsigned type() const { return bits(high, 11, 8); }
    bool code_or_data() const { return high & 0x1000; }
    unsigned dpl() const { return bits(high, 14, 13); }
    bool present() const { return high & 0x8000; }
    bool long_mode() const { return high & 0x200000; }
    bool default_big() const { return high & 0x400000; }

    bool is_code() const { return code_or_data() && (type() & 8); }
    bool is_conforming_code() const { return is_code() && (type() & 4); }
    bool is_data() const { return code_or_data() && !(type() & 8); }
    bool is_writable_data() const { return is_data() && (type() & 2); }
    bool is_readable() const { return is_data() || (is_code() && (type() & 2)); }
    bool is_system(unsigned t) const { return !code_or_data() && type() == t; }

    // As a gate.
    u16 gate_selector() const { return static_cast<u16>(low >> 16); }
    u64 gate_offset() const { return bits(low, 15, 0) | (high & 0xffff0000) | u64{upper} << 32; }
    unsigned gate_ist() const { return high & 7; }
    unsigned gate_parameters() const { return high & 0x1f; }
};

inline bool null_selector(u16 selector) {
    return (selector & 0xfffc) == 0;
}
/// A selector as error code, without RPL.
inline u32 selector_error(u16 selector) {
    return selector & 0xfffcu;
}

/// Reads the descriptor of a non-null selector. Beyond the table, or no LDT: `vector`(selector | ext).
Outcome read_descriptor(Cpu& cpu, u16 selector, Descriptor& out, Vector vector = kVectorGP, u32 ext = 0);
/// Adds the upper half of a 16-byte system descriptor (long mode).
Outcome read_descriptor_upper(Cpu& cpu, u16 selector, Descriptor& out, Vector vector = kVectorGP, u32 ext = 0);
/// Finds the entry of a selector; false beyond the limit.
bool descriptor_address(const CpuState& s, u16 selector, unsigned bytes, Gva& address);

/// Sets the accessed bit in memory and in `descriptor`, when clear.
Outcome mark_accessed(Cpu& cpu, u16 selector, Descriptor& descriptor);
/// Writes the busy bit of a TSS descriptor.
Outcome set_tss_busy(Cpu& cpu, u16 selector, const Descriptor& descriptor, bool busy);

Segment make_segment(u16 selector, const Descriptor& descriptor);
/// What a null selector leaves behind. In 64-bit mode the DPL of a null SS is still the CPL.
Segment null_segment(u16 selector, unsigned dpl = 0);

}  // namespace twin86
