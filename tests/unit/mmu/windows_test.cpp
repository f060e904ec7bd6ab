// What windows show: memory at its linear address + delta, with no more rights than the guest's page tables give.
#include "tests/unit/mmu/windows_fixture.h"

using namespace twin86;

TEST_CASE("A page of 4 KiB is read and written through its window; A and D are set when the access needs them") {
    WindowMachine m;
    const Gpa data = WindowMachine::kData;
    m.page(kVa, data, kUserRw);
    m.put<u64>(data + 0x18, 0x1122334455667788);
    CHECK(m.rights(kVa) == HostRights::kNothing);
    CHECK_FALSE(m.accessed(kVa));

    REQUIRE(m.read(kVa + 0x18) == Fill::kShown);
    for (unsigned level = 1; level <= 4; ++level) CHECK(m.accessed(kVa, level));
    CHECK_FALSE(m.dirty(kVa));
    CHECK(m.rights(kVa + 0x18) == HostRights::kRead);
    u64 value;
    std::memcpy(&value, m.as_user(kVa + 0x18), 8);
    CHECK(value == 0x1122334455667788);

    REQUIRE(m.write(kVa + 0x18) == Fill::kShown);
    CHECK(m.dirty(kVa));
    for (unsigned level = 2; level <= 4; ++level) CHECK_FALSE(m.dirty(kVa, level));
    *m.as_user(kVa + 0x18) = 0x99;
    CHECK(m.get<u64>(data + 0x18) == 0x1122334455667799);
    CHECK(m.windows->linear(reinterpret_cast<u64>(m.as_user(kVa + 0x18))) == kVa + 0x18);
    CHECK(m.rights(kVa + kPageSize) == HostRights::kNothing);
    CHECK(m.rights(kVa - kPageSize) == HostRights::kNothing);
}

TEST_CASE("A page that is dirty already is writable from its first read on") {
    WindowMachine m;
    m.page(kVa, WindowMachine::kData, kUserRw | kD);
    REQUIRE(m.read(kVa) == Fill::kShown);
    CHECK(m.rights(kVa) == HostRights::kWrite);
}

TEST_CASE("A page of 2 MiB is shown whole; D of its entry allows writes anywhere in it") {
    WindowMachine m;
    const Gva va = kVa & ~(2 * MiB - 1);
    const Gpa data = WindowMachine::kData;
    m.page(va, data, kUserRw, 2);
    REQUIRE(m.read(va + 0x123456) == Fill::kShown);
    CHECK(m.accessed(va, 2));
    CHECK_FALSE(m.dirty(va, 2));
    for (const u64 at : {u64{0}, u64{0x123456}, 2 * MiB - 1}) CHECK(m.rights(va + at) == HostRights::kRead);
    REQUIRE(m.write(va) == Fill::kShown);
    CHECK(m.dirty(va, 2));
    for (const u64 at : {u64{0}, u64{0x123456}, 2 * MiB - 1}) CHECK(m.rights(va + at) == HostRights::kWrite);
    CHECK(m.rights(va - 1) == HostRights::kNothing);
    CHECK(m.rights(va + 2 * MiB) == HostRights::kNothing);
    *m.as_user(va + 2 * MiB - 1) = 0x5a;
    CHECK(m.get<u8>(data + 2 * MiB - 1) == 0x5a);
    CHECK(m.mapped() == 1);
}

TEST_CASE("A page that the guest may not write is not writable until the page table allows it and D is set") {
    WindowMachine m;
    m.page(kVa, WindowMachine::kData, kUs);
    REQUIRE(m.read(kVa) == Fill::kShown);
    const Windows::FillResult denied = m.windows->fill(kVa, true, m.context());
    CHECK(denied.what == Fill::kDenied);
    CHECK(denied.error_code == 7);  // P, W, U
    CHECK_FALSE(m.dirty(kVa));
    CHECK(m.rights(kVa) == HostRights::kRead);
    m.page(kVa, WindowMachine::kData, kUserRw | kA);
    CHECK(m.rights(kVa) == HostRights::kRead);
    REQUIRE(m.read(kVa) == Fill::kShown);
    CHECK_FALSE(m.dirty(kVa));
    CHECK(m.rights(kVa) == HostRights::kRead);
    REQUIRE(m.write(kVa) == Fill::kShown);
    CHECK(m.dirty(kVa));
    CHECK(m.rights(kVa) == HostRights::kWrite);
}

