// FNSTENV, FLDENV, FNSAVE and FRSTOR, SDM vol. 1, 8.1.10 and figures 8-9 to 8-12.
#include <cstring>

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/xsave_image.h"

namespace twin86 {
namespace {

constexpr unsigned kRegisterBytes = 10;
constexpr unsigned kSlotBytes = 16;  ///< of one ST register in the XSAVE image
constexpr u16 kExceptionFlags = 0x3f;
constexpr u16 kSummaryAndBusy = 0x8080;
constexpr u16 kOpcodeMask = 0x7ff;

unsigned environment_bytes(const Insn& insn) {
    return insn.operand_bits == 16 ? 14 : 28;
}

/// The x87 state with the full tag word, as the instructions here see it.
struct Environment {
    u16 control = kInitialFcw, status = 0, tags = 0xffff, opcode = 0;
    u32 ip = 0, dp = 0;
    u16 cs = 0, ds = 0;
};

enum Tag : unsigned { kTagValid, kTagZero, kTagSpecial, kTagEmpty };

unsigned tag_of_value(const u8* st) {
    u64 significand;
    u16 exponent;
    std::memcpy(&significand, st, 8);
    std::memcpy(&exponent, st + 8, 2);
    exponent &= 0x7fff;
    if (exponent == 0 && significand == 0) return kTagZero;
    return exponent == 0 || exponent == 0x7fff || !(significand >> 63) ? kTagSpecial : kTagValid;
}

/// The image keeps one bit for each physical register; the tags follow from the values (SDM vol. 1, table 10-1).
u16 full_tags(XsaveImage& image) {
    const unsigned top = image.top();
    u16 tags = 0;
    for (unsigned physical = 0; physical < 8; ++physical) {
        const bool used = *image.at(kXsaveFtw) >> physical & 1;
        const unsigned st = (physical - top) & 7;
        const unsigned tag = used ? tag_of_value(image.at(kXsaveSt0 + st * kSlotBytes)) : +kTagEmpty;
        tags |= static_cast<u16>(tag << (2 * physical));
    }
    return tags;
}

u8 abridged_tags(u16 tags) {
    u8 result = 0;
    for (unsigned i = 0; i < 8; ++i)
        if ((tags >> (2 * i) & 3) != kTagEmpty) result |= static_cast<u8>(1 << i);
    return result;
}

Environment current_environment(XsaveImage& image) {
    image.normalize(kXfeatureX87);
    Environment e;
    e.control = image.read16(kXsaveFcw);
    e.status = image.read16(kXsaveFsw);
    e.tags = full_tags(image);
    e.opcode = image.read16(kXsaveFop) & kOpcodeMask;
    e.ip = image.read32(kXsaveFip);
    e.dp = image.read32(kXsaveFdp);
    return e;
}

void load_environment(XsaveImage& image, const Environment& e) {
    image.normalize(kXfeatureX87);
    image.set_top(e.status >> 11 & 7);
    image.set_control_and_status(e.control, e.status);
    *image.at(kXsaveFtw) = abridged_tags(e.tags);
    *image.at(kXsaveFtw + 1) = 0;
    image.write16(kXsaveFop, e.opcode & kOpcodeMask);
    image.write64(kXsaveFip, e.ip);
    image.write64(kXsaveFdp, e.dp);
    image.mark_in_use(kXfeatureX87);
}

// The four layouts as arrays of 16- or 32-bit words.

void encode16(const Environment& e, bool real, u16 out[7]) {
    const u32 ip = real ? e.ip + e.cs * 16u : e.ip, dp = real ? e.dp + e.ds * 16u : e.dp;
    out[0] = e.control;
    out[1] = e.status;
    out[2] = e.tags;
    out[3] = static_cast<u16>(ip);
    out[4] = real ? static_cast<u16>((ip >> 4 & 0xf000) | e.opcode) : e.cs;
    out[5] = static_cast<u16>(dp);
    out[6] = real ? static_cast<u16>(dp >> 4 & 0xf000) : e.ds;
}

void encode32(const Environment& e, bool real, u32 out[7]) {
    constexpr u32 kOnes = 0xffff0000;  // reserved upper halves
    out[0] = kOnes | e.control;
    out[1] = kOnes | e.status;
    out[2] = kOnes | e.tags;
    out[3] = real ? kOnes | (e.ip & 0xffff) : e.ip;
    out[4] = real ? (e.ip >> 4 & 0xffff000) | e.opcode : u32{e.cs} | u32{e.opcode} << 16;
    out[5] = real ? kOnes | (e.dp & 0xffff) : e.dp;
    out[6] = real ? e.dp >> 4 & 0xffff000 : kOnes | e.ds;
}

Environment decode16(const u16 in[7], bool real) {
    Environment e{in[0], in[1], in[2], 0, in[3], in[5], 0, 0};
    if (real) {
        e.opcode = in[4] & kOpcodeMask;
        e.ip |= (in[4] & 0xf000u) << 4;
        e.dp |= (in[6] & 0xf000u) << 4;
    }
    return e;
}

Environment decode32(const u32 in[7], bool real) {
    Environment e{static_cast<u16>(in[0]), static_cast<u16>(in[1]), static_cast<u16>(in[2]), 0, in[3], in[5], 0, 0};
    if (real) {
        e.opcode = in[4] & kOpcodeMask;
        e.ip = (in[3] & 0xffff) | (in[4] & 0xffff000) << 4;
        e.dp = (in[5] & 0xffff) | (in[6] & 0xffff000) << 4;
    } else {
        e.opcode = in[4] >> 16 & kOpcodeMask;
    }
    return e;
}

void encode(const Cpu& cpu, const Insn& insn, const Environment& e, u8* out) {
    const bool real = is_8086_mode(cpu.s);
    if (insn.operand_bits == 16) {
        u16 words[7];
        encode16(e, real, words);
        std::memcpy(out, words, sizeof words);
    } else {
        u32 words[7];
        encode32(e, real, words);
        std::memcpy(out, words, sizeof words);
    }
}

Environment decode(const Cpu& cpu, const Insn& insn, const u8* in) {
    const bool real = is_8086_mode(cpu.s);
    if (insn.operand_bits == 16) {
        u16 words[7];
        std::memcpy(words, in, sizeof words);
        return decode16(words, real);
    }
    u32 words[7];
    std::memcpy(words, in, sizeof words);
    return decode32(words, real);
}

/// FLDENV and FRSTOR wait: a pending unmasked exception comes first.
Outcome check_waiting(Cpu& cpu) {
    TRY_GUEST(check_fpu_available(cpu.s, kCr0TS | kCr0EM));
    XsaveImage image(cpu);
    image.normalize(kXfeatureX87);
    const bool pending = image.read16(kXsaveFsw) & ~image.read16(kXsaveFcw) & kExceptionFlags;
    return pending ? Outcome::fault(kVectorMF) : Outcome::success();  // without CR0.NE the engine makes FERR# of it
}

/// The first word and the last byte are touched before anything else happens, as on Zen 4.
Outcome check_area(Cpu& cpu, const Insn& insn, unsigned size, bool write) {
    TRY_GUEST(probe_operand(cpu, insn, 0, insn.operand_bits == 16 ? 2 : 4, write));
    return probe_operand(cpu, insn, size - 1, 1, write);
}

Outcome store_area(Cpu& cpu, const Insn& insn, const u8* area, unsigned size) {
    TRY_GUEST(check_area(cpu, insn, size, true));
    return write_operand(cpu, insn, area, size);
}

Outcome load_area(Cpu& cpu, const Insn& insn, u8* area, unsigned size) {
    TRY_GUEST(check_area(cpu, insn, size, false));
    return read_operand(cpu, insn, area, size);
}

}  // namespace

Outcome do_fnstenv(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_fpu_available(cpu.s, kCr0TS | kCr0EM));
    XsaveImage image(cpu);
    Environment e = current_environment(image);
    u8 area[28];
    encode(cpu, insn, e, area);
    TRY_GUEST(store_area(cpu, insn, area, environment_bytes(insn)));
    e.control |= kExceptionFlags;  // masks all exceptions after the store
    image.write16(kXsaveFcw, e.control);
    image.write16(kXsaveFsw, e.status & static_cast<u16>(~kSummaryAndBusy));
    image.mark_in_use(kXfeatureX87);
    return Outcome::success();
}

