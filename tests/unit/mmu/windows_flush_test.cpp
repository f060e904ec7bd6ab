// What windows drop and what they keep: flushes, address spaces, translated code, changes of the physical map.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/unit/mmu/windows_fixture.h"

using namespace twin86;

namespace {

constexpr Gpa kData = WindowMachine::kData;
constexpr Gva kKernel = 0xffff'8880'0000'0000;
constexpr Gva kStep = 16 * kPageSize;  // pages that are never shown together

/// Pages at `at`, `at` + kStep, ... on consecutive memory, written once.
void show_pages(WindowMachine& m, Gva at, unsigned count, u64 flags = kUserRw) {
    for (unsigned n = 0; n < count; ++n) {
        m.page(at + n * kStep, kData + n * kPageSize, flags);
        REQUIRE(m.write(at + n * kStep) == Fill::kShown);
    }
}

}  // namespace

TEST_CASE("A flush of one page drops that page and no other") {
    WindowMachine m;
    show_pages(m, kVa, 3);
    m.page(kVa, kData + 8 * kPageSize, kUserRw);
    m.page(kVa + kStep, kData + 9 * kPageSize, kUserRw);
    m.windows->flush_page(kVa + 0x123);
    CHECK(m.rights(kVa) == HostRights::kNothing);
    CHECK(m.rights(kVa + kStep) == HostRights::kWrite);  // like a TLB, until it is flushed too
    CHECK(m.rights(kVa + 2 * kStep) == HostRights::kWrite);
    REQUIRE(m.write(kVa) == Fill::kShown);
    *m.as_user(kVa) = 0x77;
    CHECK(m.get<u8>(kData + 8 * kPageSize) == 0x77);
}

TEST_CASE("A flush of one page reaches global pages, and the whole of a page of 2 MiB") {
    WindowMachine m;
    m.page(kKernel, kData, kRw | kG, 2);
    REQUIRE(m.write(kKernel) == Fill::kShown);
    m.windows->flush_page(kKernel + 0x150000);
    CHECK(m.rights(kKernel) == HostRights::kNothing);
    CHECK(m.rights(kKernel + 0x1ff000) == HostRights::kNothing);
}

TEST_CASE("After a flush what the page tables still say is kept, what they changed is dropped") {
    WindowMachine m;
    show_pages(m, kVa, 6);
    const auto at = [](unsigned n) { return kVa + n * kStep; };
    m.page(at(1), kData + 8 * kPageSize, kUserRw | kA | kD);  // elsewhere
    m.page(at(2), kData + 2 * kPageSize, kUs | kA | kD);      // no longer writable
    m.put<u64>(m.slot(at(3)), 0);                             // not present
    m.page(at(4), kData + 4 * kPageSize, kUserRw | kD);       // A was cleared
    m.page(at(5), kData + 5 * kPageSize, kUserRw | kA);       // D was cleared
    const auto flush = GENERATE(0, 1, 2, 3);
    if (flush == 0) m.windows->flush_all(m.context());
    if (flush == 1) m.windows->flush_non_global(m.context());
    if (flush == 2) m.windows->flush_pcid(0, m.context());
    if (flush == 3) m.windows->switch_space(m.context(), true);
    CHECK(m.rights(at(0)) == HostRights::kWrite);
    CHECK(m.rights(at(1)) == HostRights::kNothing);
    CHECK(m.rights(at(2)) != HostRights::kWrite);
    CHECK(m.rights(at(3)) == HostRights::kNothing);
    CHECK(m.rights(at(4)) == HostRights::kNothing);
    CHECK(m.rights(at(5)) != HostRights::kWrite);
    CHECK_FALSE(m.accessed(at(4)));
    CHECK_FALSE(m.dirty(at(5)));
    CHECK(m.windows->counters().kept == 1);
    REQUIRE(m.write(at(1)) == Fill::kShown);
    *m.as_user(at(1)) = 0x42;
    CHECK(m.get<u8>(kData + 8 * kPageSize) == 0x42);
}

