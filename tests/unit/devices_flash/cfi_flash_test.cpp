#include "devices/flash/cfi_flash.h"
#include "tests/lib/state_copy.h"

#include <vector>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct Cells : FlashMemory {
    std::span<u8> bytes() override { return content; }
    bool read_only() const override { return locked; }
    void show_array(bool now) override { array = now; }
    void changed(u64 offset, u64 size) override { changes.emplace_back(offset, size); }
    std::vector<u8> content = std::vector<u8>(64 * KiB, 0xff);
    std::vector<std::pair<u64, u64>> changes;
    bool locked = false, array = false;
};

struct Rig {
    Rig() { chip.reset(ResetKind::kPowerOn); }
    void write(u64 offset, const std::vector<u8>& values) {
        for (const u8 v : values) chip.mmio_write(offset, 1, v);
    }
    u8 read(u64 offset) { return static_cast<u8>(chip.mmio_read(offset, 1)); }

    Cells cells;
    Log log{stderr, 0};
    CfiFlash chip{"flash", cells, log};
};

}  // namespace

TEST_CASE("flash: programming clears bits and never sets one, erasing sets those of a block") {
    Rig rig;
    rig.write(0x1234, {0x40, 0x5a});
    CHECK(rig.read(0) == 0x80);
    CHECK_FALSE(rig.cells.array);
    CHECK(rig.cells.content[0x1234] == 0x5a);
    rig.write(0x1234, {0x10, 0xf0, 0xff});
    CHECK(rig.cells.array);
    CHECK(rig.read(0x1234) == 0x50);
    rig.cells.content[0x0fff] = rig.cells.content[0x2000] = 0;
    rig.write(0x1800, {0x20, 0xd0});
    CHECK(rig.cells.content[0x1234] == 0xff);
    CHECK(rig.cells.content[0x0fff] == 0);
    CHECK(rig.cells.content[0x2000] == 0);
    CHECK(rig.cells.changes == std::vector<std::pair<u64, u64>>{{0x1234, 1}, {0x1234, 1}, {0x1000, 0x1000}});
}

TEST_CASE("flash: an erase without its confirmation and writes beyond the end are errors that CLEAR STATUS forgets") {
    Rig rig;
    rig.cells.content[0] = 0;
    rig.write(0, {0x20, 0xff});
    CHECK(rig.read(0) == 0xb0);
    CHECK(rig.cells.content[0] == 0);
    rig.write(0, {0x50});
    CHECK(rig.read(0) == 0);
    rig.write(64 * KiB, {0x40, 0x00});
    CHECK(rig.read(0) == 0x90);
    CHECK(rig.cells.changes.empty());
}

TEST_CASE("flash: a read-only image refuses to be changed") {
    Rig rig;
    rig.cells.locked = true;
    rig.write(8, {0x40, 0x00});
    CHECK(rig.read(0) == 0x92);
    rig.write(8, {0x50, 0x20, 0xd0});
    CHECK(rig.read(0) == 0xa2);
    CHECK(rig.cells.changes.empty());
}

TEST_CASE("flash: a buffered write programs its bytes together") {
    Rig rig;
    rig.write(0x3000, {0xe8, 3});
    for (u8 i = 0; i < 4; ++i) rig.write(0x3000u + i, {static_cast<u8>(0x11 * i)});
    CHECK(rig.cells.changes.empty());
    rig.write(0x3000, {0xd0, 0xff});
    CHECK(rig.chip.mmio_read(0x3000, 4) == 0x33221100);
}

TEST_CASE("flash: identification and query table") {
    Rig rig;
    rig.write(0, {0x90});
    CHECK(rig.chip.mmio_read(0, 2) == 0x1889);
    rig.write(0x55, {0x98});
    CHECK(rig.chip.mmio_read(0x10, 4) == (u32{'Q'} | 'R' << 8 | 'Y' << 16 | 0x01 << 24));
    CHECK(rig.read(0x27) == 16);              // 64 KiB
    CHECK(rig.chip.mmio_read(0x2d, 2) == 15);  // 16 blocks
    CHECK(rig.chip.mmio_read(0x2f, 2) == 16);  // of 4 KiB
    CHECK(rig.chip.mmio_read(0x31, 2) == (u32{'P'} | 'R' << 8));
}

TEST_CASE("flash: any sequence of accesses stays within the cells") {
    Rig rig;
    u64 state = 3;
    const auto next = [&] { return state = state * 6364136223846793005 + 1442695040888963407, state >> 33; };
    for (int i = 0; i < 100000; ++i) {
        rig.chip.mmio_write(next() % (80 * KiB), 1u << next() % 4, next());
        rig.chip.mmio_read(next() % (80 * KiB), 1u << next() % 4);
    }
    for (const auto& [offset, size] : rig.cells.changes) REQUIRE(offset + size <= rig.cells.content.size());
    CHECK_FALSE(rig.cells.changes.empty());
}

TEST_CASE("flash: state round trip in the middle of a buffered write; impossible states are refused") {
    Rig a, b;
    a.write(0x40, {0xe8, 7, 1, 2, 3});
    copy_state(a.chip, b.chip);
    CHECK_FALSE(b.cells.array);
    std::vector<u8> bad = saved(a.chip);
    bad.back() = 0xff;  // more bytes in the buffer than it holds
    StateArchive broken = StateArchive::loader(bad);
    b.chip.visit(broken);
    CHECK(broken.failed());
    CHECK(b.cells.array);
}
