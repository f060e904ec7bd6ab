// The segments that cases start with, and what programs of ring 3 may do to them: loads, far transfers, flags, and the
// instructions that look at descriptors. Selectors are of the LDT, which both sides have alike, or null.
#include <algorithm>

#include "tests/diff/generator.h"
#include "tests/diff/native_oracle.h"
#include "tests/diff/random_state.h"
#include "tests/diff/segments.h"

namespace twin86::diff {

namespace {

constexpr unsigned kMaxPieces = 6;
constexpr std::size_t kEnd = 0xffff;

class SegmentProgram {
  public:
    SegmentProgram(Random& r, Program& out) : r_(r), out_(out) {}

    void piece() {
        switch (r_.below(12)) {
            case 0: return load_from_register();
            case 1: return load_from_stack();
            case 2: return load_far_pointer();
            case 3: return inspect();
            case 4: return far_return();
            case 5: return far_immediate();
            case 6: return far_memory();
            case 7: return interrupt_return();
            case 8: return flags();
            case 9: return store_selector();
            default: return access();
        }
    }

  private:
    u16 selector() {
        if (r_.chance(100)) return static_cast<u16>(r_.below(4));  // null
        return static_cast<u16>(r_.below(kLoadableEnd - kLdtFirst + (r_.chance(100) ? 3 : 0)) << 3 | 4 | (r_.chance(850) ? 3 : r_.below(4)));
    }
    u16 code_selector() { return r_.chance(300) ? selector() : native_selector(r_.chance(900) ? kCode16 : kCode32); }
    /// Where a transfer to this selector goes: 32-bit code has nothing but the end.
    std::size_t after(unsigned items, u16 selector) const { return (selector | 3) == native_selector(kCode32) ? kEnd : out_.items.size() + items; }
    unsigned any_register() { return r_.pick<u8>({kRax, kRcx, kRdx, kRsi, kRdi}); }
    void add(std::initializer_list<unsigned> bytes, Fix fix = Fix::kNone, u8 fix_at = 0, std::size_t target = 0) {
        out_.items.push_back(raw(bytes, fix, fix_at, target));
    }
    /// With an operand of 32 bits: `high` is its upper half.
    void push(u16 value, bool wide = false, u16 high = 0) {
        if (!wide) return add({0x68, value & 0xffu, value >> 8u});
        add({0x66, 0x68, value & 0xffu, value >> 8u, high & 0xffu, high >> 8u});
    }
    void push_address(std::size_t item, bool wide) {
        if (!wide) return add({0x68, 0, 0}, Fix::kItemAbs16, 1, item);
        add({0x66, 0x68, 0, 0, 0, 0}, Fix::kItemAbs32, 2, item);
    }
    /// The instruction, with an operand-size prefix when `wide`.
    void sized(bool wide, std::initializer_list<unsigned> bytes) {
        add(bytes);
        if (!wide) return;
        Item& i = out_.items.back();
        std::copy_backward(i.bytes, i.bytes + i.length, i.bytes + i.length + 1);
        i.bytes[0] = 0x66, ++i.length;
    }
    bool wide() { return r_.chance(300); }
    u16 random16() { return static_cast<u16>(r_.next()); }
    unsigned selector_in_register() {
        const unsigned reg = any_register();
        const u16 s = selector();
        add({0xb8 | reg, s & 0xffu, s >> 8u});
        return reg;
    }

