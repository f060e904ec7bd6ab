#include "cpu/decode/decoder.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "cpu/decode/fill.h"
#include "cpu/decode/isa_features.h"
#include "cpu/decode/table.h"

namespace twin86 {

namespace {

constexpr size_t kMaxLength = 15;

ZydisDecoder make_decoder(ZydisMachineMode mode, ZydisStackWidth stack, const DecoderOptions& options) {
    ZydisDecoder decoder;
    CHECK(ZYAN_SUCCESS(ZydisDecoderInit(&decoder, mode, stack)));
    const std::pair<ZydisDecoderMode, bool> settings[] = {
        {ZYDIS_DECODER_MODE_AMD_BRANCHES, options.amd_branches},
        {ZYDIS_DECODER_MODE_LZCNT, options.lzcnt},
        {ZYDIS_DECODER_MODE_TZCNT, options.tzcnt},
        {ZYDIS_DECODER_MODE_KNC, false},
        {ZYDIS_DECODER_MODE_MPX, false},
        {ZYDIS_DECODER_MODE_CET, false},
        {ZYDIS_DECODER_MODE_CLDEMOTE, false},
        {ZYDIS_DECODER_MODE_WBNOINVD, false},
    };
    for (const auto& [what, on] : settings) CHECK(ZYAN_SUCCESS(ZydisDecoderEnableMode(&decoder, what, on)));
    return decoder;
}

DecodeStatus status_of(ZyanStatus status, size_t offered) {
    if (status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG) return DecodeStatus::kTooLong;
    if (status != ZYDIS_STATUS_NO_MORE_DATA) return DecodeStatus::kUndefined;
    return offered >= kMaxLength ? DecodeStatus::kTooLong : DecodeStatus::kNeedMoreBytes;
}

unsigned count_prefixes(std::span<const u8> bytes, bool is64) {
    static constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    const auto is_prefix = [&](u8 b) { return std::find(std::begin(kPrefixes), std::end(kPrefixes), b) != std::end(kPrefixes) || (is64 && (b & 0xf0) == 0x40); };
    return static_cast<unsigned>(std::find_if_not(bytes.begin(), bytes.end(), is_prefix) - bytes.begin());
}

/// An instruction that is undefined because of a prefix (VEX behind 66, say) and too long is too long: #GP comes before #UD.
/// True: what follows the prefixes goes on behind `bytes`.
bool goes_on_without_prefixes(const ZydisDecoder& decoder, std::span<const u8> bytes) {
    const unsigned prefixes = count_prefixes(bytes, decoder.machine_mode == ZYDIS_MACHINE_MODE_LONG_64);
    if (prefixes == 0) return false;
    ZydisDecoderContext context;
    ZydisDecodedInstruction rest;
    const ZyanStatus status = ZydisDecoderDecodeInstruction(&decoder, &context, bytes.data() + prefixes, bytes.size() - prefixes, &rest);
    return status == ZYDIS_STATUS_NO_MORE_DATA;
}

}  // namespace

struct Decoder::Modes {
    ZydisDecoder bits16, bits32, bits64;

    const ZydisDecoder& of(unsigned mode_bits) const {
        return mode_bits == 64 ? bits64 : mode_bits == 32 ? bits32 : bits16;
    }
};

Decoder::Decoder(const DecoderOptions& options)
    : modes_(new Modes{make_decoder(ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16, options),
                       make_decoder(ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32, options),
                       make_decoder(ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64, options)}),
      table_(std::make_unique<InstructionTable>()) {}

Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

DecodeStatus Decoder::decode(std::span<const u8> bytes, u64 rip, unsigned mode_bits, Insn& out) const {
    const size_t offered = std::min(bytes.size(), kMaxLength);
    out = {};
    out.rip = rip;
    out.mode_bits = static_cast<u8>(mode_bits);
    std::memcpy(out.bytes, bytes.data(), offered);

    const ZydisDecoder& decoder = modes_->of(mode_bits);
    ZydisDecoderContext context;
    ZydisDecodedInstruction instruction;
    const ZyanStatus status = ZydisDecoderDecodeInstruction(&decoder, &context, bytes.data(), offered, &instruction);
    if (!ZYAN_SUCCESS(status))
        return status_of(goes_on_without_prefixes(decoder, {bytes.data(), offered}) ? ZYDIS_STATUS_NO_MORE_DATA : status, offered);

    out.length = instruction.length;
    out.mnemonic = instruction.mnemonic;
    const Feature feature = feature_of(instruction);
    if (feature == Feature::kNone || table_->row(out.mnemonic).klass == InsnClass::kUndefined)
        return DecodeStatus::kUndefined;

    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder, &context, &instruction, operands, instruction.operand_count)))
        return DecodeStatus::kUndefined;
    std::fill(out.bytes + out.length, std::end(out.bytes), u8{0});
    out.cpu_feature = static_cast<u8>(feature);
    out.requires_vl = needs_avx512vl(instruction.meta.isa_set);
    fill_layout(instruction, out);
    fill_operands(instruction, {operands, instruction.operand_count}, out);
    fill_flags(instruction, out);
    table_->classify(out);
    return out.klass == InsnClass::kUndefined ? DecodeStatus::kUndefined : DecodeStatus::kOk;
}

}  // namespace twin86
