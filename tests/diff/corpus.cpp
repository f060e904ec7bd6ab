#include "tests/diff/corpus.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

#include "cpu/decode/offered.h"

namespace twin86::diff {

namespace {

bool has_modrm(u8 map, u8 opcode) {
    if (map >= 2) return true;
    if (map == 1) return !((opcode >= 0x05 && opcode <= 0x0b) || (opcode >= 0x30 && opcode <= 0x37) || opcode == 0x77 ||
                           (opcode >= 0x80 && opcode <= 0x8f) || (opcode >= 0xa0 && opcode <= 0xa2) ||
                           (opcode >= 0xa8 && opcode <= 0xaa) || (opcode >= 0xc8 && opcode <= 0xcf));
    if (opcode < 0x40) return (opcode & 7) < 4;
    return opcode == 0x62 || opcode == 0x63 || opcode == 0x69 || opcode == 0x6b || (opcode >= 0x80 && opcode <= 0x8f) ||
           opcode == 0xc0 || opcode == 0xc1 || (opcode >= 0xc4 && opcode <= 0xc7) || (opcode >= 0xd0 && opcode <= 0xd3) ||
           (opcode >= 0xd8 && opcode <= 0xdf) || opcode == 0xf6 || opcode == 0xf7 || opcode >= 0xfe;
}

bool is_x87(u8 map, u8 opcode) { return map == 0 && opcode >= 0xd8 && opcode <= 0xdf; }

/// Opcodes of VEX and EVEX whose ModRM.reg is an opcode extension.
bool is_vector_group(u8 map, u8 opcode) {
    return (map == 1 && (opcode == 0xae || (opcode >= 0x71 && opcode <= 0x73))) || (map == 2 && opcode == 0xf3);
}

}  // namespace

bool Corpus::runnable(const Insn& i) {
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_RDRAND:
        case ZYDIS_MNEMONIC_RDSEED: return false;  // never the same twice
        case ZYDIS_MNEMONIC_VPEXTRD:
        case ZYDIS_MNEMONIC_VPINSRD:
        case ZYDIS_MNEMONIC_KMOVD: {
            // VEX.W set outside of 64-bit mode: AMD raises #UD or moves 64 bits, the manual ignores it.
            const bool w = i.encoding == Encoding::kVex && i.bytes[i.opcode_at - 2] != 0xc5 && (i.bytes[i.opcode_at - 1] & 0x80);
            if (!i.is64() && w) return false;
            break;
        }
        default: break;
    }
    if (i.map == 1 && i.opcode == 0x0d && i.mod() == 3 && i.has_modrm) return false;  // a hint on Intel, #UD on AMD
    switch (i.klass) {
        case InsnClass::kCopy:
        case InsnClass::kRewriteMem: return true;
        case InsnClass::kUndefined: return false;
        default: break;
    }
    switch (i.op) {
        case Op::kPushReg: case Op::kPushRm: case Op::kPushImm: case Op::kPushf: case Op::kPopReg: case Op::kPopRm: case Op::kLeave: case Op::kEnter:
        case Op::kMovs: case Op::kStos: case Op::kLods: case Op::kScas: case Op::kCmps:
        case Op::kLea: case Op::kMovMoffs: case Op::kXlat: case Op::kNop: case Op::kPrefetch:
        case Op::kBtMem: case Op::kBtsMem: case Op::kBtrMem: case Op::kBtcMem:
        case Op::kIncShort: case Op::kDecShort: case Op::kSalc: case Op::kMaskmov: case Op::kGather: case Op::kScatter:
        case Op::kRdfsbase: case Op::kRdgsbase: case Op::kClflush: case Op::kClzero:
        case Op::kPusha: case Op::kPopa: case Op::kDaa: case Op::kDas: case Op::kAaa: case Op::kAas: case Op::kAam: case Op::kAad:
        case Op::kCld: case Op::kStd:
        case Op::kFnstenv: case Op::kFldenv: case Op::kFnsave: case Op::kFrstor: case Op::kFxsave: case Op::kFxrstor:
        case Op::kXsave: case Op::kXsaveopt: case Op::kXsavec: case Op::kXrstor: return true;
        default: return false;
    }
}

std::string Corpus::name(u16 mnemonic) {
    const char* s = ZydisMnemonicGetString(static_cast<ZydisMnemonic>(mnemonic));
    return s ? s : "?";
}

Corpus::Corpus(const Decoder& decoder, const FeatureSet& features, unsigned bits)
    : decoder_(decoder), features_(features), bits_(bits) {
    scan_legacy();
    scan_vex();
    scan_evex();
    build_groups();
}

void Corpus::keep(const std::string& filter) {
    std::erase_if(forms_, [&](const auto& f) { return name(f.first).find(filter) == std::string::npos; });
    build_groups();
}