    void load_from_register() {
        const unsigned reg = selector_in_register();
        add({0x8e, 0xc0u | static_cast<unsigned>(r_.pick<u8>({0, 2, 3, 4, 5, 0, 3, 1, 6})) << 3 | reg});
    }
    void load_from_stack() {
        const bool w = wide();
        push(selector(), w, random16());
        switch (r_.below(5)) {
            case 0: return sized(w, {0x07});
            case 1: return sized(w, {0x17});
            case 2: return sized(w, {0x1f});
            case 3: return sized(w, {0x0f, 0xa1});
            default: return sized(w, {0x0f, 0xa9});
        }
    }
    /// mov word [bx], offset; mov word [bx + 2], selector
    void far_pointer_in_memory(u16 sel, bool to_code) {
        if (to_code) add({0xc7, 0x07, 0, 0}, Fix::kItemAbs16, 2, after(3, sel));
        else add({0xc7, 0x07, 0x34, 0x12});
        add({0xc7, 0x47, 2, sel & 0xffu, sel >> 8u});
    }
    void load_far_pointer() {
        far_pointer_in_memory(selector(), false);
        switch (r_.below(5)) {
            case 0: return add({0xc4, 0x07});  // les ax, [bx]
            case 1: return add({0xc5, 0x0f});  // lds cx, [bx]
            case 2: return add({0x0f, 0xb2, 0x17});
            case 3: return add({0x0f, 0xb4, 0x37});
            default: return add({0x0f, 0xb5, 0x3f});
        }
    }
    void inspect() {
        const unsigned reg = selector_in_register(), to = any_register();
        switch (r_.below(5)) {
            case 0: return sized(wide(), {0x0f, 0x02, 0xc0 | to << 3 | reg});
            case 1: return sized(wide(), {0x0f, 0x03, 0xc0 | to << 3 | reg});
            case 2: return add({0x0f, 0x00, 0xe0 | reg});
            case 3: return add({0x0f, 0x00, 0xe8 | reg});
            default: return add({0x63, 0xc0 | to << 3 | reg});
        }
    }
    void far_return() {
        const u16 s = code_selector();
        const bool w = wide();
        push(s, w, random16());
        push_address(after(2, s), w);
        if (r_.chance(500)) sized(w, {0xcb});
        else sized(w, {0xca, static_cast<unsigned>(r_.below(16)), 0});
    }
    void far_immediate() {
        const u16 s = code_selector();
        const unsigned opcode = r_.chance(500) ? 0xea : 0x9a;
        if (wide()) return add({0x66, opcode, 0, 0, 0, 0, s & 0xffu, s >> 8u}, Fix::kItemAbs32, 2, after(1, s));
        add({opcode, 0, 0, s & 0xffu, s >> 8u}, Fix::kItemAbs16, 1, after(1, s));
    }
    void far_memory() {
        far_pointer_in_memory(code_selector(), true);
        add({0xff, r_.chance(500) ? 0x2fu : 0x1fu});
    }
    /// Not TF: the native side would have to step. AC means alignment checks there.
    u16 flag_image() { return static_cast<u16>(r_.next() & ~u64{kFlagTF | (r_.chance(800) ? kFlagNT : 0)}); }
    u16 high_flags() { return static_cast<u16>(r_.next() & ~u64{kFlagAC >> 16}); }
    void interrupt_return() {
        const u16 s = code_selector();
        const bool w = wide();
        push(flag_image(), w, high_flags());
        push(s, w, random16());
        push_address(after(2, s), w);
        sized(w, {0xcf});
    }
    void flags() {
        const bool w = wide();
        push(static_cast<u16>(flag_image() & ~u64{kFlagNT}), w, high_flags());
        sized(w, {0x9d});
    }
    void store_selector() {
        const unsigned segment = static_cast<unsigned>(r_.below(6));
        if (r_.chance(500)) return add({0x8c, 0xc0 | segment << 3 | any_register()});
        add({0x8c, segment << 3 | 7});  // mov [bx], sreg
    }
    void access() {
        const unsigned prefix = r_.pick<u8>({0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65});
        switch (r_.below(6)) {
            case 0: return add({prefix, 0x8b, 0x07});
            case 1: return add({prefix, 0x89, 0x07});
            case 2: return add({prefix, 0x66, 0x8b, 0x47, 0x40});
            case 3: return add({0x50});
            case 4: return add({prefix, 0x62, 0x07});  // bound ax, [bx]
            default: return add({0x58});
        }
    }

    Random& r_;
    Program& out_;
};

}  // namespace

/// Legacy code has segments of other shapes at times, 16-bit code always has some. Tame ones have no limits to meet.
void Generator::choose_segments(Random& r, bool tame, Case& c) const {
    static constexpr SegmentNumber kStacks[] = {kPlain16, kOddBase, kTight, kDown16, kWide, kDown32, kWide16};
    const bool own = host_has_ldt() && (c.bits == 16 || (!tame && r.chance(250))), plain = tame || r.chance(500);
    if (c.bits == 16) c.in.segment[kCs] = kCode16;
    // With FS the native side finds its own data: it must be able to get it back.
    const bool extra = host_has_ldt() && host_has_fsgsbase();
    for (const unsigned n : {kFs, kGs}) c.in.segment[n] = extra ? static_cast<u8>(kNullSegment + r.below(kSegmentNumbers - kNullSegment)) : u8{kNullSegment};
    if (!own) return;
    for (const unsigned n : {kEs, kDs}) c.in.segment[n] = plain ? u8{kPlain16} : static_cast<u8>(kNullSegment + r.below(kSegmentNumbers - kNullSegment));
    c.in.segment[kSs] = plain ? kPlain16 : kStacks[r.below(std::size(kStacks))];
}

unsigned Generator::stack_bits(const Case& c) const {
    return c.bits == 64 ? 64 : is_big(static_cast<SegmentNumber>(c.in.segment[kSs])) ? 32 : 16;
}

Case Generator::segments(Random& r) const {
    Case c = start(r, r.chance(700));
    c.loads_segments = true;
    c.in.rflags &= ~u64{kFlagAC};
    plain_vector_state(c.in);
    c.in.gpr[kRbx] = kDataBase + 0x400 + r.below(0x2000) - segment_base(c.in, c.bits, kDs);
    narrow(c);
    SegmentProgram program(r, c.program);
    for (u64 n = 1 + r.below(kMaxPieces); n-- > 0;) program.piece();
    for (Item& i : c.program.items) i.target = static_cast<u16>(std::min<std::size_t>(i.target, c.program.items.size()));
    return c;
}

}  // namespace twin86::diff
