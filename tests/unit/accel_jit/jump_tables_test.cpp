#include "accel/jit/jump_tables.h"

#include <set>

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
    return jump_in(tables.of(space, taken).entries, kRip) == kCode;
}

void fill(JumpTables& tables, const JumpSpace& space) {
    bool taken = false;
    tables.set(tables.of(space, taken).entries, kRip, kCode);
}

}  // namespace

TEST_CASE("A jump table knows the RIPs that it was told", "[jump_tables]") {
    JumpTables tables = made();
    bool taken = false;
    JumpEntry* const table = tables.of(user(0x1000), taken).entries;
    for (u64 rip = 0; rip < 0x30000; ++rip) REQUIRE(jump_in(table, rip) == nullptr);
    tables.set(table, kRip, kCode);
    CHECK(jump_in(table, kRip) == kCode);
    CHECK(jump_in(table, kRip + kJumpTableEntries) == nullptr);
    tables.set(table, kRip + kJumpTableEntries, kCode + 1);
    CHECK(jump_in(table, kRip) == nullptr);
    CHECK(jump_in(table, kRip + kJumpTableEntries) == kCode + 1);
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

TEST_CASE("No two jump spaces have had the same salt, until all is forgotten", "[jump_tables]") {
    JumpTables tables = made();
    std::set<u64> salts;
    bool taken = false;
    u64 spaces = 0;
    for (; !tables.worn_out(); ++spaces) salts.insert(tables.of(user(spaces << 12), taken).salt);
    CHECK(salts.size() == spaces);
    CHECK(*salts.begin() == u64{1} << 48);
    CHECK(*salts.rbegin() <= u64{JumpTables::kLastSalt} << 48);
    tables.forget_all();
    CHECK_FALSE(tables.worn_out());
    CHECK(tables.of(user(0), taken).salt == u64{1} << 48);
}

}  // namespace twin86::jit