void Corpus::build_groups() {
    for (auto& g : groups_) g.clear();
    for (const auto& [mnemonic, forms] : forms_) {
        const Form& f = forms.front();
        u8 bytes[32];
        Random r(mnemonic);
        Insn insn;
        for (unsigned tries = 0; tries < 50; ++tries) {
            encode(f, r, bytes);
            if (decoder_.decode(bytes, 0, bits_, insn) == DecodeStatus::kOk) break;
        }
        const unsigned g = f.encoding == Encoding::kEvex ? 4 : f.encoding == Encoding::kVex ? 3 : insn.uses_sse ? 2 : insn.uses_fpu ? 1 : 0;
        groups_[g].push_back(&forms);
    }
}

const Form& Corpus::pick(Random& r) const {
    static constexpr unsigned kShare[] = {500, 100, 130, 120, 150};
    for (;;) {
        u64 n = r.below(1000);
        unsigned g = 0;
        while (n >= kShare[g]) n -= kShare[g++];
        if (groups_[g].empty()) continue;
        return r.pick_from(*r.pick_from(groups_[g]));
    }
}

bool Corpus::decodes(Form form, Random& random, unsigned attempts) const {
    u8 bytes[32];
    Insn insn;
    while (attempts-- > 0) {
        form.rm = form.mem && attempts % 2 ? u8{4} : kFree;  // gathers and scatters want a SIB byte
        encode(form, random, bytes);
        if (decoder_.decode(bytes, kFree, bits_, insn) == DecodeStatus::kOk) return true;
    }
    return false;
}

/// All forms of one opcode. Most opcodes are not assigned, which a few attempts for each form show.
void Corpus::try_forms(const std::vector<Form>& forms) {
    Random r(forms.front().opcode);
    if (std::none_of(forms.begin(), forms.end(), [&](const Form& f) { return decodes(f, r, 10); })) return;
    for (const Form& f : forms) try_form(f);
}

void Corpus::try_form(Form form) {
    Random r(form.opcode);
    for (unsigned tries = 0; tries < 64; ++tries) {
        u8 bytes[32];
        encode(form, r, bytes);
        Insn insn;
        if (decoder_.decode(bytes, kFree, bits_, insn) != DecodeStatus::kOk) continue;
        if (!offered(features_, insn)) not_offered_.insert(insn.mnemonic);
        if (!runnable(insn) || !offered(features_, insn)) continue;
        if (insn.encoding != form.encoding) return;
        form.mnemonic = insn.mnemonic;
        forms_[insn.mnemonic].push_back(form);
        return;
    }
}

void Corpus::scan_legacy() {
    for (unsigned map = 0; map < 4; ++map)
        for (unsigned opcode = 0; opcode < 256; ++opcode)
            for (const u8 prefix : {0x00, 0x66, 0xf3, 0xf2})
                for (u8 w = 0; w < (bits_ == 64 ? 2 : 1); ++w) {
                    Form f{.map = static_cast<u8>(map), .opcode = static_cast<u8>(opcode), .prefix = prefix, .w = w};
                    if (!has_modrm(f.map, f.opcode)) {
                        try_form(f);
                        continue;
                    }
                    for (u8 reg = 0; reg < 8; ++reg) {
                        f.reg = reg;
                        f.mem = true, f.rm = kFree;
                        try_form(f);
                        f.mem = false;
                        if (!is_x87(f.map, f.opcode)) try_form(f);
                        else
                            for (f.rm = 0; f.rm < 8; ++f.rm) try_form(f);
                    }
                }
}

void Corpus::scan_vector(Form opcode, unsigned combinations, void (*fill)(Form&, unsigned)) {
    std::vector<Form> forms;
    for (unsigned n = 0; n < combinations; ++n) {
        fill(opcode, n);
        if (!is_vector_group(opcode.map, opcode.opcode)) forms.push_back(opcode);
        else
            for (opcode.reg = 0; opcode.reg < 8; ++opcode.reg) forms.push_back(opcode);
    }
    try_forms(forms);
}

void Corpus::scan_vex() {
    for (u8 map = 1; map <= 3; ++map)
        for (unsigned opcode = 0; opcode < 256; ++opcode)
            for (const u8 prefix : {0x00, 0x66, 0xf3, 0xf2})
                scan_vector({.encoding = Encoding::kVex, .map = map, .opcode = static_cast<u8>(opcode), .prefix = prefix}, 16, [](Form& f, unsigned n) {
                    f.w = n & 1, f.l = n >> 1 & 1, f.mem = (n & 4) != 0, f.vvvv_unused = (n & 8) != 0;
                });
}

void Corpus::scan_evex() {
    for (const u8 map : {1, 2, 3, 5, 6})
        for (unsigned opcode = 0; opcode < 256; ++opcode)
            for (const u8 prefix : {0x00, 0x66, 0xf3, 0xf2})
                scan_vector({.encoding = Encoding::kEvex, .map = map, .opcode = static_cast<u8>(opcode), .prefix = prefix}, 96, [](Form& f, unsigned n) {
                    f.w = n & 1, f.mem = (n & 2) != 0, f.broadcast = (n & 4) != 0, f.vvvv_unused = (n & 8) != 0, f.masked = (n & 16) != 0;
                    f.l = static_cast<u8>(n >> 5);
                });
}

