#include "tests/fuzz/fuzz_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace twin86::fuzz {

using namespace std::string_view_literals;

namespace {

constexpr unsigned kMaxCode = 600;

/// System instructions and transfers as opcode bytes; ModRM, displacement and immediate are random.
constexpr std::string_view kSystemOpcodes[] = {
    "\x0f\x01"sv, "\x0f\x01"sv, "\x0f\x00"sv, "\x0f\x20"sv, "\x0f\x22"sv, "\x0f\x21"sv, "\x0f\x23"sv, "\x0f\x30"sv, "\x0f\x32"sv, "\x0f\x33"sv, "\x0f\x31"sv,
    "\x0f\x05"sv, "\x0f\x07"sv, "\x0f\x34"sv, "\x0f\x35"sv, "\x0f\xae"sv, "\x0f\xc7"sv, "\x0f\x06"sv, "\x0f\x08"sv, "\x0f\x09"sv, "\x0f\x02"sv, "\x0f\x03"sv,
    "\x0f\xaa"sv, "\x0f\xa2"sv, "\x0f\xa0"sv, "\x0f\xa1"sv, "\x0f\xa8"sv, "\x0f\xa9"sv, "\x0f\xb2"sv, "\x0f\xb4"sv, "\x0f\xb5"sv, "\x0f\x38\x82"sv, "\x0f\x0b"sv,
    "\x8e"sv, "\x8c"sv, "\xcf"sv, "\xcb"sv, "\xca"sv, "\xcd"sv, "\xcc"sv, "\xce"sv, "\xf1"sv, "\xf4"sv, "\xfa"sv, "\xfb"sv, "\xfc"sv, "\xfd"sv, "\x9c"sv, "\x9d"sv, "\x9a"sv,
    "\xea"sv, "\xff"sv, "\xc4"sv, "\xc5"sv, "\x62"sv, "\x63"sv, "\xc8"sv, "\xc9"sv, "\x60"sv, "\x61"sv, "\xe4"sv, "\xe6"sv, "\xec"sv, "\xee"sv, "\x6c"sv, "\x6d"sv, "\x6e"sv,
    "\x6f"sv, "\x1e"sv, "\x1f"sv, "\x06"sv, "\x07"sv, "\x16"sv, "\x17"sv, "\x0e"sv, "\x27"sv, "\x37"sv, "\xd4"sv, "\xd6"sv, "\xc2"sv, "\xc3"sv, "\xe3"sv, "\xe0"sv, "\xeb"sv,
    "\x9b"sv, "\xd9"sv, "\xdd"sv, "\xdb"sv, "\xa4"sv, "\xa5"sv, "\xaa"sv, "\xab"sv, "\xa6"sv, "\xae"sv,
};

void append_random(Random& r, std::vector<u8>& code, u64 count) {
    while (count-- > 0) code.push_back(static_cast<u8>(r.next()));
}

void append_system_insn(Random& r, unsigned bits, std::vector<u8>& code) {
    if (r.chance(150)) code.push_back(r.pick<u8>({0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x64}));
    if (bits == 64 && r.chance(300)) code.push_back(static_cast<u8>(0x40 + r.below(16)));
    const std::string_view opcode = kSystemOpcodes[r.below(std::size(kSystemOpcodes))];
    code.insert(code.end(), opcode.begin(), opcode.end());
    append_random(r, code, r.below(7));
}

void mutate(Random& r, std::vector<u8>& code) {
    for (u64 n = r.below(6); n-- > 0 && !code.empty();) {
        const std::size_t at = r.below(code.size());
        switch (r.below(4)) {
            case 0: code[at] ^= static_cast<u8>(1 << r.below(8)); break;
            case 1: code[at] = static_cast<u8>(r.next()); break;
            case 2: code.insert(code.begin() + static_cast<std::ptrdiff_t>(at), static_cast<u8>(r.next())); break;
            default: code.erase(code.begin() + static_cast<std::ptrdiff_t>(at)); break;
        }
    }
}

}  // namespace

const char* name_of(StartMode mode) {
    static constexpr const char* kNames[kStartModes] = {"real", "vm86", "protected16", "protected32", "paged32", "pae32", "long64", "compatibility"};
    return kNames[static_cast<unsigned>(mode)];
}

unsigned code_bits(StartMode mode) {
    if (mode == StartMode::kLong64) return 64;
    return mode == StartMode::kReal || mode == StartMode::kVm86 || mode == StartMode::kProtected16 ? 16 : 32;
}

std::string FuzzCase::describe() const {
    std::string hex;
    for (const u8 b : code) hex += fmt::format("{:02x}", b);
    return fmt::format("{} ring {}{} {}", name_of(mode), user ? 3 : 0, wild_tables ? " wild" : "", hex);
}

CaseMaker::CaseMaker(const Decoder& decoder, const FeatureSet& features, std::vector<Seed> seeds)
    : corpus64_(decoder, features, 64), corpus32_(decoder, features, 32), seeds_(std::move(seeds)) {}

void CaseMaker::append_table_insn(Random& r, unsigned bits, std::vector<u8>& code) const {
    const diff::Corpus& corpus = bits == 64 ? corpus64_ : corpus32_;
    u8 bytes[32];
    corpus.encode(corpus.pick(r), r, bytes);
    code.insert(code.end(), bytes, bytes + 4 + r.below(8));
}

void CaseMaker::append_piece(Random& r, unsigned bits, std::vector<u8>& code) const {
    switch (r.below(8)) {
        case 0: return append_random(r, code, 1 + r.below(12));
        case 1:
        case 2:
        case 3: return append_table_insn(r, bits, code);
        case 4:
            if (!seeds_.empty()) {
                std::vector<u8> piece = seeds_[r.below(seeds_.size())].code;
                mutate(r, piece);
                code.insert(code.end(), piece.begin(), piece.end());
                return;
            }
            [[fallthrough]];
        default: return append_system_insn(r, bits, code);
    }
}

FuzzCase CaseMaker::make(u64 seed) const {
    Random r(seed);
    FuzzCase c;
    c.seed = seed;
    c.mode = static_cast<StartMode>(r.below(kStartModes));
    c.user = c.mode == StartMode::kVm86 || (c.mode != StartMode::kReal && r.chance(400));
    c.wild_tables = r.chance(100);
    if (!seeds_.empty() && r.chance(200)) {
        const Seed& s = seeds_[r.below(seeds_.size())];
        c.mode = s.mode, c.user = s.user, c.code = s.code;
        mutate(r, c.code);
    }
    const u64 pieces = 1 + r.below(40);
    for (u64 n = 0; n < pieces && c.code.size() < kMaxCode; ++n) append_piece(r, code_bits(c.mode), c.code);
    if (r.chance(300)) {  // back to the start: loops
        const i64 back = -static_cast<i64>(c.code.size()) - 5;
        c.code.push_back(0xe9);
        for (unsigned i = 0; i < 4; ++i) c.code.push_back(static_cast<u8>(back >> (8 * i)));
    }
    return c;
}

}  // namespace twin86::fuzz
