// Page sizes, accessed and dirty bits, special cases of each paging mode.
#include "tests/unit/mmu/fixture.h"

using namespace twin86;

namespace {

PagingContext long_mode() {
    PagingContext c;
    c.cr0 = kCr0 | kWp;
    c.cr3 = 0x1000;
    c.cr4 = kPae | kPge;
    c.efer = kLma | kNxe;
    return c;
}

WalkResult walk(Memory& m, const PagingContext& c, Gva va, Access access = Access::kRead) {
    PagingMemory pm(m.map->pages());
    return translate(c, pm, va, access);
}

constexpr u64 kAll = kP | kRw | kUs;

}  // namespace

TEST_CASE("without paging every address is itself") {
    Memory m;
    const WalkResult r = walk(m, {}, 0xfee0'1234, Access::kWrite);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0xfee0'1234);
    CHECK(r.page.writable);
    CHECK(r.page.executable);
    CHECK(r.page.readable);
}

TEST_CASE("with A20 off bit 20 is 0 in addresses of pages and of paging structures") {
    Memory m;
    m.map->set_a20(false);
    CHECK(walk(m, {}, 0x31'2345).page.physical == 0x21'2345);
    PagingContext c;
    c.cr0 = kCr0;
    c.cr3 = 0x10'1000;
    c.cr4 = kPse;
    m.put<u32>(0x1000, 0x10'2000 | kAll);            // a table, which is read at 0x2000
    m.put<u32>(0x1000 + 4, kAll | kPs);              // 4 MiB
    m.put<u32>(0x2000 + 5 * 4, 0x10'3000 | kAll);
    WalkResult r = walk(m, c, 0x5678, Access::kWrite);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x3678);
    CHECK(m.get<u32>(0x2000 + 5 * 4) == (0x10'3000 | kAll | kA | kD));
    r = peek(c, m.map->pages(), 0x70'1234);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x20'1234);
    CHECK(r.page.page_size == kPageSize);

    m.map->set_a20(true);
    CHECK(walk(m, {}, 0x31'2345).page.physical == 0x31'2345);
    CHECK(peek(c, m.map->pages(), 0x70'1234).ok == false);
}

TEST_CASE("4-level paging maps 4 KiB, 2 MiB and 1 GiB") {
    Memory m;
    const PagingContext c = long_mode();
    const Gva va = 0xffff'8000'0040'3abc;  // PML4 256, PDPT 0, PD 2, PT 3
    m.put<u64>(0x1000 + 256 * 8, 0x2000 | kAll);
    m.put<u64>(0x2000, 0x3000 | kAll);
    m.put<u64>(0x3000 + 2 * 8, 0x4000 | kAll);
    m.put<u64>(0x4000 + 3 * 8, 0x12'3456'7000 | kAll | kG);
    WalkResult r = walk(m, c, va);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x12'3456'7abc);
    CHECK(r.page.page_size == 4 * KiB);
    CHECK(r.page.global);

    m.put<u64>(0x3000 + 2 * 8, 0x12'3460'0000 | kAll | kPs | 0x1000);  // with PAT
    r = walk(m, c, va);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x12'3460'3abc);
    CHECK(r.page.page_size == 2 * MiB);
    CHECK_FALSE(r.page.global);

    m.put<u64>(0x2000, 0x12'4000'0000 | kAll | kPs | kG);
    r = walk(m, c, va);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x12'4040'3abc);
    CHECK(r.page.page_size == GiB);

    PagingContext small = c;
    small.gib_pages = false;
    CHECK(walk(m, small, va).error_code == 9);
    PagingContext not_global = c;
    not_global.cr4 &= ~kPge;
    CHECK_FALSE(walk(m, not_global, va).page.global);
    m.put<u64>(0x1000 + 256 * 8, 0x2000 | kAll | kPs);  // PS is reserved in a PML4E
    CHECK(walk(m, c, va).error_code == 9);
}

TEST_CASE("5-level paging has one table more") {
    Memory m;
    PagingContext c = long_mode();
    c.cr4 |= kLa57;
    const Gva va = 0xff12'3456'789a'bcde;
    const unsigned shifts[5] = {48, 39, 30, 21, 12};
    for (unsigned i = 0; i < 5; ++i) m.put<u64>(0x1000 * (i + 1) + (va >> shifts[i] & 511) * 8, 0x1000 * (i + 2) | kAll);
    const WalkResult r = walk(m, c, va);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x6cde);
    CHECK(is_canonical(va, c.cr4));
    CHECK_FALSE(is_canonical(va, c.cr4 & ~kLa57));
}

TEST_CASE("canonical addresses") {
    for (u64 ok : {u64{0}, u64{0x7fff'ffff'ffff}, u64{0xffff'8000'0000'0000}, ~u64{0}}) CHECK(is_canonical(ok, 0));
    for (u64 bad : {u64{0x8000'0000'0000}, u64{0xffff'7fff'ffff'ffff}, u64{1} << 63}) CHECK_FALSE(is_canonical(bad, 0));
    CHECK(is_canonical(0x00ff'ffff'ffff'ffff, kLa57));
    CHECK_FALSE(is_canonical(0x0100'0000'0000'0000, kLa57));
}

TEST_CASE("PAE paging: PDPTEs have no rights, 2 MiB pages, reserved bits") {
    Memory m;
    PagingContext c = long_mode();
    c.efer = kNxe;
    c.cr3 = 0x1020;  // 32-byte aligned
    const Gva va = 0x8060'5123;
    m.put<u64>(0x1020 + 2 * 8, 0x2000 | kP);
    m.put<u64>(0x2000 + 3 * 8, 0x3000 | kAll);
    m.put<u64>(0x3000 + 5 * 8, 0x7'0000'9000 | kAll);
    WalkResult r = walk(m, c, va, Access::kWrite);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x7'0000'9123);
    CHECK(m.get<u64>(0x1020 + 2 * 8) == (0x2000 | kP));  // no accessed bit there
    m.put<u64>(0x2000 + 3 * 8, 0x1'0020'0000 | kAll | kPs);
    r = walk(m, c, va);
    CHECK(r.page.physical == 0x1'0020'5123);
    CHECK(r.page.page_size == 2 * MiB);
    for (unsigned b : {1u, 2u, 5u, 6u, 7u, 8u, 40u, 52u, 62u, 63u}) {
        m.put<u64>(0x1020 + 2 * 8, 0x2000 | kP | u64{1} << b);
        CHECK(walk(m, c, va).error_code == 9);
    }
    m.put<u64>(0x1020 + 2 * 8, 0x2000 | kP);
    for (unsigned b : {13u, 20u, 40u, 52u, 62u}) {
        m.put<u64>(0x2000 + 3 * 8, kAll | kPs | u64{1} << b);
        CHECK(walk(m, c, va).error_code == 9);
    }
}

TEST_CASE("32-bit paging: 4 KiB, 4 MiB with PSE, PSE-36") {
    Memory m;
    PagingContext c;
    c.cr0 = kCr0;
    c.cr3 = 0x1000;
    c.cr4 = kPse;
    const Gva va = 0xffc0'5678;
    m.put<u32>(0x1000 + 1023 * 4, 0x2000 | kAll);
    m.put<u32>(0x2000 + 5 * 4, 0xabcd'e000 | kAll);
    WalkResult r = walk(m, c, va);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0xabcd'e678);
    CHECK(r.page.page_size == 4 * KiB);
    CHECK(m.get<u32>(0x1000 + 1023 * 4) == (0x2000 | kAll | kA));

    m.put<u32>(0x1000 + 1023 * 4, 0x0040'0000 | 0x12 << 13 | kAll | kPs);
    r = walk(m, c, va, Access::kWrite);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x12'0040'5678);
    CHECK(r.page.page_size == 4 * MiB);
    CHECK(m.get<u32>(0x1000 + 1023 * 4) == (0x0040'0000 | 0x12 << 13 | kAll | kPs | kA | kD));
    c.physical_bits = 36;  // address bit 36 (entry bit 17) is reserved then
    CHECK(walk(m, c, va).error_code == 9);
    c.physical_bits = 40;
    m.put<u32>(0x1000 + 1023 * 4, 1 << 21 | kAll | kPs);
    CHECK(walk(m, c, va).error_code == 9);
    m.put<u32>(0x1000 + 1023 * 4, 0x2000 | kAll | kPs);
    c.cr4 = 0;  // PS is ignored
    CHECK(walk(m, c, va).page.physical == 0xabcd'e678);
}

TEST_CASE("accessed and dirty bits are set when an access succeeds, and only then") {
    Memory m;
    PagingContext c = long_mode();
    const Gpa slots[4] = {0x1000, 0x2000, 0x3000, 0x4000 + 5 * 8};
    const auto fill = [&](u64 leaf) {
        m.put<u64>(slots[0], 0x2000 | kAll);
        m.put<u64>(slots[1], 0x3000 | kAll);
        m.put<u64>(slots[2], 0x4000 | kAll);
        m.put<u64>(slots[3], 0x9000 | leaf);
    };
    fill(kP | kUs);
    c.user = true;
    CHECK(walk(m, c, 0x5000, Access::kWrite).error_code == 7);
    for (Gpa s : slots) CHECK((m.get<u64>(s) & (kA | kD)) == 0);
    WalkResult r = walk(m, c, 0x5000, Access::kRead);
    CHECK(r.ok);
    CHECK_FALSE(r.page.writable);
    for (Gpa s : slots) CHECK((m.get<u64>(s) & (kA | kD)) == kA);

    fill(kAll);
    r = walk(m, c, 0x5000, Access::kRead);
    CHECK_FALSE(r.page.writable);  // the next write must set D
    CHECK((m.get<u64>(slots[3]) & (kA | kD)) == kA);
    r = walk(m, c, 0x5000, Access::kWrite);
    CHECK(r.page.writable);
    CHECK((m.get<u64>(slots[3]) & (kA | kD)) == (kA | kD));
    for (unsigned i = 0; i < 3; ++i) CHECK((m.get<u64>(slots[i]) & (kA | kD)) == kA);
    CHECK(walk(m, c, 0x5000, Access::kExecute).page.writable);

    fill(0x200);  // not present
    CHECK(walk(m, c, 0x5000, Access::kExecute).error_code == (4 | 16));
    CHECK(m.get<u64>(slots[0]) == (0x2000 | kAll));
}

TEST_CASE("peek ignores rights and changes nothing") {
    Memory m;
    PagingContext c = long_mode();
    c.user = true;
    m.put<u64>(0x1000, 0x2000 | kP);
    m.put<u64>(0x2000, 0x3000 | kP);
    m.put<u64>(0x3000, 0x4000 | kP);
    m.put<u64>(0x4000, 0x9000 | kP | kXd);
    const WalkResult r = peek(c, m.map->pages(), 0x123);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x9123);
    CHECK_FALSE(r.page.readable);
    CHECK_FALSE(r.page.user);
    for (Gpa s : {0x1000, 0x2000, 0x3000, 0x4000}) CHECK((m.get<u64>(s) & kA) == 0);
    CHECK_FALSE(peek(c, m.map->pages(), 0x1000).ok);
}

TEST_CASE("a table that contains itself ends, and sets its own bits") {
    Memory m;
    m.put<u64>(0x1000 + 511 * 8, 0x1000 | kAll);
    const PagingContext c = long_mode();
    const WalkResult r = walk(m, c, ~u64{0} & ~u64{0xfff}, Access::kWrite);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x1000);
    CHECK(m.get<u64>(0x1000 + 511 * 8) == (0x1000 | kAll | kA | kD));
}

TEST_CASE("paging structures outside RAM are not present, in ROM they are read and never changed") {
    Memory m;
    PagingContext c = long_mode();
    c.cr3 = 0x00ff'ffff'f000;
    CHECK(walk(m, c, 0).error_code == 0);
    CHECK_FALSE(peek(c, m.map->pages(), 0).ok);
    c.cr3 = 0xfff0'0000;
    const u64 entry = 0x2000 | kAll;
    std::vector<u8> rom(4096);
    std::memcpy(rom.data(), &entry, 8);
    REQUIRE(m.map->map_rom(0xfff0'0000, rom, "rom"));
    m.put<u64>(0x2000, u64{kAll | kPs});
    const WalkResult r = walk(m, c, 0x1234, Access::kWrite);
    REQUIRE(r.ok);
    CHECK(r.page.physical == 0x1234);
    CHECK(m.map->read(0xfff0'0000, 8) == entry);
    CHECK((m.get<u64>(0x2000) & (kA | kD)) == (kA | kD));
}

TEST_CASE("updates of entries mark their page dirty and report a page with code") {
    Memory m;
    const PagingContext c = long_mode();
    m.put<u64>(0x1000, u64{0x2000 | kAll | kA});
    m.put<u64>(0x2000, u64{kAll | kPs});
    std::vector<Gpa> dirty;
    m.map->take_dirty(0, 3 * MiB, kPageDirtySave, dirty);
    dirty.clear();
    m.map->set_has_code(0x2000, true);
    PagingMemory pm(m.map->pages());
    REQUIRE(translate(c, pm, 0, Access::kRead).ok);
    CHECK(pm.code_touched() == 0x2000);
    m.map->take_dirty(0, 3 * MiB, kPageDirtySave, dirty);
    CHECK(dirty == std::vector<Gpa>{0x2000});
    PagingMemory again(m.map->pages());
    REQUIRE(translate(c, again, 0, Access::kRead).ok);
    CHECK(again.code_touched() == PagingMemory::kNone);
}
