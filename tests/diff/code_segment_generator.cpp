// Code segments with different bases and code at equal offsets: what is known of an EIP in one of them must not serve in
// another.
//
// A program is a row of slots of kSlot bytes. Segments whose bases differ by kSlot see different slots at the same EIP;
// those that differ by pages see nothing there, or the same bytes at another linear address. Each slot counts, computes
// something that no other one does, and goes on to a slot of any segment. No flags are undefined anywhere.
#include "tests/diff/generator.h"
#include "tests/diff/random_state.h"
#include "tests/diff/segments.h"

namespace twin86::diff {

namespace {

constexpr unsigned kSlot = kCodeShift, kMostSlots = 12, kMostRounds = 60;

class SlotProgram {
  public:
    SlotProgram(Random& r, Program& out, unsigned bits) : r_(r), out_(out), wide_(bits == 32), slots_(2 + r.below(kMostSlots - 1)) {}

    void build() {
        for (std::size_t n = 0; n < slots_; ++n) slot();
        fix_targets();
    }

  private:
    /// Where an item goes, until all slots have their numbers.
    static constexpr std::size_t kEndSlot = 0x1000;

    void slot() {
        first_.push_back(out_.items.size());
        used_ = 0;
        add({0x83, 0xe9, 1});  // sub cx, 1
        if (wide_) add({0x0f, 0x84, 0, 0, 0, 0}, Fix::kBranch32, 2, kEndSlot);
        else add({0x0f, 0x84, 0, 0}, Fix::kBranch16, 2, kEndSlot);
        for (u64 n = 1 + r_.below(4); n-- > 0;) compute();
        go_on();
        while (used_ < kSlot) add({0xcc});
    }
    void fix_targets() {
        for (Item& i : out_.items)
            if (i.fix != Fix::kNone) i.target = static_cast<u16>(i.target == kEndSlot ? out_.items.size() : first_[i.target]);
    }

    Item& add(std::initializer_list<unsigned> bytes, Fix fix = Fix::kNone, u8 fix_at = 0, std::size_t slot = 0) {
        out_.items.push_back(raw(bytes, fix, fix_at, slot));
        used_ += out_.items.back().length;
        return out_.items.back();
    }
    /// The bytes, the offset of a slot in a code segment, and perhaps more bytes.
    void add_offset(std::initializer_list<unsigned> bytes, u64 shift, std::initializer_list<unsigned> rest = {}) {
        Item& i = add(bytes, wide_ ? Fix::kItemAbs32 : Fix::kItemAbs16, static_cast<u8>(bytes.size()), any_slot());
        const u8 before = i.length;
        i.address = shift;
        i.length += wide_ ? 4 : 2;
        for (const unsigned b : rest) i.bytes[i.length++] = static_cast<u8>(b);
        used_ += i.length - before;
    }
    std::size_t any_slot() { return r_.below(slots_); }
    unsigned reg() { return r_.pick<u8>({kRax, kRdx, kRbp, kRsi, kRdi}); }
    unsigned at_bx(unsigned field) const { return (wide_ ? 0x43u : 0x47u) | field << 3; }  ///< ModRM of [bx + disp8]

    void compute() {
        const unsigned to = reg(), number = static_cast<unsigned>(r_.below(128));
        switch (r_.below(6)) {
            case 0: add({0x40 | to}); break;
            case 1: add({0x48 | to}); break;
            case 2: add({0x83, 0xd0 | to, number}); break;  // adc
            case 3: add({0x89, at_bx(to), 0x20 + number / 2}); break;
            case 4: add({0x03, at_bx(to), 0x20 + number / 2}); break;
            default: add({0x83, 0xc0 | to, number}); break;
        }
    }

    /// Mostly those that see something at each other's offsets.
    CodeView view() { return r_.pick<CodeView>({kCodeHere, kCodeHere, kCodeHere, kCodeNext, kCodeNext, kCodeNext, kCodeAlias, kCodeAlias, kCodePage}); }
    u64 near_shift() { return code_shift(view()); }

