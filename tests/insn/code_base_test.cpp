// Code at equal offsets in segments with other bases: what is known of jumps belongs to the linear address.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr unsigned kOtherSegment = 0x800;  ///< bytes from the first one
constexpr Gva kTableAt = 0xa00000;

/// Both programs call at 0 and return to 3. The first counts in bl and goes to the second; twice would be once too often.
void load_two_segments(InsnTest& t, u16 other) {
    const u8 selector[] = {static_cast<u8>(other), static_cast<u8>(other >> 8)};
    const u8 ret = 0xc3;
    // call 20h; inc bx; cmp bl, 4; jae +5; jmp other:0; int3
    t.load_bytes(std::array<u8, 15>{0xe8, 0x1d, 0x00, 0x43, 0x80, 0xfb, 0x04, 0x73, 0x05, 0xea, 0x00, 0x00, selector[0], selector[1], 0xcc});
    // call 20h; add bx, 10h; int3
    t.load_bytes(std::array<u8, 7>{0xe8, 0x1d, 0x00, 0x83, 0xc3, 0x10, 0xcc}, kCodeAt + kOtherSegment);
    for (const Gva at : {kCodeAt, kCodeAt + kOtherSegment}) t.load_bytes({&ret, 1}, at + 0x20);
}

Segment real_segment(Gpa base) { return {base, 0xffff, static_cast<u16>(base / 16), 0x93}; }

/// Real mode; INT 3 leads to a HLT in the other segment.
void start_real(InsnTest& t, Gpa code) {
    t.guest.map(kTableAt, 0, kPageSize, kWritablePage);
    t.store_value<u32>(kTableAt + 4 * kVectorBP, static_cast<u32>(code / 16) << 16 | 0x1000);
    t.store_value<u8>(kCodeAt + 0x1000, 0xf4);
    t.guest.start(0, 0x800, false);
    CpuState& s = t.guest.state();
    s.cr0 = kCr0ET | kCr0NE, s.cr4 = 0, s.efer = 0, s.cr3 = 0;
    s.gdtr = {}, s.idtr = {0, 0x3ff};
    s.segment[kCs] = real_segment(code), s.segment[kSs] = real_segment(t.guest.physical(kStackAt));
}

/// The entry of `at` in the lowest page table, by its physical address.
Gpa table_entry(InsnTest& t, Gva at) {
    t.guest.start(kCodeAt, kStackTop, false);
    u64 table = t.guest.state().cr3;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        const u8* page = page_host(t.guest.phys().pages().entry(table & kPageMask));
        table = reinterpret_cast<const u64*>(page)[at >> shift & 511] & 0xf'ffff'ffff'f000;
    }
    return (table & kPageMask) + (at >> 12 & 511) * 8;
}

}  // namespace

TEST_CASE("Real mode: two segments with code at the same offsets", "[insn][real]") {
    InsnTest t;
    const Gpa code = t.guest.physical(kCodeAt);
    load_two_segments(t, static_cast<u16>((code + kOtherSegment) / 16));
    start_real(t, code);
    REQUIRE(t.guest.run().exit == RunExit::kHalted);
    CHECK(t.guest.state().gpr[kRbx] == 0x11);
}

TEST_CASE("INVLPG of code in a segment with a base", "[insn][segment]") {
    InsnTest t;
    constexpr Gva kFunction = kCodeAt + 3 * kPageSize + 0x40, kMovedTo = 0x500040;
    const std::array<u8, 6> one{0xbb, 0x01, 0x00, 0x00, 0x00, 0xc3}, two{0xbb, 0x02, 0x00, 0x00, 0x00, 0xc3};  // mov ebx, n; ret
    t.guest.map_new(kMovedTo & kPageMask, kPageSize, 0);
    t.load_bytes(one, kFunction), t.load_bytes(two, kMovedTo);
    // 32-bit: call eax; mov esi, ebx; mov [edi], edx; invlpg [ecx]; call eax; int3
    t.load_bytes(std::array<u8, 12>{0xff, 0xd0, 0x89, 0xde, 0x89, 0x17, 0x0f, 0x01, 0x39, 0xff, 0xd0, 0xcc});
    const Gpa entry = table_entry(t, kFunction);
    t.guest.map(kTableAt, entry & kPageMask, kPageSize, kWritablePage);
    t.guest.start(0, kStackTop, false, 32);
    CpuState& s = t.guest.state();
    s.segment[kCs].base = kCodeAt;
    s.gpr[kRax] = kFunction - kCodeAt, s.gpr[kRcx] = kFunction;
    s.gpr[kRdi] = kTableAt + (entry & 0xfff), s.gpr[kRdx] = (t.guest.physical(kMovedTo) & kPageMask) | 0x23;
    t.last = t.guest.run();
    REQUIRE(t.last.vector == kVectorBP);
    CHECK(t.reg(kRsi) == 1);
    CHECK(t.reg(kRbx) == 2);
}

}  // namespace twin86::test
