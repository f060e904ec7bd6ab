// Memory for the records of translations.
#include <cstring>
#include <vector>

#include "accel/jit/arena.h"
#include "accel/jit/near_ptr.h"

#include <catch2/catch.hpp>  // last: its CHECK replaces that of base/check.h

using namespace twin86;
using jit::Arena;
using jit::NearPtr;

namespace {

struct Record {
    u64 a = 7;
    u8 b = 0;
};

}  // namespace

TEST_CASE("records keep their values and places while others are made") {
    Arena arena(64 * MiB);
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
    Arena arena(64 * MiB);
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

TEST_CASE("records reach each other by pointers of 4 bytes") {
    struct Node {
        u64 value = 0;
        NearPtr<Node> other;
    };
    Arena arena(64 * MiB);
    Node* const first = arena.make<Node>();
    arena.room<u8>(50 * MiB);
    Node* const last = arena.make<Node>();
    CHECK(first->other == nullptr);
    first->other = last, last->other = first, last->value = 5;
    CHECK(first->other->value == 5);
    CHECK(last->other.get() == first);
    first->other = nullptr;
    CHECK(first->other.get() == nullptr);
    CHECK(arena.left() < 14 * MiB);
}
