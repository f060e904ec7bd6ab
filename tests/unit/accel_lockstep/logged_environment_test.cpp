// What one processor hears of the machine, the other one hears too, if it asks for the same.
#include "accel/lockstep/logged_environment.h"

#include "tests/lib/jit_guest.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct Pair {
    MmioBus bus;
    test::TestEnvironment machine{bus};
    DeviceLog log;
    LoggedEnvironment first{machine, log}, second{machine, log};
    unsigned writes = 0;

    void record(bool with_interrupt = false) {
        first.record(with_interrupt, [this] { ++writes; });
    }
    void replay() {
        second.take_constants(first);
        second.replay(0);
    }
};

}  // namespace

TEST_CASE("reads are answered from the log, writes do not reach the machine again") {
    Pair p;
    p.record();
    p.machine.port_value = 0x12;
    CHECK(p.first.port_read(0x60, 1) == 0x12);
    p.first.port_write(0x80, 2, 0xbeef);
    const u64 tsc = p.first.read_tsc();
    CHECK(p.writes == 1);
    p.machine.port_value = 0x34;
    p.replay();
    CHECK(p.second.port_read(0x60, 1) == 0x12);
    p.second.port_write(0x80, 2, 0xbeef);
    CHECK(p.second.read_tsc() == tsc);
    CHECK(p.second.difference().empty());
    CHECK(p.second.position() == p.first.position());
    CHECK(p.machine.ports.size() == 2);
}

TEST_CASE("another access than the logged one is a difference, the first one counts") {
    Pair p;
    p.record();
    p.first.port_write(0x80, 1, 1);
    SECTION("another value") {
        p.replay();
        p.second.port_write(0x80, 1, 2);
        CHECK(p.second.difference() == "out 0x80.1 <- 0x2; the other one: out 0x80.1 <- 0x1");
    }
    SECTION("another port") {
        p.replay();
        p.second.port_write(0x81, 1, 1);
        p.second.port_read(0x99, 1);
        CHECK(p.second.difference() == "out 0x81.1 <- 0x1; the other one: out 0x80.1 <- 0x1");
    }
    SECTION("one too many") {
        p.replay();
        p.second.port_write(0x80, 1, 1);
        p.second.mmio_read(0xfee00000, 4);
        CHECK(p.second.difference() == "read of device memory 0xfee00000.4; the other one: nothing");
    }
}

TEST_CASE("an interrupt is seen once, and where it was taken") {
    Pair p;
    p.machine.pending_vector = 0x55;
    p.record(false);
    CHECK_FALSE(p.first.interrupt_pending());
    p.record(true);
    CHECK(p.first.interrupt_pending());
    CHECK(p.first.acknowledge_interrupt() == 0x55);
    CHECK_FALSE(p.first.interrupt_pending());
    p.replay();
    CHECK(p.second.interrupt_pending());
    CHECK(p.second.acknowledge_interrupt() == 0x55);
    CHECK_FALSE(p.second.interrupt_pending());
}

TEST_CASE("the priority is that of the start, until it is written") {
    Pair p;
    p.machine.write_tpr(3);
    p.record();
    p.first.write_tpr(9);
    p.replay();
    CHECK(p.second.read_tpr() == 3);
    p.second.write_tpr(9);
    CHECK(p.second.read_tpr() == 9);
}
