// What decode() returns for incomplete, overlong, undefined and unknown bytes.
#include <catch2/catch.hpp>

#include "cpu/state/features.h"
#include "tests/unit/cpu_decode/decode_helper.h"

namespace twin86 {

TEST_CASE("truncated bytes ask for more, at every length") {
    for (const char* hex : {"48 8b 84 88 78 56 34 12", "62 f1 7c 48 10 41 01", "c5 f8 58 c1", "66 0f 3a 15 c0 01",
                            "48 b8 11 22 33 44 55 66 77 88", "9a 11 22"}) {
        const std::vector<u8> bytes = from_hex(hex);
        const unsigned mode_bits = bytes[0] == 0x9a ? 32 : 64;
        Insn insn;
        for (size_t length = 0; length < bytes.size(); length++) {
            INFO(hex << " cut to " << length);
            CHECK(amd_decoder().decode({bytes.data(), length}, 0, mode_bits, insn) == DecodeStatus::kNeedMoreBytes);
        }
    }
    CHECK(decode(64, "48 8b 84 88 78 56 34 12").length == 8);
}

TEST_CASE("more than 15 bytes is too long, 15 are not") {
    CHECK(status_of(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90") == DecodeStatus::kOk);
    CHECK(status_of(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90") == DecodeStatus::kTooLong);
    CHECK(status_of(64, "66 66 66 66 66 66 66 66 66 48 81 84 88 78 56 34 12 78 56 34 12") == DecodeStatus::kTooLong);
    CHECK(status_of(16, "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e") == DecodeStatus::kTooLong);
}

TEST_CASE("too long comes before undefined: VEX and EVEX behind a prefix") {
    const std::string prefixes = "66 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e ", vaddps = "c5 f8 58 c1", evex = "62 f1 7c 48 58 c1";
    CHECK(status_of(64, (prefixes + vaddps).c_str()) == DecodeStatus::kUndefined);             // 15 bytes
    CHECK(status_of(64, (prefixes + "2e " + vaddps).c_str()) == DecodeStatus::kTooLong);
    CHECK(status_of(64, (prefixes + evex).c_str()) == DecodeStatus::kTooLong);
    CHECK(status_of(64, ("66 " + evex).c_str()) == DecodeStatus::kUndefined);
    const std::vector<u8> cut = from_hex(prefixes + "62 f1 7c");  // a page may end here
    Insn insn;
    CHECK(amd_decoder().decode(cut, 0, 64, insn) == DecodeStatus::kNeedMoreBytes);
}

TEST_CASE("bytes after the instruction do not matter and are not kept") {
    const Insn insn = decode(64, "90 ff ff ff");
    CHECK(insn.length == 1);
    CHECK(insn.bytes[1] == 0);
}

TEST_CASE("what the table lacks is undefined, with its length") {
    Insn insn;
    for (const char* hex : {"0f 01 c1" /* vmcall */, "0f 01 d9" /* vmmcall */, "0f 01 ee" /* rdpkru */,
                            "0f 01 fd" /* rdpru */, "f2 0f 01 fc", "66 f3 0f 01 fc" /* clzero has no such form */, "c7 f8 00 00 00 00" /* xbegin */,
                            "66 0f 38 f8 00" /* movdir64b */, "f3 0f ae e8" /* incsspd */, "0f 01 fa" /* monitorx */,
                            "f3 0f ae f0" /* umonitor */, "f3 0f ae 20" /* ptwrite */}) {
        INFO(hex);
        CHECK(status_of(64, hex, insn) == DecodeStatus::kUndefined);
        CHECK(insn.klass == InsnClass::kUndefined);
        CHECK(insn.length == from_hex(hex).size());
    }
}

TEST_CASE("undecodable bytes are undefined") {
    for (const char* hex : {"06", "27", "37", "60", "62 f1 7c 58 10 01", "9a 00 00 00 00 00 00", "d6", "ce", "f0 90",
                            "f0 01 c0", "f0 8b 00", "0f 04", "0f 0a", "0f ff" /* truncated ud0 */}) {
        INFO(hex);
        const DecodeStatus status = status_of(64, hex);
        CHECK((status == DecodeStatus::kUndefined || status == DecodeStatus::kNeedMoreBytes));
    }
    CHECK(status_of(64, "f0 90") == DecodeStatus::kUndefined);
    CHECK(status_of(64, "f0 8b 00") == DecodeStatus::kUndefined);
    CHECK(status_of(64, "06") == DecodeStatus::kUndefined);
}

TEST_CASE("hostile bytes: every prefix of random data has a status and sane fields") {
    u64 seed = 88172645463325252ull;
    const auto random = [&seed] {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        return seed;
    };
    for (unsigned round = 0; round < 200000; round++) {
        std::array<u8, 20> bytes;
        for (u8& byte : bytes) byte = static_cast<u8>(random() >> 24);
        if (round % 3 == 0) bytes[0] = round % 2 ? 0x0f : 0x62;
        const unsigned mode_bits = round % 3 == 0 ? 64 : 16 << (random() % 3);
        Insn insn;
        const DecodeStatus status = amd_decoder().decode({bytes.data(), random() % 21}, 0, mode_bits, insn);
        if (status != DecodeStatus::kOk) {
            REQUIRE(insn.klass == InsnClass::kUndefined);
            continue;
        }
        REQUIRE(insn.length >= 1);
        REQUIRE(insn.length <= 15);
        REQUIRE(insn.opcode_at < insn.length);
        REQUIRE(insn.imm_at + insn.imm_size == insn.length);
        REQUIRE(insn.bytes[insn.opcode_at] == insn.opcode);
    }
}

TEST_CASE("decoder options: AMD branches, ABM and BMI1 missing") {
    const std::vector<u8> branch = from_hex("66 0f 84 11 22 33 44");
    Insn insn;
    CHECK(Decoder({.amd_branches = true}).decode(branch, 0, 64, insn) == DecodeStatus::kOk);
    CHECK(insn.length == 5);
    CHECK(insn.operand_bits == 16);
    CHECK(Decoder({.amd_branches = false}).decode(branch, 0, 64, insn) == DecodeStatus::kOk);
    CHECK(insn.length == 7);
    CHECK(insn.operand_bits == 64);

    const std::vector<u8> lzcnt = from_hex("f3 0f bd c1");
    CHECK(amd_decoder().decode(lzcnt, 0, 64, insn) == DecodeStatus::kOk);
    CHECK(insn.cpu_feature == static_cast<u8>(Feature::kLzcnt));
    CHECK(Decoder({.lzcnt = false}).decode(lzcnt, 0, 64, insn) == DecodeStatus::kOk);
    CHECK(insn.cpu_feature == static_cast<u8>(Feature::kBase));
    CHECK(insn.mandatory_prefix == 0);
}

}  // namespace twin86
