// Operands that must be aligned, with and without alignment checks (CR0.AM, EFLAGS.AC, CPL 3): SDM vol. 2, FXSAVE, XSAVE, MASKMOVDQU;
// vol. 3, 6.15, #AC. Where the manual leaves a choice, what Zen 4 does.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

using Program = std::function<void(InsnTest::Assembler&)>;

/// The exception of a program with its operand at RBX and RDI, XMM1 and MM1 being byte masks.
int vector_at(const Program& program, Gva operand, bool checks) {
    InsnTest t;
    t.load(program);
    t.guest.start(kCodeAt, kStackTop - 0x100, true);
    CpuState& s = t.guest.state();
    if (checks) s.cr0 |= kCr0AM, s.rflags |= kFlagAC;
    s.gpr[kRbx] = s.gpr[kRdi] = operand;
    s.gpr[kRax] = s.gpr[kRdx] = 0;
    return t.guest.run().vector;
}

struct Instruction {
    const char* what;
    Program program;
};

const Instruction kFxsaves[] = {{"fxsave", [](auto& a) { a.fxsave(x86::ptr(x86::rbx)); }},
                                {"fxsave64", [](auto& a) { a.fxsave64(x86::ptr(x86::rbx)); }},
                                {"fxrstor", [](auto& a) { a.fxrstor(x86::ptr(x86::rbx)); }},
                                {"fxrstor64", [](auto& a) { a.fxrstor64(x86::ptr(x86::rbx)); }}};
const Instruction kXsaves[] = {{"xsave", [](auto& a) { a.xsave(x86::ptr(x86::rbx)); }},
                               {"xsaveopt", [](auto& a) { a.xsaveopt(x86::ptr(x86::rbx)); }},
                               {"xsavec", [](auto& a) { a.xsavec(x86::ptr(x86::rbx)); }},
                               {"xrstor", [](auto& a) { a.xrstor(x86::ptr(x86::rbx)); }}};
const Instruction kMaskedStores[] = {
    {"maskmovdqu", [](auto& a) { a.maskmovdqu(x86::xmm0, x86::xmm1, x86::ptr(x86::rdi)); }},
    {"vmaskmovdqu", [](auto& a) { a.vmaskmovdqu(x86::xmm0, x86::xmm1, x86::ptr(x86::rdi)); }},
    {"maskmovq", [](auto& a) { a.maskmovq(x86::mm0, x86::mm1, x86::ptr(x86::rdi)); }},
};

/// Behind the data: not mapped.
constexpr Gva kNowhere = kDataAt + kDataSize;

}  // namespace

TEST_CASE("FXSAVE and FXRSTOR: #AC where dwords are misaligned and checked, else #GP", "[insn][alignment]") {
    for (const Instruction& i : kFxsaves)
        for (const Gva base : {kDataAt, kNowhere})
            for (const unsigned offset : {0u, 1u, 2u, 4u, 8u, 16u, 24u}) {
                INFO(i.what << " at " << std::hex << base + offset);
                const int aligned = base == kDataAt ? kVectorBP : kVectorPF;
                const int misaligned = offset % 16 == 0 ? aligned : +kVectorGP;
                CHECK(vector_at(i.program, base + offset, false) == misaligned);
                CHECK(vector_at(i.program, base + offset, true) == (offset % 4 == 0 ? misaligned : +kVectorAC));
            }
}

TEST_CASE("XSAVE and kin: #GP unless aligned to 64 bytes, whatever is checked", "[insn][alignment]") {
    for (const Instruction& i : kXsaves)
        for (const Gva base : {kDataAt, kNowhere})
            for (const bool checks : {false, true})
                for (const unsigned offset : {0u, 1u, 2u, 4u, 8u, 16u, 32u, 64u}) {
                    INFO(i.what << " at " << std::hex << base + offset << ", checks: " << checks);
                    const int aligned = base == kDataAt ? kVectorBP : kVectorPF;
                    CHECK(vector_at(i.program, base + offset, checks) == (offset % 64 == 0 ? aligned : +kVectorGP));
                }
}

TEST_CASE("An address of the stack segment that is neither aligned nor canonical is #GP, an aligned one #SS", "[insn][alignment]") {
    constexpr Gva kOutside = u64{1} << 63;
    const Program load = [](auto& a) { a.mov(x86::rbp, x86::rbx), a.movaps(x86::xmm0, x86::ptr(x86::rbp)); };
    for (const bool checks : {false, true}) {
        INFO("checks: " << checks);
        CHECK(vector_at(load, kOutside, checks) == +kVectorSS);
        CHECK(vector_at(load, kOutside + 1, checks) == +kVectorGP);
        CHECK(vector_at(load, kOutside + 8, checks) == +kVectorGP);
    }
}

TEST_CASE("MASKMOVDQU and MASKMOVQ: aligned to 8 bytes when that is checked, and writable whatever the mask selects", "[insn][alignment]") {
    for (const Instruction& i : kMaskedStores)
        for (const bool selected : {false, true}) {
            const unsigned size = std::string_view(i.what) == "maskmovq" ? 8 : 16;
            const Program program = [&](auto& a) {
                if (selected) a.pcmpeqd(x86::xmm1, x86::xmm1), a.pcmpeqd(x86::mm1, x86::mm1);
                else a.pxor(x86::xmm1, x86::xmm1), a.pxor(x86::mm1, x86::mm1);
                i.program(a);
            };
            for (const unsigned offset : {0u, 1u, 4u, 8u, 12u, 16u}) {
                INFO(i.what << ", mask " << selected << ", " << offset);
                CHECK(vector_at(program, kDataAt + offset, false) == kVectorBP);
                CHECK(vector_at(program, kDataAt + offset, true) == (offset % 8 == 0 ? +kVectorBP : +kVectorAC));
                CHECK(vector_at(program, kNowhere - offset, false) == (offset < size ? +kVectorPF : +kVectorBP));
            }
        }
}

}  // namespace twin86::test
