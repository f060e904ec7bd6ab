// Blocks: a few registers hold pointers into the window and are not written, so that memory operands stay meaningful
// whatever the other instructions do.
#include <Zydis/Mnemonic.h>

#include <cstring>

#include "tests/diff/generator.h"
#include "tests/diff/random_state.h"
#include "tests/diff/segments.h"

namespace twin86::diff {

struct Generator::Pointers {
    u8 base[2];
    u8 index;
    u8 loop = kNoGpr;   ///< counts the branches back, by shifting out its ones
    bool tame = false;  ///< no faults, so that long blocks reach their end
    u64 value[2];       ///< offsets
    u64 index_value;
    const MachineState* in = nullptr;  ///< whose segments count
    u32 mask() const { return 1u << base[0] | 1u << base[1] | 1u << index | (loop == kNoGpr ? 0 : 1u << loop); }
};

namespace {

constexpr unsigned kMaxBlock = 20, kMaxLongBlock = 100;
constexpr unsigned kMaxRounds = 12;

bool writes_own_rsp(const Insn& i) {
    switch (i.op) {
        case Op::kPushReg: case Op::kPushRm: case Op::kPushImm: case Op::kPushf: return true;
        case Op::kPopReg: case Op::kPopRm: return true;
        default: return false;
    }
}

}  // namespace

/// A near branch to an item, with a distance of 32 bits or, in 16-bit code mostly, of 16.
static Item near_branch(Random& r, unsigned bits, std::initializer_list<unsigned> opcode, std::size_t to) {
    Item i;
    const bool wide = bits != 16 || r.chance(300);
    if (bits == 16 && wide) i.bytes[i.length++] = 0x66;
    for (const unsigned b : opcode) i.bytes[i.length++] = static_cast<u8>(b);
    i.fix = wide ? Fix::kBranch32 : Fix::kBranch16, i.fix_at = i.length, i.target = static_cast<u16>(to);
    i.length += wide ? 4 : 2;
    return i;
}

/// One instruction that leaves the pointers alone and reaches memory through them only.
bool Generator::block_insn(Random& r, const Pointers& p, Program& out) const {
    Insn insn;
    if (!random_insn(r, insn)) return false;
    // EVEX.X means nothing with a general register, but with it a Zen 5 misses the pushes and pops before it in RSP.
    const bool evex_general_rm = insn.encoding == Encoding::kEvex && (insn.gpr_fields & kFieldRm);
    if (evex_general_rm && !(insn.bytes[insn.opcode_at - 3] & 0x40)) return false;
    const bool stack = writes_own_rsp(insn);
    u32 written = written_registers(insn);
    if (stack) {
        written &= ~(1u << kRsp);
        if ((insn.op == Op::kPopReg && (insn.opcode_field & 15) == kRsp)) return false;
        if (insn.op == Op::kPopRm && !insn.has_mem && (insn.rm_field & 15) == kRsp) return false;
    } else if (written & (1u << kRsp)) {
        return false;
    }
    if (written & p.mask()) return false;
    switch (insn.op) {
        case Op::kLeave: case Op::kEnter: case Op::kMovs: case Op::kStos: case Op::kLods: case Op::kScas: case Op::kCmps: case Op::kXlat:
        case Op::kMaskmov: case Op::kClzero: case Op::kPusha: case Op::kPopa: case Op::kGather: case Op::kScatter:
        case Op::kBtMem: case Op::kBtsMem: case Op::kBtrMem: case Op::kBtcMem: return r.chance(30);
        // The x87 data pointer is not the guest's, and which state counts as initial is up to the processor.
        case Op::kFnstenv: case Op::kFnsave: case Op::kFxsave: case Op::kXsave: case Op::kXsaveopt: case Op::kXsavec: return false;
        default: break;
    }
    if ((insn.mnemonic == ZYDIS_MNEMONIC_DIV || insn.mnemonic == ZYDIS_MNEMONIC_IDIV) && (p.tame || !r.chance(100))) return false;
    Item item = item_of(insn);
    if (insn.has_mem && insn.mem.access != kAccessNone && !aim_block_memory(r, p, insn, item)) return false;
    out.items.push_back(item);
    return true;
}

/// Somewhere that does not fault, for tame blocks.
static Gva tame_target(Random& r, unsigned size) {
    const Gva at = kDataBase + 256 + r.below(kWritableSize - 1024);
    return at & ~u64{size > 8 ? 63u : 0u};
}

bool Generator::aim_block_memory(Random& r, const Pointers& p, const Insn& insn, Item& item) const {
    const MemOperand& m = insn.mem;
    const bool extra = m.segment == kFs || m.segment == kGs;
    if ((extra && (insn.is64() || p.tame)) || (p.tame && m.segment == kCs && !insn.is64())) return false;
    if (insn.op == Op::kMovMoffs || m.rip_relative) {
        MachineState unused = *p.in;
        aim_memory(r, insn, item, unused, p.tame ? tame_target(r, m.size) : pick_target(r, insn, m.size));
        return true;
    }
    if (m.base != p.base[0] && m.base != p.base[1] && m.base != kRsp) return false;
    if (m.index != kNoGpr && m.index != p.index) return false;
    if (m.base == kRsp) {
        if (p.tame && m.aligned) return false;
        const u32 disp = static_cast<u32>(r.below(512)) - 128;
        if (insn.disp_size >= 2) std::memcpy(item.bytes + insn.disp_at, &disp, insn.disp_size);
        return true;
    }
    const u64 offset = p.value[m.base == p.base[0] ? 0 : 1] + (m.index == kNoGpr ? 0 : p.index_value * m.scale);
    const Gva segment = segment_base(*p.in, corpus_.bits(), m.segment);
    if (insn.disp_size >= 2) {
        const u64 disp = (p.tame ? tame_target(r, m.size) : pick_in(r, insn, m.size, *p.in, m.segment)) - segment - offset;
        std::memcpy(item.bytes + insn.disp_at, &disp, insn.disp_size);
        return true;
    }
    const Gva at = segment + truncate(offset + static_cast<u64>(m.disp), insn.address_bits / 8);
    const bool inside = at >= kDataBase && at + m.size <= kDataBase + kWritableSize;
    return !p.tame || (inside && (!m.aligned || at % m.size == 0));
}

/// The same for 16-bit code.
void Generator::indirect_branch_16(Random& r, const Pointers& p, std::size_t to, Program& out) const {
    const unsigned branch = r.chance(500) ? 0x10 : 0x20;
    switch (r.below(3)) {
        case 0: {
            const unsigned reg = static_cast<unsigned>(r.below(8));
            if (reg == kRsp || (p.mask() >> reg & 1)) return;
            out.items.push_back(raw({0xb8 | reg, 0, 0}, Fix::kItemAbs16, 1, to + 1));
            return out.items.push_back(raw({0xff, 0xc0 | branch | reg}));
        }
        case 1:
            out.items.push_back(raw({0x68, 0, 0}, Fix::kItemAbs16, 1, to + 1));
            return out.items.push_back(raw({0xc3}));
        default:  // mov [bx], item; jmp or call [bx]
            if (p.base[0] != kRbx) return;
            out.items.push_back(raw({0xc7, 7, 0, 0}, Fix::kItemAbs16, 2, to + 1));
            return out.items.push_back(raw({0xff, branch | 7}));
    }
}

/// To item `to` by way of a register, memory or the stack.
void Generator::indirect_branch(Random& r, const Pointers& p, std::size_t to, Program& out) const {
    const bool is64 = corpus_.bits() == 64;
    if (corpus_.bits() == 16) return indirect_branch_16(r, p, to, out);
    switch (r.below(3)) {
        case 0: {  // mov reg, item; jmp or call reg
            const unsigned reg = static_cast<unsigned>(r.below(8));
            if (reg == kRsp || (p.mask() >> reg & 1)) return;
            out.items.push_back(raw({0xb8 | reg, 0, 0, 0, 0}, Fix::kItemAbs32, 1, to + 1));
            return out.items.push_back(raw({0xff, (r.chance(500) ? 0xd0u : 0xe0u) | reg}));
        }
        case 1:  // push item; ret
            out.items.push_back(raw({0x68, 0, 0, 0, 0}, Fix::kItemAbs32, 1, to + 1));
            return out.items.push_back(raw({0xc3}));
        default: {  // mov [base], item; jmp or call [base]
            const unsigned base = p.base[0];
            if ((base & 7) == 4 || (base & 7) == 5) return;
            const unsigned rex = 0x40 | base >> 3;
            if (is64) out.items.push_back(raw({rex | 8, 0xc7, base & 7, 0, 0, 0, 0}, Fix::kItemAbs32, 3, to + 1));
            else out.items.push_back(raw({0xc7, base, 0, 0, 0, 0}, Fix::kItemAbs32, 2, to + 1));
            const unsigned modrm = (r.chance(500) ? 0x10u : 0x20u) | (base & 7);
            return out.items.push_back(is64 ? raw({rex, 0xff, modrm}) : raw({0xff, modrm}));
        }
    }
}

namespace {

/// CALL or JMP through a register that the item before sets: entered alone it goes anywhere, into instructions too.
bool needs_item_before(const Item& i) {
    const unsigned at = i.length - 2u;
    return i.mnemonic == 0 && (i.length == 2 || i.length == 3) && i.bytes[at] == 0xff && i.bytes[at + 1] >= 0xd0 && i.bytes[at + 1] < 0xe8;
}

}  // namespace

/// A branch to an earlier item, taken as often as the loop register has ones: add reg, reg; jnz.
void Generator::back_branch(Random& r, const Pointers& p, Program& out) const {
    if (p.loop == kNoGpr || out.items.empty()) return;
    const std::size_t to = out.items.size() - 1 - r.below(std::min<std::size_t>(out.items.size(), 30));
    if (needs_item_before(out.items[to])) return;
    const unsigned low = p.loop & 7u, modrm = 0xc0 | low << 3 | low, rex = p.loop >= 8 ? 0x4d : 0x48;
    if (corpus_.bits() == 64) out.items.push_back(raw({rex, 0x01, modrm, 0x0f, 0x85, 0, 0, 0, 0}, Fix::kBranch32, 5, to));
    else if (corpus_.bits() == 32) out.items.push_back(raw({0x01, modrm, 0x0f, 0x85, 0, 0, 0, 0}, Fix::kBranch32, 4, to));
    else out.items.push_back(raw({0x01, modrm, 0x0f, 0x85, 0, 0}, Fix::kBranch16, 4, to));
}

/// A branch over up to `room` later items, of any kind, or back.
void Generator::block_branch(Random& r, const Pointers& p, unsigned room, Program& out) const {
    const std::size_t here = out.items.size();
    const std::size_t to = here + 1 + r.below(room + 1);
    const unsigned cc = static_cast<unsigned>(r.below(16));
    const bool is64 = corpus_.bits() == 64;
    switch (r.below(is64 ? 13 : 10)) {
        case 0:
        case 1: out.items.push_back(near_branch(r, corpus_.bits(), {0x0f, 0x80 | cc}, to)); break;
        case 2: out.items.push_back(raw({0x70 | cc, 0}, Fix::kBranch8, 1, std::min(to, here + 4))); break;
        case 3: out.items.push_back(near_branch(r, corpus_.bits(), {0xe9}, to)); break;
        case 4:
            if (p.mask() & (1u << kRcx)) return;
            out.items.push_back(raw({0xe0 | static_cast<unsigned>(r.below(4)), 0}, Fix::kBranch8, 1, std::min(to, here + 3)));
            break;
        case 5: out.items.push_back(near_branch(r, corpus_.bits(), {0xe8}, to)); break;
        case 6:
        case 7: return back_branch(r, p, out);
        case 8:
        case 9: return indirect_branch(r, p, to, out);
        case 10: {  // lea reg, [rip + item]; jmp or call reg
            u8 reg = static_cast<u8>(r.below(16));
            if (reg == kRsp || (p.mask() >> reg & 1)) return;
            const unsigned rex = 0x48 | (reg & 8) >> 1, low = reg & 7u;
            out.items.push_back(raw({rex, 0x8d, 5 | low << 3, 0, 0, 0, 0}, Fix::kItem32, 3, to + 1));
            out.items.push_back(raw({0x40u | (reg & 8) >> 3, 0xff, (r.chance(500) ? 0xd0 : 0xe0) | low}));
            break;
        }
        case 11:  // push rax; lea rax, [rip + item]; xchg rax, [rsp]; ret n
            if (p.mask() & (1u << kRax)) return;
            out.items.push_back(raw({0x50}));
            out.items.push_back(raw({0x48, 0x8d, 5, 0, 0, 0, 0}, Fix::kItem32, 3, to + 3));
            out.items.push_back(raw({0x48, 0x87, 0x04, 0x24}));
            out.items.push_back(r.chance(500) ? raw({0xc3}) : raw({0xc2, 8, 0}));
            break;
        default:  // call over a jump, and a return behind it
            out.items.push_back(raw({0xe8, 0, 0, 0, 0}, Fix::kBranch32, 1, here + 2));
            out.items.push_back(raw({0xeb, 0}, Fix::kBranch8, 1, here + 3));
            out.items.push_back(raw({0xc3}));
            break;
    }
}

/// Which registers hold pointers: in 16-bit code those that its addresses know.
void Generator::choose_pointers(Random& r, Pointers& p) const {
    const unsigned registers = corpus_.bits() == 64 ? 16 : 8;
    if (corpus_.bits() == 16) {
        p.base[0] = r.pick<u8>({kRbx, kRbp});
        p.base[1] = r.pick<u8>({kRsi, kRdi});
        p.index = p.base[1] == kRsi ? kRdi : kRsi;
        return;
    }
    do {
        p.base[0] = static_cast<u8>(r.below(registers)), p.base[1] = static_cast<u8>(r.below(registers));
        p.index = static_cast<u8>(r.below(registers));
    } while (p.base[0] == kRsp || p.base[1] == kRsp || p.index == kRsp || p.index == p.base[0] || p.index == p.base[1]);
}

Case Generator::block(Random& r) const {
    Pointers p{};
    p.tame = r.chance(300);
    Case c = start(r, p.tame);
    p.in = &c.in;
    const unsigned registers = c.bits == 64 ? 16 : 8;
    choose_pointers(r, p);
    const u8 loop = static_cast<u8>(r.below(registers));
    if (loop != kRsp && !(p.mask() >> loop & 1) && r.chance(800)) p.loop = loop;
    for (unsigned n = 0; n < 2; ++n)
        p.value[n] = kDataBase + 0x400 + r.below(0x2000) - segment_base(c.in, c.bits, p.base[n] == kRbp ? kSs : kDs);
    if (p.base[0] == p.base[1]) p.value[1] = p.value[0];
    for (unsigned n = 0; n < 2; ++n) c.in.gpr[p.base[n]] = p.value[n];
    c.in.gpr[p.index] = p.index_value = r.below(64);
    if (p.loop != kNoGpr) c.in.gpr[p.loop] = ~u64{0} << (c.bits - 1 - r.below(kMaxRounds));
    narrow(c);
    // Most faults in the middle hide what follows: no unmasked floating-point exceptions here.
    if (p.tame || r.chance(900)) {
        c.in.xsave[25] |= 0x1f, c.in.xsave[24] |= 0x80;
        c.in.xsave[0] |= 0x3f, c.in.xsave[2] &= 0x7f, c.in.xsave[3] &= 0x7f;
    }

    const unsigned count = 2 + static_cast<unsigned>(r.below((p.tame ? kMaxLongBlock : kMaxBlock) - 1));
    while (c.program.items.size() < count) {
        if (r.chance(120)) block_branch(r, p, static_cast<unsigned>(count - c.program.items.size()), c.program);
        else block_insn(r, p, c.program);
    }
    for (Item& i : c.program.items) i.target = static_cast<u16>(std::min<std::size_t>(i.target, c.program.items.size()));
    return c;
}

}  // namespace twin86::diff