    void push(u16 value) {
        if (wide_) add({0x68, value & 0xffu, value >> 8u, 0, 0});
        else add({0x68, value & 0xffu, value >> 8u});
    }
    void relative(unsigned opcode) {
        if (wide_) add({opcode, 0, 0, 0, 0}, Fix::kBranch32, 1, any_slot());
        else add({opcode, 0, 0}, Fix::kBranch16, 1, any_slot());
    }
    /// A far pointer at [bx].
    void store_far_pointer(u16 selector, u64 shift) {
        add_offset({0xc7, at_bx(0), 0}, shift);
        if (wide_) add({0x66, 0xc7, at_bx(0), 4, selector & 0xffu, selector >> 8u});
        else add({0xc7, at_bx(0), 2, selector & 0xffu, selector >> 8u});
    }

    void go_far() {
        const CodeView to = view();
        const u16 selector = native_selector(code_segment(wide_ ? 32 : 16, to));
        const u64 shift = code_shift(to);
        switch (r_.below(5)) {
            case 0: return add_offset({r_.chance(500) ? 0xeau : 0x9au}, shift, {selector & 0xffu, selector >> 8u});
            case 1:
                push(static_cast<u16>(0x202 | (r_.next() & kFlagsArithmetic)));
                push(selector), add_offset({0x68}, shift), add({0xcf});
                return;
            case 2:
                push(selector), add_offset({0x68}, shift), add({0xcb});
                return;
            default:
                store_far_pointer(selector, shift);
                add({0xff, at_bx(r_.chance(500) ? 3 : 5), 0});
        }
    }
    void go_near() {
        const unsigned field = r_.chance(500) ? 2 : 4, through = r_.pick<u8>({kRax, kRdx, kRsi, kRdi});
        switch (r_.below(5)) {
            case 0: return relative(r_.chance(500) ? 0xe8 : 0xe9);
            case 1:
                add_offset({0xb8 | through}, near_shift());
                add({0xff, 0xc0 | field << 3 | through});
                return;
            case 2:
                add_offset({0x68}, near_shift()), add({0xc3});
                return;
            case 3: add({r_.pick<u8>({0xc3, 0xcb})}); return;  // behind a call, with luck
            default:
                add_offset({0xc7, at_bx(0), 8}, near_shift());
                add({0xff, at_bx(field), 8});
        }
    }
    void go_on() {
        if (r_.chance(500)) go_far();
        else go_near();
        relative(0xe9);  // where returns come to
    }

    Random& r_;
    Program& out_;
    const bool wide_;
    const std::size_t slots_;
    std::vector<std::size_t> first_;  ///< items
    unsigned used_ = 0;               ///< of the slot
};

}  // namespace

Case Generator::code_segments(Random& r) const {
    Case c = start(r, true);
    c.loads_segments = true;
    c.in.rflags &= ~u64{kFlagAC};
    // Over the border of the pages, behind which the alias has nothing.
    if (r.chance(500)) c.code_offset = static_cast<u32>(kPageSize - r.below(kMostSlots * kSlot));
    plain_vector_state(c.in);
    c.in.segment[kCs] = code_segment(c.bits, CodeView::kCodeHere);
    for (const unsigned n : {kEs, kSs, kDs}) c.in.segment[n] = c.bits == 16 ? kPlain16 : kWide;
    c.in.gpr[kRsp] = kDataBase + 0x1800 - segment_base(c.in, c.bits, kSs);
    c.in.gpr[kRbx] = kDataBase + 0x400 + r.below(0x400) - segment_base(c.in, c.bits, kDs);
    c.in.gpr[kRcx] = 1 + r.below(kMostRounds);
    narrow(c);
    SlotProgram(r, c.program, c.bits).build();
    return c;
}

}  // namespace twin86::diff