TEST_CASE("A flush drops rows of pages and leaves those between them") {
    WindowMachine m;
    show_pages(m, kVa, 9);
    const auto at = [](unsigned n) { return kVa + n * kStep; };
    for (const unsigned gone : {0, 1, 3, 4, 5, 7}) m.put<u64>(m.slot(at(gone)), 0);
    m.windows->flush_non_global(m.context());
    for (const unsigned kept : {2, 6, 8}) {
        CHECK(m.rights(at(kept)) == HostRights::kWrite);
        *m.as_user(at(kept)) = static_cast<u8>(0x40 + kept);
        CHECK(m.get<u8>(kData + kept * kPageSize) == 0x40 + kept);
    }
    for (const unsigned gone : {0, 1, 3, 4, 5, 7}) CHECK(m.rights(at(gone)) == HostRights::kNothing);
    CHECK(m.mapped() == 3);
}

TEST_CASE("A program that takes over the tables of one that has ended begins without windows") {
    WindowMachine m(32 * MiB, false);
    constexpr u64 kTick = 20'000'000;
    u64 now = 0;
    for (unsigned n = 0; n < 100 && !m.windows->user_shown(); ++n) m.windows->sample(true, now += kTick, {});
    REQUIRE(m.windows->user_shown());
    show_pages(m, kVa, 2);
    const u64 first = m.entry(kVa), second = m.entry(kVa + kStep);
    m.put<u64>(m.slot(kVa), 0);
    SECTION("a page is left: the same program") {
        m.enter(m.root, 0, true);
        CHECK(m.windows->user_shown());
    }
    SECTION("nothing is left") {
        m.put<u64>(m.slot(kVa), second);
        m.put<u64>(m.slot(kVa + kStep), first);
        m.enter(m.root, 0, true);
        CHECK_FALSE(m.windows->user_shown());
        CHECK(m.mapped() == 0);
        CHECK(m.rights(kVa) == HostRights::kNothing);
    }
}

TEST_CASE("A program that takes over the tables of one for which windows were too dear may have them soon") {
    WindowMachine m(32 * MiB, false);
    constexpr u64 kTick = 20'000'000, kPages = 12'000;
    u64 now = 0;
    const auto run = [&](unsigned ticks) {
        for (unsigned n = 0; n < ticks; ++n) m.windows->sample(true, now += kTick, {});
    };
    run(2);
    REQUIRE(m.windows->user_shown());
    for (u64 n = 0; n < kPages; ++n) {
        m.page(kVa + n * kPageSize, kData + (n * 2 & 0xfff) * kPageSize, kUserRw);
        REQUIRE(m.write(kVa + n * kPageSize) == Fill::kShown);
    }
    run(1);
    REQUIRE_FALSE(m.windows->user_shown());
    const Gpa own = m.root, other = m.new_page();
    SECTION("it comes back itself") {
        m.enter(other, 1, false);
        m.enter(own, 0, false);
        run(2);
        CHECK_FALSE(m.windows->user_shown());
    }
    SECTION("it flushes") {
        m.enter(own, 0, true);
        run(2);
        CHECK_FALSE(m.windows->user_shown());
    }
    SECTION("another one does") {
        m.enter(other, 1, false);
        m.enter(own, 0, true);
        run(2);
        CHECK(m.windows->user_shown());
    }
}

TEST_CASE("A page of 2 MiB is kept when its small successors say the same, and dropped when one does not") {
    WindowMachine m;
    const Gva va = kVa & ~(2 * MiB - 1);
    m.page(va, kData, kUserRw, 2);
    REQUIRE(m.write(va) == Fill::kShown);
    const Gpa table = m.new_page();
    for (unsigned n = 0; n < 512; ++n) m.put<u64>(table + n * 8, kData + n * kPageSize + (kP | kUserRw | kA | kD));
    m.put<u64>(m.slot(va, 2), table | kP | kUserRw | kA);
    m.windows->flush_all(m.context());
    CHECK(m.rights(va + 0x5000) == HostRights::kWrite);
    m.put<u64>(table + 5 * 8, 0);
    m.windows->flush_all(m.context());
    CHECK(m.rights(va + 0x5000) == HostRights::kNothing);
}

TEST_CASE("Only flushes of all look at global pages") {
    WindowMachine m;
    show_pages(m, kKernel, 2, kRw | kG);
    m.put<u64>(m.slot(kKernel), 0);
    m.windows->flush_non_global(m.context());
    m.windows->flush_pcid(0, m.context());
    m.windows->switch_space(m.context(), true);
    CHECK(m.rights(kKernel) == HostRights::kWrite);
    m.windows->flush_all(m.context());
    CHECK(m.rights(kKernel) == HostRights::kNothing);
    CHECK(m.rights(kKernel + kStep) == HostRights::kWrite);
}

