#include "base/nearest.h"

#include <array>

#include <catch2/catch.hpp>

using namespace twin86;

TEST_CASE("edit distance counts insertions, deletions, replacements and swaps") {
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kernel", "kernel") == 0);
    CHECK(edit_distance("kernal", "kernel") == 1);
    CHECK(edit_distance("kenrel", "kernel") == 1);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest word is a likely one or none") {
    const std::array<std::string_view, 5> known{"kernel", "initrd", "append", "serial", "s"};
    CHECK(nearest_word("kenrel", known) == "kernel");
    CHECK(nearest_word("initramfs", known) == "initrd");
    CHECK(nearest_word("app", known) == "append");
    CHECK(nearest_word("zzzzzz", known).empty());
    CHECK(nearest_word("", known).empty());
    CHECK(nearest_word(std::string(100'000, 'k'), known).empty());
    CHECK(did_you_mean("seral", known) == " (did you mean 'serial'?)");
    CHECK(nearest_of("appendd", std::array<const char*, 1>{"append"}) == "append");
}
