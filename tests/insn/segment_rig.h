// What tests of segmentation share: 32-bit and 16-bit code at CPL 3 in compatibility mode, where segments count in full.
#pragma once

#include "tests/insn/insn_test.h"

namespace twin86::test {

// Descriptor bits 40-55 of segments at CPL 3: SDM vol. 3, figure 5-1 and table 3-1.
constexpr u16 kAttrData = 0xf3, kAttrReadOnly = 0xf1, kAttrDown = 0xf7, kAttrDownReadOnly = 0xf5, kAttrCode = 0xfb, kAttrExecuteOnly = 0xf9;
constexpr u16 kAttrBig = 0x4000;

class SegmentRig : public InsnTest {
  public:
    using InsnTest::InsnTest;

    /// Assembles 32-bit code; INT3 follows it.
    void load32(const std::function<void(Assembler&)>& program, Gva at = kCodeAt) {
        asmjit::CodeHolder code;
        code.init(asmjit::Environment(asmjit::Arch::kX86), at);
        Assembler a(&code);
        program(a);
        a.int3();
        REQUIRE(code.flatten() == asmjit::kErrorOk);
        REQUIRE(code.resolveUnresolvedLinks() == asmjit::kErrorOk);
        REQUIRE(code.relocateToBase(at) == asmjit::kErrorOk);
        guest.write(at, code.textSection()->buffer());
    }

    /// The initial state with flat segments; to be changed before go().
    CpuState& prepare(u64 rip = kCodeAt, unsigned bits = 32) {
        guest.start(rip, kStackTop - 0x100, true, 32);
        CpuState& s = guest.state();
        if (bits == 16) s.segment[kCs].attributes &= static_cast<u16>(~kAttrBig);
        return s;
    }
    GuestStop go() { return last = guest.run(); }

    /// A segment at the data pages.
    static Segment segment(u16 attributes, u32 limit, u64 base = kDataAt) { return {base, limit, 0x23, attributes}; }
};

}  // namespace twin86::test
