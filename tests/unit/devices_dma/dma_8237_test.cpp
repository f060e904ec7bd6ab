#include "devices/dma/dma_8237.h"
#include "tests/lib/state_copy.h"

#include <map>
#include <vector>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct SparseRam : DmaView {
    bool dma_read(Gpa address, std::span<u8> to) override {
        for (u8& b : to) b = bytes[address++];
        return true;
    }
    bool dma_write(Gpa address, std::span<const u8> from) override {
        for (const u8 b : from) bytes[address++] = b;
        return true;
    }
    std::map<Gpa, u8> bytes;
};

struct Fixture {
    SparseRam ram;
    Dma8237 dma{ram};

    /// Channel 2 as a floppy driver sets it up.
    void program(u8 mode, u16 address, u16 count, u8 page) {
        IoHandler& p = dma.low_ports();
        p.io_write(12, 1, 0);
        p.io_write(11, 1, mode | 2u);
        p.io_write(4, 1, address & 0xff);
        p.io_write(4, 1, address >> 8);
        p.io_write(5, 1, count & 0xff);
        p.io_write(5, 1, count >> 8);
        dma.page_ports().io_write(1, 1, page);
        p.io_write(10, 1, 2);
    }
    u16 count() {
        dma.low_ports().io_write(12, 1, 0);
        const u32 low = dma.low_ports().io_read(5, 1);
        return static_cast<u16>(low | dma.low_ports().io_read(5, 1) << 8);
    }
};

constexpr u8 kToMemory = 0x44, kFromMemory = 0x48, kVerify = 0x40, kAutoinit = 0x10, kDecrement = 0x20;

}  // namespace

TEST_CASE("dma: bytes arrive behind the page register, terminal count masks the channel") {
    Fixture f;
    f.program(kToMemory, 0x1000, 3, 0x12);
    const std::vector<u8> data{1, 2, 3, 4, 5, 6};
    const auto moved = f.dma.to_memory(2, data);
    CHECK(moved.bytes == 4);
    CHECK(moved.terminal_count);
    CHECK(f.ram.bytes == std::map<Gpa, u8>{{0x121000, 1}, {0x121001, 2}, {0x121002, 3}, {0x121003, 4}});
    CHECK(f.count() == 0xffff);
    CHECK_FALSE(f.dma.ready(2));
    CHECK(f.dma.to_memory(2, data).bytes == 0);
    CHECK((f.dma.low_ports().io_read(8, 1) & 0x0f) == 0x04);
    CHECK((f.dma.low_ports().io_read(8, 1) & 0x0f) == 0x00);
}

TEST_CASE("dma: a transfer in parts goes on where it stopped") {
    Fixture f;
    f.program(kFromMemory, 0x0000, 3, 0x01);
    for (u8 i = 0; i < 4; ++i) f.ram.bytes[0x10000 + i] = i;
    std::vector<u8> two(2);
    CHECK_FALSE(f.dma.from_memory(2, two).terminal_count);
    CHECK(two == std::vector<u8>{0, 1});
    CHECK(f.count() == 1);
    CHECK(f.dma.from_memory(2, two).terminal_count);
    CHECK(two == std::vector<u8>{2, 3});
}

TEST_CASE("dma: the address wraps inside its page") {
    Fixture f;
    f.program(kToMemory, 0xffff, 1, 0x03);
    f.dma.to_memory(2, std::vector<u8>{1, 2});
    CHECK(f.ram.bytes == std::map<Gpa, u8>{{0x3ffff, 1}, {0x30000, 2}});
}

TEST_CASE("dma: decrementing, autoinitialize, verify and the wrong direction") {
    Fixture f;
    f.program(kToMemory | kDecrement | kAutoinit, 0x10, 1, 0);
    CHECK(f.dma.to_memory(2, std::vector<u8>{1, 2, 3}).bytes == 2);
    CHECK(f.ram.bytes == std::map<Gpa, u8>{{0x10, 1}, {0x0f, 2}});
    CHECK(f.dma.ready(2));
    CHECK(f.count() == 1);
    std::vector<u8> none(1);
    CHECK(f.dma.from_memory(2, none).bytes == 0);
    f.program(kVerify, 0x10, 1, 0);
    CHECK(f.dma.to_memory(2, std::vector<u8>{8, 9}).terminal_count);
    CHECK(f.ram.bytes == std::map<Gpa, u8>{{0x10, 1}, {0x0f, 2}});
}

TEST_CASE("dma: word channels count words at even addresses") {
    Fixture f;
    IoHandler& p = f.dma.high_ports();
    p.io_write(0x16, 1, kToMemory | 1);  // channel 5
    p.io_write(0x04, 1, 0x00);
    p.io_write(0x04, 1, 0x80);
    p.io_write(0x06, 1, 0);
    p.io_write(0x06, 1, 0);
    f.dma.page_ports().io_write(0xb, 1, 0x05);
    p.io_write(0x14, 1, 1);
    const auto moved = f.dma.to_memory(5, std::vector<u8>{1, 2, 3, 4});
    CHECK(moved.bytes == 2);
    CHECK(moved.terminal_count);
    CHECK(f.ram.bytes == std::map<Gpa, u8>{{0x50000, 1}, {0x50001, 2}});
}

TEST_CASE("dma: any sequence of writes leaves a device that moves at most what it is given") {
    Fixture f;
    u32 seed = 1;
    const auto next = [&] { return seed = seed * 1664525 + 1013904223, seed >> 8; };
    for (int i = 0; i < 20000; ++i) {
        IoHandler* const ports[] = {&f.dma.low_ports(), &f.dma.high_ports(), &f.dma.page_ports()};
        ports[next() % 3]->io_write(static_cast<u16>(next() % 16), 1, next() & 0xff);
        ports[next() % 3]->io_read(static_cast<u16>(next() % 16), 1);
        std::vector<u8> data(next() % 64);
        const unsigned channel = next() % 4 + (next() % 2 == 0 ? 0 : 1) * 4;
        if (channel == 4) continue;
        CHECK(f.dma.to_memory(channel, data).bytes <= data.size());
        CHECK(f.dma.from_memory(channel, data).bytes <= data.size());
    }
}

TEST_CASE("dma: state round trip") {
    Fixture a, b;
    a.program(kToMemory, 0x1000, 9, 0x12);
    a.dma.to_memory(2, std::vector<u8>{1, 2});
    copy_state(a.dma, b.dma);
    b.dma.to_memory(2, std::vector<u8>{7});
    CHECK(b.ram.bytes == std::map<Gpa, u8>{{0x121002, 7}});
}
