// Memory for the records of translations.
#include <catch2/catch.hpp>

#include <cstring>
#include <vector>

#include "accel/jit/arena.h"

using namespace twin86;
using jit::Arena;

namespace {

struct Record {
    u64 a = 7;
    u8 b = 0;
};

}  // namespace

TEST_CASE("records keep their values and places while others are made") {
    Arena arena;
    std::vector<Record*> records;
    for (u64 n = 0; n < 100'000; ++n) {
        Record* const r = arena.make<Record>();
        REQUIRE(reinterpret_cast<u64>(r) % alignof(Record) == 0);
        REQUIRE(r->a == 7);
        r->a = n;
        records.push_back(r);
        const auto bytes = arena.room<u8>(n % 5);
        std::memset(bytes.data(), 0xff, bytes.size());
    }
    for (u64 n = 0; n < records.size(); ++n) REQUIRE(records[n]->a == n);
    CHECK(arena.bytes() >= records.size() * sizeof(Record));
}

TEST_CASE("what was taken since a mark is given out again, as new") {
    Arena arena;
    arena.make<Record>();
    const Arena::Mark mark = arena.mark();
    const u64 before = arena.bytes();
    Record* const first = arena.make<Record>();
    first->a = 1;
    for (int n = 0; n < 50'000; ++n) arena.make<Record>()->a = 1;
    arena.rewind(mark);
    CHECK(arena.bytes() == before);
    Record* const again = arena.make<Record>();
    CHECK(again == first);
    CHECK(again->a == 7);
    for (int n = 0; n < 50'000; ++n) REQUIRE(arena.make<Record>()->a == 7);
    arena.clear();
    CHECK(arena.bytes() == 0);
    CHECK(arena.make<Record>()->a == 7);
}