// --- address spaces

TEST_CASE("An address space shows its own pages, and has them again when it comes back") {
    WindowMachine m;
    const Gpa first = m.root, second = m.new_page();
    show_pages(m, kVa, 1);
    m.enter(second, 0, true);
    CHECK(m.rights(kVa) == HostRights::kNothing);
    m.page(kVa, kData + 5 * kPageSize, kUserRw);
    REQUIRE(m.write(kVa) == Fill::kShown);
    *m.as_user(kVa) = 5;
    m.enter(first, 0, true);
    CHECK(m.rights(kVa) == HostRights::kWrite);
    *m.as_user(kVa) = 6;
    CHECK(m.get<u8>(kData + 5 * kPageSize) == 5);
    CHECK(m.get<u8>(kData) == 6);
}

TEST_CASE("What changed while another address space ran is dropped unless the guest says that nothing did") {
    WindowMachine m;
    const Gpa first = m.root, second = m.new_page();
    m.enter(first, 1, true);
    show_pages(m, kVa, 2);
    const Gpa slot = m.slot(kVa);
    m.enter(second, 2, true);
    m.put<u64>(slot, 0);
    SECTION("CR3 with bit 63: like a TLB's entries, those of its PCID stay") {
        m.enter(first, 1, false);
        CHECK(m.rights(kVa) == HostRights::kWrite);
    }
    SECTION("CR3 without bit 63") {
        m.enter(first, 1, true);
        CHECK(m.rights(kVa) == HostRights::kNothing);
        CHECK(m.rights(kVa + kStep) == HostRights::kWrite);
    }
    SECTION("INVPCID meanwhile") {
        m.windows->flush_pcid(1, m.context());
        m.enter(first, 1, false);
        CHECK(m.rights(kVa) == HostRights::kNothing);
    }
    SECTION("INVPCID of another PCID") {
        m.windows->flush_pcid(2, m.context());
        m.enter(first, 1, false);
        CHECK(m.rights(kVa) == HostRights::kWrite);
    }
    SECTION("another address space took over the PCID, which flushed it") {
        m.enter(m.new_page(), 1, true);
        m.enter(first, 1, false);
        CHECK(m.rights(kVa) == HostRights::kNothing);
    }
}

TEST_CASE("More address spaces than windows: the one that was entered longest ago gives up its own") {
    WindowMachine m;
    std::vector<Gpa> roots{m.root};
    for (unsigned n = 0; n < 70; ++n) {
        if (n > 0) roots.push_back(m.new_page());
        m.enter(roots[n], 0, true);
        m.page(kVa, kData + n * kPageSize, kUserRw);
        REQUIRE(m.write(kVa) == Fill::kShown);
        *m.as_user(kVa) = static_cast<u8>(n);
    }
    for (unsigned n = 0; n < 70; ++n) CHECK(m.get<u8>(kData + n * kPageSize) == n);
    CHECK(m.mapped() == 63);
    m.enter(roots[0], 0, false);
    CHECK(m.rights(kVa) == HostRights::kNothing);
    m.enter(roots[69], 0, false);
    CHECK(m.rights(kVa) == HostRights::kWrite);
    m.enter(roots[30], 0, false);
    CHECK(m.rights(kVa) == HostRights::kWrite);
}

TEST_CASE("A thousand address spaces: none stays behind in the tables") {
    WindowMachine m;
    m.page(kVa, kData, kUserRw);
    const u64 shared = m.get<u64>(m.slot(kVa, 4));  // lower tables of all of them
    for (unsigned n = 0; n < 1000; ++n) {
        m.enter(m.new_page(), 0, true);
        if (n % 100 == 0) CHECK(m.rights(kVa) == HostRights::kNothing);
        m.put<u64>(m.slot(kVa, 4), shared);
        REQUIRE(m.write(kVa) == Fill::kShown);
    }
    CHECK(m.mapped() <= 63);
}

TEST_CASE("An address space with more regions than there are windows does without for the rest") {
    WindowMachine m;
    unsigned shown = 0;
    for (u64 region = 0; region < 100; ++region) {
        const Gva va = region << 39 | 0x1000;
        m.page(va, kData, kUserRw);
        const Fill what = m.write(va);
        CHECK((what == Fill::kShown || what == Fill::kNotHere));
        CHECK(m.rights(va) == (what == Fill::kShown ? HostRights::kWrite : HostRights::kNothing));
        shown += what == Fill::kShown;
    }
    CHECK(shown == 63);
}

