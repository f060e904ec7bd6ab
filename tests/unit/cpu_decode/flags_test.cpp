// Flags read, written, perhaps written and left undefined.
#include <catch2/catch.hpp>

#include "tests/unit/cpu_decode/decode_helper.h"

namespace twin86 {

namespace {

constexpr u16 kAll = kFlagsArithmetic;

}  // namespace

TEST_CASE("plain arithmetic") {
    CHECK(decode(64, "01 c8").flags_written == kAll);
    CHECK(decode(64, "01 c8").flags_read == 0);
    CHECK(decode(64, "11 c8").flags_read == kFlagCF);
    CHECK(decode(64, "ff c0").flags_written == (kAll & ~kFlagCF));
    CHECK(decode(64, "21 c8").flags_undefined == kFlagAF);
    CHECK(decode(64, "f7 d0").flags_written == 0);
    CHECK(decode(64, "0f af c1").flags_written == kAll);
    CHECK(decode(64, "0f 44 c1").flags_read == kFlagZF);
    CHECK(decode(64, "0f 97 c0").flags_read == (kFlagCF | kFlagZF));
    CHECK(decode(64, "7c 00").flags_read == (kFlagSF | kFlagOF));
    CHECK(decode(64, "66 0f 38 f6 c1").flags_written == kFlagCF);
    CHECK(decode(64, "f3 0f 38 f6 c1").flags_read == kFlagOF);
    CHECK(decode(64, "48 0f c7 08").flags_written == kFlagZF);
    CHECK(decode(64, "0f a3 c8").flags_written == (kAll & ~kFlagZF));
    CHECK(decode(64, "9e").flags_written == (kAll & ~kFlagOF));
    CHECK(decode(64, "9f").flags_read == (kAll & ~kFlagOF));
    CHECK(decode(64, "f5").flags_read == kFlagCF);
    CHECK(decode(64, "e1 00").flags_read == kFlagZF);
}

TEST_CASE("shifts: by zero nothing, by CL perhaps") {
    Insn insn = decode(64, "d3 e0");  // shl eax, cl
    CHECK(insn.flags_written == 0);
    CHECK(insn.flags_maybe_written == kAll);
    insn = decode(64, "c1 e0 20");  // shl eax, 32: masked to 0
    CHECK(insn.flags_written == 0);
    CHECK(insn.flags_maybe_written == 0);
    insn = decode(64, "48 c1 e0 20");  // shl rax, 32
    CHECK((insn.flags_written & kFlagCF) != 0);
    insn = decode(64, "c1 e0 01");
    CHECK(insn.flags_written == kAll);
    insn = decode(64, "d1 e0");
    CHECK(insn.flags_written == kAll);
    insn = decode(64, "c1 e0 05");
    CHECK(insn.flags_written == (kAll & ~kFlagOF));
    CHECK(insn.flags_maybe_written == kFlagOF);
    CHECK((insn.flags_undefined & kFlagOF) != 0);
    insn = decode(64, "d1 c0");  // rol eax, 1
    CHECK(insn.flags_written == (kFlagCF | kFlagOF));
    insn = decode(64, "c1 d0 03");  // rcl eax, 3
    CHECK(insn.flags_read == kFlagCF);
    insn = decode(64, "0f a5 c8");  // shld eax, ecx, cl
    CHECK(insn.flags_written == 0);
    CHECK(insn.flags_maybe_written == kAll);
    insn = decode(64, "0f a4 c8 00");
    CHECK((insn.flags_written | insn.flags_maybe_written) == 0);
    CHECK(decode(64, "c4 e2 73 f7 c0").flags_written == 0);  // shrx
}

TEST_CASE("repeated compares may run zero times") {
    CHECK(decode(64, "a6").flags_written == kAll);
    CHECK(decode(64, "f3 a6").flags_written == 0);
    CHECK(decode(64, "f3 a6").flags_maybe_written == kAll);
    CHECK(decode(64, "f2 ae").flags_maybe_written == kAll);
    CHECK((decode(64, "f2 ae").flags_read & kFlagDF) != 0);
    CHECK(decode(64, "f3 a4").flags_maybe_written == 0);
}

TEST_CASE("vector and x87 compares") {
    CHECK((decode(64, "0f 2e c1").flags_written) == kAll);     // ucomiss
    CHECK((decode(64, "db f1").flags_written & (kFlagCF | kFlagZF | kFlagPF)) == (kFlagCF | kFlagZF | kFlagPF));  // fcomi
    CHECK(decode(64, "66 0f 38 17 c1").flags_written == kAll);  // ptest
    CHECK(decode(64, "c4 e2 79 17 c1").flags_written == kAll);  // vptest
    CHECK(decode(64, "c4 e2 79 0e c1").flags_written == kAll);  // vtestps
    CHECK(decode(64, "c5 f8 98 c1").flags_written == kAll);    // kortestw
    CHECK(decode(64, "da c1").flags_read == kFlagCF);          // fcmovb
    CHECK(decode(64, "0f 58 c1").flags_written == 0);
}

}  // namespace twin86
