// Decoder: guest bytes to Insn. It wraps the decoder library (Zydis 4.0), which nothing behind this header sees.
#pragma once

#include <memory>
#include <span>

#include "base/types.h"
#include "cpu/decode/insn.h"

namespace twin86 {

class InstructionTable;

enum class DecodeStatus : u8 {
    kOk,
    kNeedMoreBytes,  ///< the instruction goes on beyond `bytes`: fetch the next page, which may be a #PF
    kTooLong,        ///< more than 15 bytes: #GP(0)
    kUndefined,      ///< #UD; `length` is set when it is known
};

/// What differs between processor models.
struct DecoderOptions {
    bool amd_branches = false;  ///< AMD: prefix 66 makes a near branch 16 bits wide in 64-bit mode; Intel ignores it
    bool lzcnt = true;          ///< without ABM, F3 0F BD is BSR
    bool tzcnt = true;          ///< without BMI1, F3 0F BC is BSF
};

class Decoder {
  public:
    explicit Decoder(const DecoderOptions& options = {});
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;
    ~Decoder();

    /// Decodes the instruction at the start of `bytes` as code of `mode_bits` (16, 32, 64). Thread-safe.
    /// Protected mode is assumed: in real and virtual-8086 mode VEX/EVEX forms are #UD for the caller to raise.
    DecodeStatus decode(std::span<const u8> bytes, u64 rip, unsigned mode_bits, Insn& out) const;

    const InstructionTable& table() const { return *table_; }

  private:
    struct Modes;
    std::unique_ptr<Modes> modes_;
    std::unique_ptr<InstructionTable> table_;
};

}  // namespace twin86