Outcome do_fldenv(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_waiting(cpu));
    u8 area[28] = {};
    TRY_GUEST(load_area(cpu, insn, area, environment_bytes(insn)));
    XsaveImage image(cpu);
    load_environment(image, decode(cpu, insn, area));
    return Outcome::success();
}

Outcome do_fnsave(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_fpu_available(cpu.s, kCr0TS | kCr0EM));
    XsaveImage image(cpu);
    const unsigned header = environment_bytes(insn);
    u8 area[28 + 8 * kRegisterBytes];
    encode(cpu, insn, current_environment(image), area);
    for (unsigned i = 0; i < 8; ++i)
        std::memcpy(area + header + i * kRegisterBytes, image.at(kXsaveSt0 + i * kSlotBytes), kRegisterBytes);
    TRY_GUEST(store_area(cpu, insn, area, header + 8 * kRegisterBytes));
    load_environment(image, Environment{});  // as FNINIT: the registers keep their contents
    return Outcome::success();
}

Outcome do_frstor(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(check_waiting(cpu));
    const unsigned header = environment_bytes(insn);
    u8 area[28 + 8 * kRegisterBytes] = {};
    TRY_GUEST(load_area(cpu, insn, area, header + 8 * kRegisterBytes));
    XsaveImage image(cpu);
    load_environment(image, decode(cpu, insn, area));
    for (unsigned i = 0; i < 8; ++i)
        std::memcpy(image.at(kXsaveSt0 + i * kSlotBytes), area + header + i * kRegisterBytes, kRegisterBytes);
    return Outcome::success();
}

}  // namespace twin86