TEST_CASE("Denied accesses change nothing and carry the guest's error code") {
    WindowMachine m;
    m.page(kVa, WindowMachine::kData, kRw);  // a supervisor page
    m.put<u64>(m.slot(kVa + kPageSize), 0);
    const auto error = [&](Gva a, bool write) {
        const Windows::FillResult r = m.windows->fill(a, write, m.context());
        CHECK(r.what == Fill::kDenied);
        return r.error_code;
    };
    CHECK(error(kVa, false) == 5);
    CHECK(error(kVa, true) == 7);
    CHECK(error(kVa + kPageSize, false) == 4);
    CHECK(error(kVa + kPageSize, true) == 6);
    for (unsigned level = 1; level <= 4; ++level) CHECK_FALSE(m.accessed(kVa, level));
    CHECK(m.rights(kVa) == HostRights::kNothing);
    CHECK(m.mapped() == 0);
}

TEST_CASE("The kernel half shows global supervisor pages, to supervisors only") {
    WindowMachine m;
    const Gva kernel = 0xffff'8880'0000'0000;
    m.page(kernel, WindowMachine::kData, kRw | kG);
    m.page(kernel + kPageSize, WindowMachine::kData, kRw);
    m.page(kernel + 2 * kPageSize, WindowMachine::kData, kUserRw | kG);
    REQUIRE(m.read(kernel) == Fill::kShown);
    CHECK(m.read(kernel + kPageSize) == Fill::kNotHere);
    CHECK(m.read(kernel + 2 * kPageSize) != Fill::kShown);  // SMAP
    CHECK(host_rights(m.as_supervisor(kernel)) == HostRights::kRead);
    CHECK(host_rights(m.as_supervisor_ac(kernel)) == HostRights::kRead);
    CHECK(host_rights(m.as_user(kernel)) == HostRights::kNothing);
    for (const u64 at : {kPageSize, 2 * kPageSize}) {
        CHECK(host_rights(m.as_supervisor_ac(kernel + at)) == HostRights::kNothing);
        CHECK(host_rights(m.as_user(kernel + at)) == HostRights::kNothing);
    }
    PagingContext no_smap = m.context();
    no_smap.cr4 &= ~kSmap;
    CHECK(m.windows->fill(kernel + 2 * kPageSize, false, no_smap).what == Fill::kNotHere);
}

TEST_CASE("User pages are shown to the user and to supervisors with EFLAGS.AC") {
    WindowMachine m;
    m.page(kVa, WindowMachine::kData, kUserRw);
    REQUIRE(m.write(kVa) == Fill::kShown);
    CHECK(host_rights(m.as_user(kVa)) == HostRights::kWrite);
    CHECK(host_rights(m.as_supervisor_ac(kVa)) == HostRights::kWrite);
    CHECK(host_rights(m.as_supervisor(kVa)) == HostRights::kNothing);
}

TEST_CASE("Equal places of different regions are different memory") {
    WindowMachine m;
    const Gva other = kVa + (u64{1} << 39);
    m.page(kVa, WindowMachine::kData, kUserRw);
    m.page(other, WindowMachine::kData + kPageSize, kUserRw);
    REQUIRE(m.write(kVa) == Fill::kShown);
    CHECK(m.rights(other) == HostRights::kNothing);
    REQUIRE(m.write(other) == Fill::kShown);
    *m.as_user(kVa) = 1, *m.as_user(other) = 2;
    CHECK(m.get<u8>(WindowMachine::kData) == 1);
    CHECK(m.get<u8>(WindowMachine::kData + kPageSize) == 2);
}