namespace {

/// Writes bytes, the fields of one form.
class FormWriter {
  public:
    FormWriter(const Form& form, Random& random, bool is64, u8* out) : f_(form), r_(random), is64_(is64), p_(out) {}

    void write(u8* end) {
        if (r_.chance(40)) *p_++ = 0x67;
        if (r_.chance(60)) *p_++ = r_.pick<u8>({0x64, 0x65, 0x64, 0x65, 0x26, 0x2e, 0x36, 0x3e});
        switch (f_.encoding) {
            case Encoding::kLegacy: legacy(); break;
            case Encoding::kVex: vex(); break;
            case Encoding::kEvex: evex(); break;
        }
        *p_++ = f_.opcode;
        modrm();
        // Displacement and immediate: random, at the edges now and then.
        const unsigned kind = static_cast<unsigned>(r_.below(6));
        u64 pool = r_.next(), fresh = 8;
        for (; p_ < end; pool >>= 8, --fresh) {
            if (fresh == 0) pool = r_.next(), fresh = 8;
            *p_++ = static_cast<u8>(kind == 0 ? 0 : kind == 1 ? 0xff : kind == 2 ? pool & 3 : pool);
        }
    }

  private:
    unsigned bit() { return is64_ ? static_cast<unsigned>(r_.next() & 1) : 1; }

    void legacy() {
        if (f_.mem && r_.chance(50)) *p_++ = 0xf0;
        if (f_.prefix != 0) *p_++ = f_.prefix;
        if (f_.prefix >= 0xf2 && r_.chance(50)) *p_++ = 0x66;
        if (is64_ && (f_.w || r_.chance(600))) *p_++ = static_cast<u8>(0x40 | f_.w << 3 | r_.below(8));
        if (f_.map >= 1) *p_++ = 0x0f;
        if (f_.map == 2) *p_++ = 0x38;
        if (f_.map == 3) *p_++ = 0x3a;
    }

    unsigned pp() const { return f_.prefix == 0 ? 0 : f_.prefix == 0x66 ? 1 : f_.prefix == 0xf3 ? 2 : 3; }
    unsigned vvvv() { return f_.vvvv_unused ? 0xf : static_cast<unsigned>(r_.below(is64_ ? 16 : 8)) | (is64_ ? 0 : 8); }

    void vex() {
        if (f_.map == 1 && f_.w == 0 && r_.chance(500)) {
            *p_++ = 0xc5;
            *p_++ = static_cast<u8>(bit() << 7 | vvvv() << 3 | f_.l << 2 | pp());
            return;
        }
        *p_++ = 0xc4;
        *p_++ = static_cast<u8>(bit() << 7 | bit() << 6 | bit() << 5 | f_.map);
        *p_++ = static_cast<u8>(f_.w << 7 | vvvv() << 3 | f_.l << 2 | pp());
    }

    void evex() {
        *p_++ = 0x62;
        *p_++ = static_cast<u8>(bit() << 7 | bit() << 6 | bit() << 5 | bit() << 4 | f_.map);
        *p_++ = static_cast<u8>(f_.w << 7 | vvvv() << 3 | 4 | pp());
        const unsigned aaa = f_.masked ? 1 + static_cast<unsigned>(r_.below(7)) : 0;
        const unsigned z = f_.masked && r_.chance(400) ? 1 : 0;
        // Without memory EVEX.b means rounding, and L'L its mode.
        const unsigned l = f_.broadcast && !f_.mem ? static_cast<unsigned>(r_.below(4)) : f_.l;
        *p_++ = static_cast<u8>(z << 7 | l << 5 | f_.broadcast << 4 | (f_.vvvv_unused ? 1 : bit()) << 3 | aaa);
    }

    void modrm() {
        if (f_.encoding == Encoding::kLegacy && !has_modrm(f_.map, f_.opcode)) return;
        const u8 reg = f_.reg != kFree ? f_.reg : static_cast<u8>(r_.below(8));
        const u8 rm = f_.rm != kFree ? f_.rm : static_cast<u8>(r_.below(8));
        const u8 mod = f_.mem ? static_cast<u8>(r_.below(3)) : 3;
        *p_++ = static_cast<u8>(mod << 6 | reg << 3 | rm);
    }

    const Form& f_;
    Random& r_;
    bool is64_;
    u8* p_;
};

}  // namespace

void Corpus::encode(const Form& form, Random& random, u8 (&bytes)[32]) const {
    FormWriter(form, random, bits_ == 64, bytes).write(bytes + sizeof bytes);
}

}  // namespace twin86::diff
