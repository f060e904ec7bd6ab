#include "accel/jit/flight_recorder.h"

#include <catch2/catch.hpp>

#include "cpu/state/fault.h"

using namespace twin86;
using namespace twin86::jit;

TEST_CASE("flight_recorder_names_events") {
    FlightRecorder recorder;
    recorder.exit(0x1000, ExitReason::kChain);
    recorder.helper(0x1005, Op::kCpuid);
    recorder.exit(0x1007, ExitReason::kSlow, 0xfee000b0);
    recorder.exit(0x1008, ExitReason::kFault);
    recorder.exception(0x100a, kVectorPF, 0xdead);
    recorder.exception(0x100c, kVectorGP, 0xdead);
    recorder.interrupt(0x100e, 8);  // a vector that is an exception's too
    const std::vector<std::string> expected = {
        "0000000000001000  chain",
        "0000000000001005  helper Cpuid",
        "0000000000001007  slow access to 0xfee000b0",
        "0000000000001008  poll",
        "000000000000100a  exception #PF address 0xdead",
        "000000000000100c  exception #GP",
        "000000000000100e  interrupt 0x8",
    };
    REQUIRE(recorder.last(100) == expected);
    REQUIRE(recorder.last(1) == std::vector<std::string>{expected.back()});
}

TEST_CASE("flight_recorder_keeps_the_newest") {
    FlightRecorder recorder;
    for (u64 rip = 0; rip < FlightRecorder::kSize + 10; ++rip) recorder.exit(rip, ExitReason::kLookup);
    const std::vector<std::string> lines = recorder.last(~u64{0});
    REQUIRE(lines.size() == FlightRecorder::kSize);
    REQUIRE(lines.front() == "000000000000000a  lookup");
    REQUIRE(lines.back() == "0000000000010009  lookup");
}