// --- the physical map

TEST_CASE("Translated code makes its page unwritable in every alias until the mark is gone and a write is filled") {
    WindowMachine m;
    const Gva aliases[] = {kVa, kVa + kStep, kVa + (u64{3} << 39), kKernel};
    for (const Gva va : aliases) {
        m.page(va, kData, va >> 63 ? kRw | kG : kUserRw);
        REQUIRE(m.write(va) == Fill::kShown);
    }
    m.map->set_has_code(kData, true);
    for (const Gva va : aliases) {
        CHECK(m.rights(va) == HostRights::kRead);
        CHECK(m.write(va) == Fill::kNotHere);
        CHECK(m.read(va) == Fill::kShown);
        CHECK(m.rights(va) == HostRights::kRead);
    }
    m.map->set_has_code(kData, false);
    for (const Gva va : aliases) {
        CHECK(m.rights(va) == HostRights::kRead);
        CHECK(m.write(va) == Fill::kShown);
        CHECK(m.rights(va) == HostRights::kWrite);
    }
}

TEST_CASE("Pages with translated code are shown without write permission, alone of their large page") {
    WindowMachine m;
    const Gva va = kVa & ~(2 * MiB - 1);
    m.page(va, kData, kUserRw | kD, 2);
    m.map->set_has_code(kData + 7 * kPageSize, true);
    REQUIRE(m.write(va) == Fill::kShown);
    m.map->set_has_code(kData + 9 * kPageSize, true);
    for (const unsigned n : {7u, 9u}) {
        CHECK(m.rights(va + n * kPageSize) == HostRights::kRead);
        CHECK(m.write(va + n * kPageSize) == Fill::kNotHere);
        CHECK(m.rights(va + n * kPageSize) == HostRights::kRead);
    }
    for (const unsigned n : {0u, 6u, 8u, 10u, 511u}) CHECK(m.rights(va + n * kPageSize) == HostRights::kWrite);
}

TEST_CASE("Who asks for dirty pages learns of every later write through a window") {
    WindowMachine m;
    const auto pages = HostPages::create(kPageSize, "device memory").take();
    const Gpa device = kData - kPageSize;  // device memory and RAM side by side
    const Mapping mapping = m.map->map_memory(device, kPageSize, pages.base(), true, "device");
    show_pages(m, kVa, 2);
    std::vector<Gpa> dirty;
    m.map->take_dirty(device, 3 * kPageSize, kPageDirtySave, dirty);
    CHECK(dirty == std::vector<Gpa>{device, kData, kData + kPageSize});
    CHECK(m.rights(kVa) == HostRights::kRead);
    CHECK(m.rights(kVa + kStep) == HostRights::kRead);
    REQUIRE(m.write(kVa) == Fill::kShown);
    CHECK(m.rights(kVa) == HostRights::kWrite);
    dirty.clear();
    m.map->take_dirty(device, 3 * kPageSize, kPageDirtySave, dirty);
    CHECK(dirty == std::vector<Gpa>{kData});
}

TEST_CASE("A change of the physical map drops what lay there, in all aliases, and nothing else") {
    WindowMachine m;
    show_pages(m, kVa, 3);
    show_pages(m, kKernel, 3, kRw | kG);
    const auto backing = GENERATE(Backing::kMmio, Backing::kRamReadOnly, Backing::kRom);
    m.map->remap(kData + kPageSize, kPageSize, backing);
    for (const Gva base : {kVa, kKernel}) {
        CHECK(m.rights(base) == HostRights::kWrite);
        CHECK(m.rights(base + kStep) == HostRights::kNothing);
        CHECK(m.rights(base + 2 * kStep) == HostRights::kWrite);
        CHECK(m.write(base + kStep) == Fill::kNotHere);
        CHECK(m.read(base + kStep) == Fill::kNotHere);
    }
    m.map->remap(kData + kPageSize, kPageSize, Backing::kRam);
    CHECK(m.write(kVa + kStep) == Fill::kShown);
    CHECK(m.rights(kVa + kStep) == HostRights::kWrite);
}

