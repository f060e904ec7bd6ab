#include "cpu/decode/decode_memo.h"

#include <random>

#include "tests/unit/cpu_decode/decode_helper.h"

#undef CHECK
#include <catch2/catch.hpp>

namespace twin86 {

namespace {

/// Bytes whose heads come again: few prefixes, any opcode, few ModRM bytes, random rest.
std::vector<u8> likely_bytes(std::mt19937_64& random) {
    static constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0x64, 0x48, 0x41, 0x4f};
    std::vector<u8> bytes;
    for (unsigned n = random() % 3; n != 0; --n) bytes.push_back(kPrefixes[random() % std::size(kPrefixes)]);
    if (random() % 3 == 0) bytes.push_back(0x0f);
    bytes.push_back(static_cast<u8>(random()));
    bytes.push_back(static_cast<u8>(random() & 0xc5));
    bytes.push_back(static_cast<u8>(random() & 0x65));
    while (bytes.size() < 15) bytes.push_back(static_cast<u8>(random()));
    return bytes;
}

}  // namespace

TEST_CASE("What is remembered is what the decoder says", "[decode][memo]") {
    const Decoder& decoder = amd_decoder();
    DecodeMemo memo(decoder);
    std::mt19937_64 random(86);
    for (unsigned n = 0; n < 400'000; ++n) {
        const std::vector<u8> bytes = likely_bytes(random);
        const std::size_t size = random() % 8 == 0 ? 1 + random() % 15 : 15;
        const std::span<const u8> some(bytes.data(), size);
        Insn expected, found;
        const DecodeStatus status = decoder.decode(some, n, 64, expected);
        const bool same = memo.decode(some, n, 64, found) == status && (status != DecodeStatus::kOk || found == expected);
        if (!same) FAIL("case " << n << ", opcode bytes " << Catch::StringMaker<std::vector<u8>>::convert(bytes));
    }
    REQUIRE(memo.counters().hits > 30'000);
}

TEST_CASE("Other modes are not remembered", "[decode][memo]") {
    const Decoder& decoder = amd_decoder();
    DecodeMemo memo(decoder);
    const std::vector<u8> bytes = from_hex("40 01 c3 90 90 90 90 90 90 90 90 90 90 90 90");
    Insn in_64, in_32;
    REQUIRE(memo.decode(bytes, 0, 64, in_64) == DecodeStatus::kOk);
    REQUIRE(memo.decode(bytes, 0, 32, in_32) == DecodeStatus::kOk);
    REQUIRE(in_64.length == 3);
    REQUIRE(in_32.length == 1);
}

}  // namespace twin86
