#include "tests/diff/generator.h"

#include <Zydis/Mnemonic.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "cpu/decode/offered.h"
#include "tests/diff/random_state.h"
#include "tests/diff/segments.h"

namespace twin86::diff {

namespace {

bool is_string(Op op) { return op == Op::kMovs || op == Op::kStos || op == Op::kLods || op == Op::kScas || op == Op::kCmps; }

bool uses_stack(const Insn& i) {
    switch (i.op) {
        case Op::kPushReg: case Op::kPushRm: case Op::kPushImm: case Op::kPushf: case Op::kPopReg: case Op::kPopRm: case Op::kEnter:
        case Op::kPusha: case Op::kPopa: return true;
        default: return false;
    }
}

bool is_bit_string(Op op) { return op == Op::kBtMem || op == Op::kBtsMem || op == Op::kBtrMem || op == Op::kBtcMem; }

void set_low(u64& reg, u64 value, unsigned bits) {
    const u64 mask = bits >= 64 ? ~u64{0} : (u64{1} << bits) - 1;
    reg = (reg & ~mask) | (value & mask);
}

u64 sign_extended(u64 v, unsigned bits) { return static_cast<u64>(static_cast<i64>(v << (64 - bits)) >> (64 - bits)); }

}  // namespace

Item item_of(const Insn& insn) {
    Item i;
    std::memcpy(i.bytes, insn.bytes, 16);
    i.length = insn.length;
    i.mnemonic = insn.mnemonic;
    return i;
}

u32 written_registers(const Insn& i) {
    u32 mask = i.implicit_written;
    const auto field = [&](u8 which, u8 number) {
        if (!(i.gpr_fields & i.gpr_written & which)) return;
        mask |= 1u << ((i.high_fields & which) ? (number & 3) : (number & 15));
    };
    field(kFieldReg, i.reg_field);
    field(kFieldRm, i.rm_field);
    field(kFieldVvvv, i.vvvv_field);
    field(kFieldOpcode, i.opcode_field);
    return mask;
}

bool Generator::random_insn(Random& r, Insn& insn) const {
    const Form& form = corpus_.pick(r);
    u8 bytes[32];
    corpus_.encode(form, r, bytes);
    insn = Insn{};
    if (decoder_.decode({bytes, 15}, 0, corpus_.bits(), insn) != DecodeStatus::kOk) return false;
    return insn.mnemonic == form.mnemonic && comparable(insn);
}

/// Both sides run it and come to the same.
bool Generator::comparable(const Insn& insn) const {
    // Stores through CS fault but for masked-off elements.
    const bool masked = insn.mem.suppresses_faults || insn.op == Op::kMaskmov;
    if (!insn.is64() && insn.segment_override == kCs && masked) return false;
    return Corpus::runnable(insn) && offered(features_, insn);
}

Case Generator::start(Random& r, bool tame) const {
    Case c;
    c.bits = corpus_.bits();
    random_state(r, c.in);
    if (r.chance(20)) c.in.rflags |= kFlagAC;
    c.data_seed = static_cast<u32>(r.next());
    c.code_offset = static_cast<u32>(r.chance(900) ? 64 + r.below(3000) : kPageSize - r.below(40));
    if (c.bits != 64) {
        c.in.fs_base = c.in.gs_base = 0;
        choose_segments(r, tame, c);
    }
    set_low(c.in.gpr[kRsp], kDataBase + 0x1000 + r.below(0x200) * 8 - segment_base(c.in, c.bits, kSs), stack_bits(c));
    narrow(c);
    return c;
}

/// Outside of 64-bit mode registers have 32 bits.
void Generator::narrow(Case& c) const {
    if (c.bits == 64) return;
    for (u64& g : c.in.gpr) g &= 0xffffffff;
}

/// Mostly inside the window; at its pages' borders, in the read-only page, in nothing.
Gva Generator::pick_target(Random& r, const Insn& insn, unsigned size) const {
    size = std::max(size, 1u);
    const u64 n = r.below(1000);
    if (n < 30) return kDataBase + kWritableSize + r.below(kPageSize);
    if (n < 60) return kDataBase - r.below(2 * size + 1);
    if (n < 90) return kDataBase + kDataSize - r.below(2 * size + 1);
    if (n < 120) return kDataBase + kWritableSize - r.below(size + 1);
    if (n < 140) return insn.is64() ? random_value(r) : r.next() & 0xffffffff;
    if (n < 150) return kCodeBase + r.below(kCodeSize);
    Gva at = kDataBase + 256 + r.below(kWritableSize - 1024);
    if (n < 300) at = kDataBase + (1 + r.below(2)) * kPageSize - r.below(size + 1);
    const bool vector = insn.uses_sse || insn.uses_avx || insn.uses_avx512;
    if (size >= 2 && r.chance(vector ? 800 : 300)) at &= ~(std::bit_floor(std::min<u64>(size, 64)) - 1);
    return at;
}

/// As pick_target, through a segment: at its limit too.
Gva Generator::pick_in(Random& r, const Insn& insn, unsigned size, const MachineState& s, unsigned segment) const {
    const bool limited = !insn.is64() && s.segment[segment] >= kLdtFirst;
    if (!limited || !r.chance(80)) return pick_target(r, insn, size);
    const u64 limit = segment_limit(static_cast<SegmentNumber>(s.segment[segment]));
    return segment_base(s, corpus_.bits(), segment) + limit + 1 - r.below(2 * std::max(size, 1u) + 1);
}

/// Chooses base and index, or the displacement, so that the operand lies at `target`.
void Generator::aim_memory(Random& r, const Insn& insn, Item& item, MachineState& s, Gva target) const {
    const MemOperand& m = insn.mem;
    u64 offset = target - segment_base(s, corpus_.bits(), m.segment);
    if (insn.op == Op::kMovMoffs) {
        std::memcpy(item.bytes + insn.disp_at, &offset, insn.disp_size);
        return;
    }
    if (m.rip_relative) {
        item.fix = Fix::kData32;
        item.fix_at = insn.disp_at;
        item.address = offset;
        return;
    }
    const unsigned bits = insn.address_bits;
    const u64 rest = offset - static_cast<u64>(m.disp);
    if (m.base == kNoGpr && (m.index == kNoGpr || m.vsib)) {
        if (insn.disp_size >= 2) std::memcpy(item.bytes + insn.disp_at, &offset, insn.disp_size);
        return;
    }
    if (m.index == kNoGpr || m.vsib) return set_low(s.gpr[m.base], rest, bits);
    if (m.base == kNoGpr) {
        const i64 value = bits == 64 ? static_cast<i64>(rest) : static_cast<i64>(rest & 0xffffffff);
        return set_low(s.gpr[m.index], static_cast<u64>(value / m.scale), bits);
    }
    if (m.base == m.index) {
        const i64 value = bits == 64 ? static_cast<i64>(rest) : static_cast<i64>(rest & 0xffffffff);
        return set_low(s.gpr[m.base], static_cast<u64>(value / (m.scale + 1)), bits);
    }
    if (r.chance(500)) set_low(s.gpr[m.index], r.below(64), bits);
    set_low(s.gpr[m.base], rest - s.gpr[m.index] * m.scale, bits);
}

/// Small indices, so that all lanes of a gather or scatter come to lie near the target.
void Generator::aim_vsib(Random& r, const Insn& insn, MachineState& s) const {
    const bool wide = insn.opcode & 1;
    u8 lanes[64];
    for (unsigned at = 0; at < 64; at += wide ? 8 : 4) {
        const i64 v = static_cast<i64>(r.below(r.chance(50) ? 4000 : 64)) - 16;
        std::memcpy(lanes + at, &v, wide ? 8 : 4);
    }
    set_vector(s, insn.mem.index, lanes, 64);
}

void Generator::aim_implicit(Random& r, const Insn& insn, MachineState& s) const {
    const unsigned bits = insn.address_bits, size = insn.operand_bits / 8;
    const unsigned source = insn.segment_override == kNoSegment ? u8{kDs} : insn.segment_override;
    const auto offset = [&](Gva at, unsigned segment) { return at - segment_base(s, corpus_.bits(), segment); };
    if (is_string(insn.op)) {
        set_low(s.gpr[kRsi], offset(pick_in(r, insn, size, s, source), source), bits);
        set_low(s.gpr[kRdi], offset(pick_in(r, insn, size, s, kEs), kEs), bits);
        if (r.chance(200)) set_low(s.gpr[kRdi], s.gpr[kRsi] + r.below(17) - 8, bits);
        if (insn.repe || insn.repne) set_low(s.gpr[kRcx], r.below(r.chance(200) ? 3000 : 12), bits);
    }
    // Whether an all-zero mask faults is up to the processor: only where nothing faults.
    if (insn.op == Op::kMaskmov) set_low(s.gpr[kRdi], offset(kDataBase + r.below(kWritableSize - 16), source), bits);
    if (insn.op == Op::kXsave || insn.op == Op::kXsavec || insn.op == Op::kXrstor) {
        s.gpr[kRax] = r.chance(500) ? r.below(256) : random_value(r);
        s.gpr[kRdx] = r.chance(800) ? 0 : random_value(r);
    }
    if (insn.op == Op::kClzero) set_low(s.gpr[kRax], offset(pick_target(r, insn, 64), source), bits);
    if (insn.op == Op::kLeave) s.gpr[kRbp] = offset(pick_in(r, insn, 8, s, kSs), kSs);
    if (insn.op == Op::kEnter) s.gpr[kRbp] = offset(kDataBase + 0x1800 + r.below(0x400), kSs);
    // POPA that faults half-way keeps what it has loaded on some processors.
    const bool inside = insn.op == Op::kPopa || r.chance(850);
    const Gva top = inside ? kDataBase + 0x1000 + r.below(0x200) * 8 : pick_in(r, insn, size, s, kSs);
    if (uses_stack(insn)) s.gpr[kRsp] = offset(top, kSs);
    if (insn.mnemonic == ZYDIS_MNEMONIC_DIV && r.chance(800)) s.gpr[kRdx] = 0;
    if (insn.mnemonic == ZYDIS_MNEMONIC_IDIV && r.chance(800)) s.gpr[kRdx] = s.gpr[kRax] >> 63 ? ~u64{0} : 0;
}

/// The state and the fields of one instruction, for a case of its own.
void Generator::aim(Random& r, Insn& insn, Item& item, MachineState& s, u32 data_seed) const {
    aim_implicit(r, insn, s);
    if (insn.op == Op::kXlat) {
        const Gva at = pick_in(r, insn, 1, s, insn.mem.segment) - segment_base(s, corpus_.bits(), insn.mem.segment);
        return set_low(s.gpr[kRbx], at - (s.gpr[kRax] & 0xff), insn.address_bits);
    }
    if (!insn.has_mem || is_string(insn.op) || insn.op == Op::kMaskmov) return;
    Gva target = pick_in(r, insn, insn.mem.size, s, insn.mem.segment);
    if (insn.mem.vsib) {
        aim_vsib(r, insn, s);
        target = r.chance(950) ? kDataBase + 0x800 + r.below(0x1000) : target;
    }
    if (is_bit_string(insn.op)) {
        const u8 bit_register = insn.reg_field;
        if (bit_register != insn.mem.base && bit_register != insn.mem.index) {
            if (r.chance(800)) set_low(s.gpr[bit_register], r.below(16384) - 8192, insn.operand_bits);
            const i64 offset = static_cast<i64>(sign_extended(s.gpr[bit_register], insn.operand_bits));
            const i64 word = offset >> (insn.operand_bits == 64 ? 6 : insn.operand_bits == 32 ? 5 : 4);
            target -= static_cast<u64>(word * (insn.operand_bits / 8));
        }
    }
    aim_memory(r, insn, item, s, target);
    // CMPXCHG should hit as often as it misses.
    const u8* data = data_pattern(data_seed);
    if (target - kDataBase >= kDataSize - 16 || !r.chance(500)) return;
    if (insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG && insn.mem.base != kRax && insn.mem.index != kRax)
        std::memcpy(&s.gpr[kRax], data + (target - kDataBase), 8);
    const bool pair8 = insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B, pair16 = insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B;
    const bool addressed = (insn.mem.base | 2) == kRdx || (insn.mem.index | 2) == kRdx;
    if ((pair8 || pair16) && !addressed) {
        std::memcpy(&s.gpr[kRax], data + (target - kDataBase), pair8 ? 4 : 8);
        std::memcpy(&s.gpr[kRdx], data + (target - kDataBase) + (pair8 ? 4 : 8), pair8 ? 4 : 8);
    }
}

Case Generator::single(Random& r) const {
    Insn insn;
    while (!random_insn(r, insn)) {
    }
    Case c = single_of(r, insn);
    if (insn.length > 1 && r.chance(10)) c.code_offset = static_cast<u32>(kCodeSize - 1 - r.below(insn.length - 1));
    return c;
}

Case Generator::single_of(Random& r, Insn& insn) const {
    Case c = start(r);
    Item item = item_of(insn);
    aim(r, insn, item, c.in, c.data_seed);
    narrow(c);
    c.program.items.push_back(item);
    return c;
}

namespace {

/// Changes the first bytes as a hostile assembler would.
void mangle(Random& r, bool is64, u8 (&bytes)[32]) {
    const auto insert = [&](u8 prefix) {
        std::memmove(bytes + 1, bytes, 15);
        bytes[0] = prefix;
    };
    const auto prefix = [&] { return r.pick<u8>({0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}); };
    switch (r.below(8)) {
        case 0: insert(prefix()); [[fallthrough]];
        case 1: insert(prefix()); break;
        case 2: insert(is64 ? static_cast<u8>(0x40 + r.below(16)) : prefix()); break;
        case 3:  // about 15 bytes
            for (u64 n = r.below(14); n-- > 0;) insert(r.pick<u8>({0x66, 0x2e, 0x3e, 0x26, 0x36}));
            break;
        case 4: bytes[1 + r.below(3)] = static_cast<u8>(r.next()); break;
        default: bytes[r.below(5)] ^= static_cast<u8>(1 << r.below(8)); break;
    }
}

}  // namespace

Case Generator::mangled(Random& r) const {
    for (;;) {
        u8 bytes[32];
        corpus_.encode(corpus_.pick(r), r, bytes);
        mangle(r, corpus_.bits() == 64, bytes);
        Insn insn;
        const DecodeStatus status = decoder_.decode({bytes, 15}, 0, corpus_.bits(), insn);
        if (status == DecodeStatus::kOk) {
            if (comparable(insn)) return single_of(r, insn);
            continue;
        }
        // Known to the decoder and not in the table: the host may have it.
        if (insn.mnemonic != 0 || status == DecodeStatus::kNeedMoreBytes) continue;
        Case c = start(r);
        Item item;
        std::memcpy(item.bytes, bytes, sizeof item.bytes);
        item.length = sizeof item.bytes;
        c.program.items.push_back(item);
        return c;
    }
}

}  // namespace twin86::diff
