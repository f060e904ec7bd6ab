#include "devices/core/bus.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {
struct Bytes : IoHandler, MmioHandler {
    u8 data[16] = {};
    u32 io_read(u16 o, unsigned size) override { return static_cast<u32>(mmio_read(o, size)); }
    void io_write(u16 o, unsigned size, u32 v) override { mmio_write(o, size, v); }
    u64 mmio_read(u64 o, unsigned size) override {
        u64 v = 0;
        memcpy(&v, data + o, size);
        return v;
    }
    void mmio_write(u64 o, unsigned size, u64 v) override { memcpy(data + o, &v, size); }
};
}  // namespace

TEST_CASE("ports: unmapped reads are all ones and counted, writes dropped") {
    IoBus bus;
    CHECK(bus.read(0x80, 1) == 0xff);
    CHECK(bus.read(0x80, 4) == 0xffffffff);
    bus.write(0x80, 2, 5);
    CHECK(bus.counters().unmapped_reads == 2);
    CHECK(bus.counters().unmapped_writes == 1);
}

TEST_CASE("ports: wide accesses to a byte device are split, narrow ones to a dword device widened") {
    IoBus bus;
    Bytes bytes, wide;
    auto m1 = bus.map(0x10, 8, bytes, "bytes");
    auto m2 = bus.map(0x20, 8, wide, "wide", IoBus::kDword);
    bus.write(0x10, 4, 0x44332211);
    CHECK(bytes.data[3] == 0x44);
    CHECK(bus.read(0x12, 2) == 0x4433);
    bus.write(0x20, 4, 0x88776655);
    CHECK(bus.read(0x22, 1) == 0x77);
    m2.release();
    CHECK(bus.read(0x20, 1) == 0xff);
}

TEST_CASE("mmio: lookup, truncation and RAII unmapping") {
    MmioBus bus;
    Bytes a, b;
    auto m1 = bus.map(0x1000, 16, a, "a");
    {
        auto m2 = bus.map(0xfff0, 16, b, "b");
        bus.write(0xfff8, 8, 0x1122334455667788);
        CHECK(bus.read(0xfff8, 4) == 0x55667788);
        CHECK(bus.ranges().size() == 2);
    }
    CHECK(bus.read(0xfff8, 4) == 0xffffffff);
    CHECK(bus.read(0x1010, 1) == 0xff);
}

TEST_CASE("mmio: what is in front answers first, wherever it lies, and takes no room") {
    MmioBus bus;
    Bytes chip, front;
    front.data[8] = 0x55;
    const auto m = bus.map(0x1000, 16, chip, "chip");
    {
        const auto f = bus.map_in_front(0x1000, 0x1000, front, "front");
        CHECK(bus.read(0x1008, 1) == 0x55);
        CHECK(bus.is_free(0x1010, 0x10));
        CHECK(bus.ranges().size() == 2);
    }
    CHECK(bus.read(0x1008, 1) == 0);
    CHECK(bus.ranges().size() == 1);
}

TEST_CASE("free ranges: where no mapping begins, ends or lies") {
    IoBus ports;
    MmioBus memory;
    Bytes bytes;
    const auto p = ports.map(0x10, 8, bytes, "bytes");
    const auto m1 = memory.map(0x1000, 0x1000, bytes, "first"), m2 = memory.map(0x3000, 0x1000, bytes, "second");
    CHECK(ports.is_free(0, 0x10));
    CHECK_FALSE(ports.is_free(0, 0x11));
    CHECK_FALSE(ports.is_free(0x17, 1));
    CHECK(ports.is_free(0x18, 0x10000 - 0x18));
    CHECK(memory.is_free(0, 0x1000));
    CHECK_FALSE(memory.is_free(0, 0x1001));
    CHECK_FALSE(memory.is_free(0x1fff, 1));
    CHECK(memory.is_free(0x2000, 0x1000));
    CHECK_FALSE(memory.is_free(0x2000, 0x1001));
    CHECK_FALSE(memory.is_free(0x800, 0x10000));
    CHECK(memory.is_free(0x4000, ~u64{0} - 0x4000));
}