TEST_CASE("A change of the physical map within a large page drops it; what is RAM still is shown again") {
    WindowMachine m;
    const Gva va = kVa & ~(2 * MiB - 1);
    m.page(va, kData, kUserRw, 2);
    REQUIRE(m.write(va) == Fill::kShown);
    m.map->remap(kData + 5 * kPageSize, kPageSize, Backing::kMmio);
    CHECK(m.rights(va + 5 * kPageSize) == HostRights::kNothing);
    CHECK(m.write(va + 5 * kPageSize) == Fill::kNotHere);
    CHECK(m.write(va + 6 * kPageSize) == Fill::kShown);
    CHECK(m.rights(va + 6 * kPageSize) == HostRights::kWrite);
}

TEST_CASE("clear() shows nothing any more") {
    WindowMachine m;
    show_pages(m, kVa, 2);
    show_pages(m, kKernel, 2, kRw | kG);
    const u8* const old = m.as_user(kVa);
    m.windows->clear();
    CHECK(m.rights(kVa) == HostRights::kNothing);
    CHECK(m.rights(kKernel) == HostRights::kNothing);
    CHECK(host_rights(old) == HostRights::kNothing);
    CHECK(m.mapped() == 0);
    CHECK(m.write(kVa) == Fill::kShown);
}

// --- the host's limit on mappings

namespace {

u64 host_limit() {
    u64 limit = 65'530;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit;
}

u64 host_mappings() {
    std::ifstream maps("/proc/self/maps");
    return static_cast<u64>(std::count(std::istreambuf_iterator<char>(maps), {}, '\n'));
}

/// Where all mappings go to make room, the access begins anew.
bool shown(WindowMachine& m, Gva va) {
    return m.write(va) == Fill::kShown || m.write(va) == Fill::kShown;
}

}  // namespace

TEST_CASE("However many pages the guest touches, the host has room for other mappings") {
    WindowMachine m;
    constexpr u64 kPages = 28'000;
    for (u64 n = 0; n < kPages; ++n) {
        const Gva va = kVa + n * kPageSize;
        m.page(va, kData + (n * 2 & 0xfff) * kPageSize, kUserRw);
        REQUIRE(shown(m, va));
        if (n % 1000 == 0) CHECK(host_mappings() + 1000 < host_limit());
    }
    CHECK(m.rights(kVa + (kPages - 1) * kPageSize) == HostRights::kWrite);
}

TEST_CASE("However many aliases pages with translated code have, the host has room for other mappings") {
    WindowMachine m;
    constexpr u64 kAliases = 120;
    const Gva va = kVa & ~(2 * MiB - 1);
    for (u64 n = 0; n < kAliases; ++n) m.page(va + n * 2 * MiB, kData, kUserRw, 2);
    for (unsigned code = 0; code < 256; ++code) {
        for (u64 n = 0; n < kAliases; ++n) REQUIRE(shown(m, va + n * 2 * MiB + kPageSize));
        m.map->set_has_code(kData + 2 * code * kPageSize, true);
        if (code % 32 == 0) CHECK(host_mappings() + 1000 < host_limit());
    }
    for (const unsigned code : {0u, 100u, 255u})
        for (const u64 n : {u64{0}, kAliases - 1})
            CHECK(m.rights(va + n * 2 * MiB + 2 * code * kPageSize) != HostRights::kWrite);
}

TEST_CASE("When the host can keep no more mappings all go, and the access that asked for another is told to begin anew") {
    WindowMachine m(64 * MiB);
    constexpr u64 kPages = 4096, kTries = 100'000;
    // Neighbours in guest memory lie apart in the window, and the other way round: each is a mapping of its own.
    const auto page = [](u64 n) { return kVa + n * 2 * kPageSize; };
    u64 told = 0, n = 0;
    for (; n < kTries && m.windows->counters().clears == 0; ++n) {
        m.page(page(n), kData + n % kPages * kPageSize, kUserRw | kD);
        const Fill what = m.read(page(n));
        if (what != Fill::kShown) ++told;
    }
    REQUIRE(m.windows->counters().clears == 1);
    CHECK(told == 1);
    CHECK(m.rights(page(0)) == HostRights::kNothing);
    CHECK(m.read(page(n - 1)) == Fill::kShown);
    CHECK(m.rights(page(n - 1)) == HostRights::kWrite);
}
