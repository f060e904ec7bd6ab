// Which exception CR0.EM and CR0.TS raise, SDM vol. 3, table 2-2 and 9.1; vol. 2, exceptions of each instruction.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

TEST_CASE("CR0.EM and CR0.TS", "[insn][x87]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        int em, ts;
    };
    const Case cases[] = {{"fld1", {0xd9, 0xe8}, kVectorNM, kVectorNM},       {"fninit", {0xdb, 0xe3}, kVectorNM, kVectorNM},
                          {"paddb mm", {0x0f, 0xfc, 0xc1}, kVectorUD, kVectorNM}, {"emms", {0x0f, 0x77}, kVectorUD, kVectorNM},
                          {"addps", {0x0f, 0x58, 0xc1}, kVectorUD, kVectorNM},   {"fwait", {0x9b}, kVectorBP, kVectorNM},
                          {"crc32", {0xf2, 0x0f, 0x38, 0xf1, 0xc1}, kVectorBP, kVectorBP}};
    for (const Case& c : cases)
        for (const u64 bit : {u64{0}, u64{kCr0EM}, u64{kCr0TS}}) {
            INFO(c.what << " CR0 bit " << std::hex << bit);
            InsnTest t;
            std::vector<u8> code = c.bytes;
            code.push_back(0xcc);
            t.load_bytes(code);
            t.guest.start(kCodeAt, kStackTop);
            t.guest.state().cr0 |= bit;
            CHECK(t.guest.run().vector == (bit == kCr0EM ? c.em : bit == kCr0TS ? c.ts : kVectorBP));
        }
}

}  // namespace twin86::test
