// DecodeMemo: a decoder that remembers. Programs use few forms: two 64-bit-mode instructions that agree up to the SIB byte
// differ in displacement and immediate only, so the second one is the first with other numbers.
#pragma once

#include <vector>

#include "cpu/decode/decoder.h"

namespace twin86 {

class DecodeMemo {
  public:
    explicit DecodeMemo(const Decoder& decoder) : decoder_(decoder), entries_(kEntries) {}

    /// As Decoder::decode, but not thread-safe.
    DecodeStatus decode(std::span<const u8> bytes, u64 rip, unsigned mode_bits, Insn& out);

    struct Counters {
        u64 hits = 0, misses = 0;  ///< of instructions that can be remembered
    };
    const Counters& counters() const { return counters_; }

  private:
    static constexpr std::size_t kEntries = 2048;
    /// What decides about everything but displacement and immediate.
    struct Head {
        u64 bytes = 0;
        u8 length = 0;  ///< 0: not to be remembered
        bool operator==(const Head&) const = default;
    };
    struct Entry {
        Head head;
        Insn insn;
    };

    static Head head_of(std::span<const u8> bytes);
    static void retell(const Insn& model, std::span<const u8> bytes, u64 rip, Insn& out);

    const Decoder& decoder_;
    std::vector<Entry> entries_;
    Counters counters_;
};

}  // namespace twin86
