#include "accel/jit/jump_tables.h"

#include <memory>

#include "accel/jit/code_index.h"

#undef CHECK
#include <catch2/catch.hpp>

namespace twin86::jit {

namespace {

constexpr u64 kRip = 0x401234;
const u8 kCode[2] = {};

JumpTables made() {
    return JumpTables::create().take();
}
JumpSpace user(u64 cr3) {
    return {cr3, Mode{Mode::kUser}, 0};
}
JumpSpace supervisor(u64 mode = 0) {
    return {JumpSpace::kSupervisor, Mode{mode}, 0};
}

/// Whether a space still has what `fill` put there.
bool known(JumpTables& tables, const JumpSpace& space) {
    bool taken = false;
    return tables.of(space, taken).find(kRip) == kCode;
}

void fill(JumpTables& tables, const JumpSpace& space) {
    bool taken = false;
    tables.of(space, taken).set(kRip, kCode);
}

}  // namespace

TEST_CASE("A jump table knows the RIPs that it was told", "[jump_tables]") {
    JumpTables tables = made();
    bool taken = false;
    JumpTable& table = tables.of(user(0x1000), taken);
    for (u64 rip = 0; rip < 0x30000; ++rip) REQUIRE(table.find(rip) == nullptr);
    table.set(kRip, kCode);
    CHECK(table.find(kRip) == kCode);
    CHECK(table.find(kRip + kJumpTableEntries) == nullptr);
    table.set(kRip + kJumpTableEntries, kCode + 1);
    CHECK(table.find(kRip) == nullptr);
    CHECK(table.find(kRip + kJumpTableEntries) == kCode + 1);
    CHECK_FALSE(taken);
}

TEST_CASE("Jump spaces differ by address space, mode and base of CS", "[jump_tables]") {
    JumpTables tables = made();
    fill(tables, user(0x1000));
    CHECK(known(tables, user(0x1000)));
    CHECK_FALSE(known(tables, user(0x2000)));
    CHECK_FALSE(known(tables, {0x1000, Mode{Mode::kUser | Mode::kDown}, 0}));
    CHECK_FALSE(known(tables, {0x1000, Mode{Mode::kUser}, 0x10}));
    CHECK_FALSE(known(tables, supervisor(Mode::kUser)));
}

TEST_CASE("The jump space that asked least lately gives way", "[jump_tables]") {
    JumpTables tables = made();
    bool taken = false;
    for (u64 n = 0; n < JumpTables::kCount; ++n) fill(tables, user(n << 12));
    tables.of(user(0), taken);
    CHECK_FALSE(taken);
    tables.of(user(~u64{0} << 12), taken);
    CHECK(taken);
    for (u64 n = 2; n < JumpTables::kCount; ++n) CHECK(known(tables, user(n << 12)));
    CHECK(known(tables, user(0)));
    CHECK_FALSE(known(tables, user(1 << 12)));
}

TEST_CASE("Jumps are forgotten by the kind of their space", "[jump_tables]") {
    JumpTables tables = made();
    const auto fill_all = [&] { fill(tables, user(0x1000)), fill(tables, user(0x2000)), fill(tables, supervisor()); };
    const auto known_ones = [&] {
        return std::array{known(tables, user(0x1000)), known(tables, user(0x2000)), known(tables, supervisor())};
    };
    fill_all();
    CHECK(known_ones() == std::array{true, true, true});
    tables.forget_user(0x1000);
    CHECK(known_ones() == std::array{false, true, true});
    fill_all();
    tables.forget_users();
    CHECK(known_ones() == std::array{false, false, true});
    fill_all();
    tables.forget_supervisor();
    CHECK(known_ones() == std::array{true, true, false});
    fill_all();
    tables.forget_all();
    CHECK(known_ones() == std::array{false, false, false});
}

TEST_CASE("A jump table knows where pages of code lie", "[jump_tables]") {
    JumpTables tables = made();
    bool taken = false;
    JumpTable& table = tables.of(user(0x1000), taken);
    constexpr u64 kPage = 0x400000, kOther = 0x500000;
    constexpr u16 kNumber = 3, kLast = CodePages::kMost - 1;
    for (const u64 page : {u64{0}, kPage, ~u64{0} & kPageMask}) CHECK_FALSE(table.lies_at(kNumber, page));
    CHECK_FALSE(table.set_place(kNumber, kPage));
    CHECK_FALSE(table.set_place(kLast, 0));
    CHECK_FALSE(table.set_place(kNumber, kPage));
    CHECK(table.lies_at(kNumber, kPage));
    CHECK_FALSE(table.lies_at(kNumber, kOther));
    CHECK(table.lies_at(kLast, 0));
    CHECK(table.placed_count == 2);
    CHECK_FALSE(table.unplaced);
    CHECK(table.set_place(kNumber, kOther));
    CHECK_FALSE(table.lies_at(kNumber, kPage));
    CHECK(table.unplaced);
    CHECK_FALSE(tables.any_of(0x2000, [](const JumpSpace&, const JumpTable&) { return true; }));
    CHECK(tables.any_of(0x1000, [&](const JumpSpace& space, const JumpTable& t) { return space == user(0x1000) && &t == &table; }));
    tables.forget_users();
    CHECK_FALSE(table.lies_at(kNumber, kOther));
    CHECK_FALSE(table.lies_at(kLast, 0));
    CHECK_FALSE(tables.of(user(0x3000), taken).unplaced);
}

TEST_CASE("A page without a number lies nowhere", "[jump_tables]") {
    JumpTables tables = made();
    bool taken = false;
    JumpTable& table = tables.of(user(0x1000), taken);
    CHECK_FALSE(table.set_place(CodePages::kNone, 0x400000));
    CHECK(table.unplaced);
    CHECK_FALSE(table.lies_at(CodePages::kNone, 0x400000));
}

TEST_CASE("Pages of code keep their numbers", "[jump_tables]") {
    CodePages pages;
    const u16 first = pages.number_of(0x1000), second = pages.number_of(0x2000);
    CHECK(first != CodePages::kNone);
    CHECK(second != first);
    CHECK(pages.number_of(0x1000) == first);
    CHECK(pages.page(second) == 0x2000);
    for (u64 n = 3; n < CodePages::kMost; ++n) REQUIRE(pages.number_of(n << 12) != CodePages::kNone);
    CHECK(pages.number_of(u64{CodePages::kMost} << 12) == CodePages::kNone);
    CHECK(pages.number_of(0x2000) == second);
    pages.clear();
    CHECK(pages.number_of(u64{CodePages::kMost} << 12) == first);
}

TEST_CASE("The index knows code by page, offset and mode", "[jump_tables]") {
    const auto index = std::make_unique<CodeIndex>();
    const Mode mode{Mode::kUser}, other{Mode::kUser | Mode::kWindows};
    index->set(7, kRip, mode, kCode);
    CHECK(index->hint(kRip) == 7);
    CHECK(index->find(7, kRip, mode) == kCode);
    CHECK(index->find(7, kRip + kPageSize, mode) == kCode);
    CHECK(index->find(7, kRip + 1, mode) == nullptr);
    CHECK(index->find(8, kRip, mode) == nullptr);
    CHECK(index->find(7, kRip, other) == nullptr);
    index->set(7, kRip, other, kCode + 1);
    CHECK(index->find(7, kRip, other) == kCode + 1);
    CHECK(index->find(7, kRip, mode) == kCode);
}

}  // namespace twin86::jit
