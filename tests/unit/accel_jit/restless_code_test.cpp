#include "accel/jit/restless_code.h"

#undef CHECK
#include <catch2/catch.hpp>

namespace twin86::jit {

namespace {

constexpr Gpa kPage = 0x5000, kStart = kPage + 0x40;

/// Drops in turn, `pause` ns apart. True: the last one made the page restless, and no other.
bool dropped(RestlessCode& code, unsigned times, u64 pause, u64& now) {
    for (unsigned n = 1; n < times; ++n)
        if (code.note_drop(kStart, kPage + 0x44, now += pause)) return false;
    return code.note_drop(kStart, kPage + 0x44, now += pause);
}

}  // namespace

TEST_CASE("A block that is dropped again and again makes its page restless for a while", "[restless_code]") {
    RestlessCode code;
    u64 now = 1'000'000'000;
    CHECK_FALSE(code.any());
    REQUIRE(dropped(code, RestlessCode::kDrops, 1000, now));
    CHECK(code.contains(kPage));
    CHECK(code.contains(kPage + 0xfff));
    CHECK_FALSE(code.contains(kPage + 0x1000));
    CHECK(code.settled(now + RestlessCode::kDuration - 1).empty());
    CHECK(code.settled(now + RestlessCode::kDuration) == std::vector<Gpa>{kPage});
    CHECK_FALSE(code.contains(kPage));
    CHECK(dropped(code, RestlessCode::kDrops, 1000, now));
}

TEST_CASE("What is dropped now and then is not restless", "[restless_code]") {
    RestlessCode code;
    u64 now = 1'000'000'000;
    CHECK_FALSE(dropped(code, 10 * RestlessCode::kDrops, RestlessCode::kInterval, now));
    for (Gpa start = 0; start < 10'000; ++start) CHECK_FALSE(code.note_drop(start, start, ++now));
    CHECK_FALSE(code.any());
}

TEST_CASE("Immediates that vary are known until all is calm", "[restless_code]") {
    RestlessCode code;
    u64 now = 1'000'000'000;
    REQUIRE(dropped(code, RestlessCode::kDrops, 1000, now));
    code.note_immediate(kStart);
    CHECK(code.varies(kStart));
    CHECK_FALSE(code.varies(kStart + 5));
    code.settled(now + RestlessCode::kDuration);
    CHECK_FALSE(code.varies(kStart));
}

}  // namespace twin86::jit