TEST_CASE("Only RAM is shown: neither the bus nor ROM nor RAM that is switched to read-only") {
    WindowMachine m;
    m.map->remap(0xc0000, 2 * kPageSize, Backing::kRamReadOnly);
    const u8 image[] = {1, 2, 3};
    REQUIRE(m.map->map_rom(0xf0000, image, "test"));
    const Gpa beyond_ram = 64 * MiB;
    for (const Gpa physical : {Gpa{0xc0000}, Gpa{0xf0000}, beyond_ram, Gpa{1} << 39}) {
        m.page(kVa, physical, kUserRw | kA | kD);
        CHECK(m.read(kVa) == Fill::kNotHere);
        CHECK(m.write(kVa) == Fill::kNotHere);
        CHECK(m.rights(kVa) == HostRights::kNothing);
    }
}

TEST_CASE("A large page with other things in it shows single pages of RAM") {
    WindowMachine m;
    const Gva va = kVa & ~(2 * MiB - 1);
    m.page(va, 0, kUserRw, 2);
    m.map->remap(0xa0000, 0x20000, Backing::kMmio);
    REQUIRE(m.write(va + 0x9f000) == Fill::kShown);
    CHECK(m.write(va + 0xa0000) == Fill::kNotHere);
    CHECK(m.rights(va + 0x9f000) == HostRights::kWrite);
    CHECK(m.rights(va + 0xa0000) == HostRights::kNothing);
}

// --- pages next to the one that was accessed

TEST_CASE("Used pages that follow in memory too are shown together, each with the rights of the first") {
    WindowMachine m;
    const Gva va = kVa & ~(2 * MiB - 1);
    const Gpa data = WindowMachine::kData;
    for (unsigned n = 0; n < 6; ++n) m.page(va + n * kPageSize, data + n * kPageSize, kUserRw | kA);
    SECTION("up to a page that was never accessed, which stays so") {
        m.page(va + 3 * kPageSize, data + 3 * kPageSize, kUserRw);
        REQUIRE(m.read(va) == Fill::kShown);
        CHECK(m.rights(va + 2 * kPageSize) == HostRights::kRead);
        CHECK(m.rights(va + 3 * kPageSize) == HostRights::kNothing);
        CHECK_FALSE(m.accessed(va + 3 * kPageSize));
    }
    SECTION("up to a page that lies elsewhere") {
        m.page(va + 2 * kPageSize, data + 9 * kPageSize, kUserRw | kA);
        REQUIRE(m.read(va) == Fill::kShown);
        CHECK(m.rights(va + kPageSize) == HostRights::kRead);
        CHECK(m.rights(va + 2 * kPageSize) == HostRights::kNothing);
    }
    SECTION("up to a page of the supervisor") {
        m.page(va + 2 * kPageSize, data + 2 * kPageSize, kRw | kA);
        REQUIRE(m.read(va) == Fill::kShown);
        CHECK(m.rights(va + 2 * kPageSize) == HostRights::kNothing);
    }
    SECTION("a write is for one page: the others stay clean and unwritable") {
        REQUIRE(m.read(va) == Fill::kShown);
        REQUIRE(m.write(va + kPageSize) == Fill::kShown);
        CHECK(m.rights(va + kPageSize) == HostRights::kWrite);
        for (const unsigned n : {0u, 2u, 3u}) {
            CHECK_FALSE(m.dirty(va + n * kPageSize));
            CHECK(m.rights(va + n * kPageSize) != HostRights::kWrite);
        }
    }
    SECTION("a clean page does not become writable with a dirty one") {
        m.page(va, data, kUserRw | kA | kD);
        REQUIRE(m.write(va) == Fill::kShown);
        CHECK(m.rights(va) == HostRights::kWrite);
        CHECK(m.rights(va + kPageSize) != HostRights::kWrite);
        CHECK_FALSE(m.dirty(va + kPageSize));
    }
}
