#include "accel/jit/block_table.h"

#include <map>
#include <memory>
#include <random>

#undef CHECK
#include <catch2/catch.hpp>

namespace twin86::jit {

namespace {

/// A table and what it should hold. Few keys, so that they come and go.
struct Fixture {
    void step() {
        const Gpa physical = random() % 3000;
        const auto found = expected.find(physical);
        BlockKey key{.physical = physical};
        REQUIRE(table.find(key) == (found == expected.end() ? nullptr : found->second));
        if (found != expected.end() && random() % 2 == 0) {
            table.erase(*found->second);
            expected.erase(found);
        } else {
            blocks.push_back(std::make_unique<Block>());
            blocks.back()->key = key;
            table.insert(*blocks.back());
            expected[physical] = blocks.back().get();
        }
    }

    std::mt19937 random{86};
    BlockTable table;
    std::vector<std::unique_ptr<Block>> blocks;
    std::map<Gpa, Block*> expected;
};

}  // namespace

TEST_CASE("Blocks come and go", "[block_table]") {
    Fixture f;
    for (unsigned n = 0; n < 50'000; ++n) f.step();
    REQUIRE(f.table.size() == f.expected.size());
    std::size_t seen = 0;
    f.table.for_each([&](Block& b) { seen += f.expected.at(b.key.physical) == &b; });
    REQUIRE(seen == f.expected.size());
}

TEST_CASE("A key that comes again and again takes no more room", "[block_table]") {
    BlockTable table;
    Block block;
    for (unsigned n = 0; n < 100'000; ++n) {
        table.insert(block);
        table.erase(block);
    }
    REQUIRE(table.size() == 0);
    REQUIRE(table.places_used() == 1);
}

TEST_CASE("After clear nothing is found", "[block_table]") {
    BlockTable table;
    Block block;
    table.insert(block);
    table.clear();
    REQUIRE(table.find(block.key) == nullptr);
    REQUIRE(table.size() == 0);
}

}  // namespace twin86::jit
