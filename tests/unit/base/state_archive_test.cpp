#include "base/state_archive.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {
struct Sample {
    u32 a = 1;
    std::array<u16, 3> b{2, 3, 4};
    std::vector<u8> c{5, 6};
    void visit(StateArchive& ar) {
        ar.section("sample", 1, [&](u32) {
            ar.fields(a, b);
            ar.field(c, 16);
        });
    }
};
}  // namespace

TEST_CASE("save, load, save is byte-equal") {
    Sample s{.a = 77, .b = {9, 8, 7}, .c = {1, 2, 3}};
    StateArchive saver = StateArchive::saver();
    s.visit(saver);
    Sample t;
    StateArchive loader = StateArchive::loader(saver.bytes());
    t.visit(loader);
    REQUIRE_FALSE(loader.failed());
    CHECK(t.a == 77);
    CHECK(t.c == std::vector<u8>{1, 2, 3});
    StateArchive again = StateArchive::saver();
    t.visit(again);
    CHECK(again.bytes() == saver.bytes());
}

TEST_CASE("truncated, misnamed and oversized state is refused") {
    Sample s;
    StateArchive saver = StateArchive::saver();
    s.visit(saver);
    for (std::size_t n = 0; n < saver.bytes().size(); ++n) {
        auto loader = StateArchive::loader({saver.bytes().begin(), saver.bytes().begin() + static_cast<long>(n)});
        Sample t;
        t.visit(loader);
        CHECK(loader.failed());
    }
    auto bytes = saver.bytes();
    bytes[4] = 'X';
    auto loader = StateArchive::loader(bytes);
    s.visit(loader);
    CHECK(loader.failed());
}

TEST_CASE("a bool loads as true from any byte but zero") {
    std::array<bool, 2> flags{false, true};
    StateArchive saver = StateArchive::saver();
    saver.section("flags", 1, [&](u32) { saver.field(flags); });
    std::vector<u8> bytes = saver.bytes();
    bytes[bytes.size() - 2] = 0x80;
    bytes[bytes.size() - 1] = 0;
    StateArchive loader = StateArchive::loader(bytes);
    loader.section("flags", 1, [&](u32) { loader.field(flags); });
    REQUIRE_FALSE(loader.failed());
    CHECK(flags == std::array<bool, 2>{true, false});
    StateArchive again = StateArchive::saver();
    again.section("flags", 1, [&](u32) { again.field(flags); });
    CHECK(again.bytes()[again.bytes().size() - 2] == 1);
}
