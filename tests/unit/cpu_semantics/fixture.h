// Fixture: a processor with descriptor tables, stacks and a TSS, which executes single instructions given as bytes.
#pragma once

#include <catch2/catch.hpp>
#include <optional>
#include <string_view>

#include "cpu/decode/decoder.h"
#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/interrupts.h"
#include "tests/unit/cpu_semantics/fake_host.h"

namespace twin86 {

// The GDT that the fixture writes.
constexpr u16 kCode0 = 0x08, kData0 = 0x10, kCode32 = 0x18, kData3 = 0x20 | 3, kCode3 = 0x28 | 3, kUser32 = 0x30 | 3;
constexpr u16 kTssSelector = 0x40, kLdtSelector = 0x50, kScratch = 0x60;

constexpr Gva kGdt = 0x1000, kIdt = 0x2000, kTss = 0x4000, kCodeAt = 0x8000;
constexpr u64 kStack0 = 0x20000, kStack3 = 0x30000, kIst1 = 0x28000;

/// A descriptor by base, limit and attributes (SDM bits 40-55).
u64 descriptor_bits(u32 base, u32 limit, u16 attributes);

class Fixture {
  public:
    explicit Fixture(bool amd = true);

    void long_mode(unsigned cpl);       ///< 64-bit code at CPL 0 or 3
    void protected_mode(unsigned cpl);  ///< flat 32-bit code
    void real_mode();
    void vm86_mode(unsigned iopl);
    void compatibility_mode();  ///< 32-bit code at CPL 3 under EFER.LMA

    /// Writes a 16-byte (long mode) or 8-byte gate.
    void gate64(u8 vector, u16 selector, u64 offset, unsigned type = kInterruptGate, unsigned dpl = 0,
                unsigned ist = 0);
    void gate(u8 vector, u16 selector, u32 offset, unsigned type = kInterruptGate, unsigned dpl = 0);
    void gdt(u16 selector, u64 descriptor) { host.store(kGdt + (selector & 0xfff8), descriptor); }

    /// Decodes the bytes at s.rip for the current mode and runs their slow path as an engine would, without delivery.
    Outcome run(std::string_view hex);
    /// The same, and delivers a fault.
    void run_and_raise(std::string_view hex);
    u64 stack(unsigned slot, unsigned bytes = 8) const;

    FakeHost host;
    FakeCpuid cpuid;
    CpuState s;
    std::optional<Cpu> holder;
    Cpu& cpu() { return *holder; }

  private:
    void set_segments(u16 cs, u16 ss);
    Decoder decoder_;
};

/// #vector(code), for CHECK.
bool is_fault(const Outcome& outcome, Vector vector, u32 code);
bool is_fault(const Outcome& outcome, Vector vector);

}  // namespace twin86
