#include "devices/firmware/fw_cfg.h"
#include "tests/lib/state_copy.h"

#include <cstring>
#include <string>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

/// 64 KiB of RAM at address 0.
struct FakeRam : DmaView {
    bool dma_read(Gpa address, std::span<u8> to) override {
        std::fill(to.begin(), to.end(), u8{0});
        if (address > bytes.size() || to.size() > bytes.size() - address) return false;
        std::memcpy(to.data(), &bytes[address], to.size());
        return true;
    }
    bool dma_write(Gpa address, std::span<const u8> from) override {
        if (address > bytes.size() || from.size() > bytes.size() - address) return false;
        std::memcpy(&bytes[address], from.data(), from.size());
        return true;
    }
    std::vector<u8> bytes = std::vector<u8>(65536, 0xaa);
};

struct Fixture {
    FakeRam ram;
    Log log{stderr, 0};
    FwCfg device{ram, log};

    void select(u16 key) { device.selector_ports().io_write(0, 2, key); }
    u8 byte() { return static_cast<u8>(device.selector_ports().io_read(1, 1)); }
    std::string text(unsigned n) {
        std::string s;
        for (unsigned i = 0; i < n; ++i) s += static_cast<char>(byte());
        return s;
    }
    u64 big_endian(unsigned n) {
        u64 value = 0;
        for (unsigned i = 0; i < n; ++i) value = value << 8 | byte();
        return value;
    }
    /// Writes a descriptor to 0x100 and starts it; the control word afterwards.
    u32 run(u32 control, u32 length, u64 address) {
        const auto put = [&](unsigned at, u64 value, unsigned size) {
            for (unsigned i = 0; i < size; ++i)
                ram.bytes[0x100 + at + i] = static_cast<u8>(value >> 8 * (size - 1 - i));
        };
        put(0, control, 4);
        put(4, length, 4);
        put(8, address, 8);
        device.dma_ports().io_write(0, 4, 0);
        device.dma_ports().io_write(4, 4, __builtin_bswap32(0x100));
        return u32{ram.bytes[0x100]} << 24 | u32{ram.bytes[0x101]} << 16 | u32{ram.bytes[0x102]} << 8 |
               ram.bytes[0x103];
    }
};

constexpr u32 kError = 1, kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16;

}  // namespace

TEST_CASE("fw_cfg: signature, version with DMA, zeroes beyond an item's end") {
    Fixture f;
    f.select(FwCfg::kSignature);
    CHECK(f.text(6) == std::string("QEMU\0\0", 6));
    f.select(FwCfg::kId);
    CHECK(f.text(4) == std::string("\3\0\0\0", 4));
    f.select(0x1234);
    CHECK(f.byte() == 0);
}

TEST_CASE("fw_cfg: the directory lists files by name with their sizes and keys") {
    Fixture f;
    f.device.set_file("b", {1, 2, 3});
    f.device.set_file("a", {9});
    f.device.set_file("b", {4, 5});
    f.select(FwCfg::kFileDirectory);
    REQUIRE(f.big_endian(4) == 2);
    CHECK(f.big_endian(4) == 1);
    const u64 key_a = f.big_endian(2);
    f.big_endian(2);
    CHECK(f.text(56) == std::string("a") + std::string(55, '\0'));
    CHECK(f.big_endian(4) == 2);
    const u64 key_b = f.big_endian(2);
    CHECK(key_a != key_b);
    f.select(static_cast<u16>(key_b));
    CHECK(f.text(3) == std::string("\4\5\0", 3));
}

TEST_CASE("fw_cfg: a made file is new at each selection and keeps its size") {
    Fixture f;
    u8 value = 1;
    f.device.set_file_maker("m", [&] { return std::vector<u8>(value, value); });
    value = 3;
    f.select(FwCfg::kFirstFile);
    CHECK(f.text(2) == std::string("\3\0", 2));
    CHECK(f.device.file("m")->size() == 1);
}

TEST_CASE("fw_cfg: DMA selects, skips and reads") {
    Fixture f;
    f.device.set_item(0x77, {1, 2, 3, 4});
    CHECK(f.run(0x77u << 16 | kSelect | kSkip, 1, 0) == 0);
    CHECK(f.run(kRead, 5, 0x200) == 0);
    CHECK(std::vector<u8>(&f.ram.bytes[0x200], &f.ram.bytes[0x206]) == std::vector<u8>{2, 3, 4, 0, 0, 0xaa});
    CHECK(f.device.dma_ports().io_read(0, 4) == __builtin_bswap32(0x51454d55));
}

TEST_CASE("fw_cfg: DMA outside RAM, writes and endless lengths are errors, not more") {
    Fixture f;
    f.device.set_item(0x77, std::vector<u8>(100, 7));
    CHECK(f.run(0x77u << 16 | kSelect | kRead, 100, 0xfff0) == kError);
    CHECK(f.run(kRead, ~u32{0}, 0x1000) == kError);
    CHECK(f.run(kRead, 4, ~u64{0} - 1) == kError);
    CHECK(f.run(kWrite, 4, 0) == kError);
    CHECK(f.run(kSkip, ~u32{0}, 0) == 0);
    CHECK(f.run(kSkip, ~u32{0}, 0) == 0);
    CHECK(f.byte() == 0);
    f.device.dma_ports().io_write(0, 4, ~u32{0});
    f.device.dma_ports().io_write(4, 4, ~u32{0});  // a descriptor that is not there
}

TEST_CASE("fw_cfg: position and half-written DMA address survive saving") {
    Fixture a, b;
    a.device.set_item(0x77, {1, 2, 3});
    b.device.set_item(0x77, {1, 2, 3});
    a.select(0x77);
    a.byte();
    a.device.dma_ports().io_write(0, 4, 0x12345678);
    copy_state(a.device, b.device);
    CHECK(b.byte() == 2);
}
