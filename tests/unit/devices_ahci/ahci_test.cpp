#include "tests/unit/devices_ata/ide_rig.h"
#include "devices/ahci/ahci_controller.h"
#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

constexpr u32 kList = 0x1000, kReceived = 0x2000, kTable = 0x3000, kData = 0x8000;
constexpr u32 kPort1 = 0x180;  // register offsets of port 1
constexpr u32 kIs = kPort1 + 0x10, kIe = kPort1 + 0x14, kCmd = kPort1 + 0x18, kTfd = kPort1 + 0x20, kSig = kPort1 + 0x24,
              kSctl = kPort1 + 0x2c, kSerr = kPort1 + 0x30, kCi = kPort1 + 0x38;

const std::vector<u8> kContent = pattern(1000 * 512);

/// An adapter with a drive on port 1, set up as a driver does it.
struct Rig {
    explicit Rig(bool cdrom = false) : file(kContent) {
        auto image = std::make_unique<BlockQueue>(open_raw_image({file.path(), cdrom, false}).take(), work);
        if (cdrom) {
            auto drive = std::make_unique<AtapiCdrom>("SERIAL");
            drive->change_medium(std::move(image));
            adapter.port(1).plug(std::move(drive));
        } else {
            adapter.port(1).plug(std::make_unique<AtaDisk>(std::move(image), "SERIAL"));
        }
        space.emplace(io, mmio, std::vector<PciWindow>{{0x80000000, 0xfebfffff}}, &log);
        adapter.connect(&*space, IrqLine(irq, 0));
        adapter.reset(ResetKind::kPowerOn);
        adapter.config_write(0x24, 4, 0xf0000000);
        adapter.config_write(0x04, 2, 6);
        set(kPort1 + 0x00, kList);
        set(kPort1 + 0x08, kReceived);
        set(kSerr, ~0u);
        set(kIs, ~0u);
        set(kIe, 0x7dc0007f);
        set(0x08, ~0u);
        set(0x04, 2);
        set(kCmd, 0x10);
        set(kCmd, 0x11);
        set(kIs, ~0u);
        set(0x08, ~0u);
    }
    ~Rig() { adapter.connect(nullptr, IrqLine()); }
    u32 get(u32 offset) { return static_cast<u32>(mmio.read(0xf0000000 + offset, 4)); }
    void set(u32 offset, u32 value) { mmio.write(0xf0000000 + offset, 4, value); }
    void put(u32 at, u32 value) { std::memcpy(&ram.bytes[at], &value, 4); }

    /// Builds slot `slot`: a command FIS with its data at kData in two regions.
    void build(unsigned slot, const std::vector<u8>& fis, u32 bytes, u32 flags) {
        const u32 table = kTable + slot * 0x200;
        put(kList + slot * 32, 5 | flags | 2u << 16);
        put(kList + slot * 32 + 4, 0);
        put(kList + slot * 32 + 8, table);
        put(kList + slot * 32 + 12, 0);
        std::copy(fis.begin(), fis.end(), ram.bytes.begin() + table);
        const u32 first = bytes / 2 & ~1u;
        const u32 regions[] = {kData, 0, 0, first - 1, kData + first, 0, 0, bytes - first - 1};
        for (u32 i = 0; i < 8; ++i) put(table + 0x80 + 4 * i, regions[i]);
    }
    void issue(u32 slots) {
        set(kCi, slots);
        work.run_until([this] { return get(kCi) == 0 || (get(kIs) & 0x60000000) != 0; });
    }
    std::vector<u8> data(u32 bytes) { return {&ram.bytes[kData], &ram.bytes[kData + bytes]}; }

    DiskFile file;
    ManualWork work;
    RigRam ram;
    RigIrq irq;
    Log log{stderr, 0};
    IoBus io;
    MmioBus mmio;
    std::optional<PciAddressSpace> space;
    AhciController adapter{"ahci0", ram, log};
};

std::vector<u8> command(u8 code, u64 lba = 0, u16 count = 0, u8 features = 0) {
    const auto byte = [lba](int n) { return static_cast<u8>(lba >> 8 * n); };
    std::vector<u8> fis(20);
    const u8 first[] = {0x27, 0x80, code, features, byte(0), byte(1), byte(2), 0x40, byte(3), byte(4), byte(5), 0,
                        static_cast<u8>(count), static_cast<u8>(count >> 8)};
    std::copy(std::begin(first), std::end(first), fis.begin());
    return fis;
}

constexpr u32 kWrite = 1u << 6, kPacketFlag = 1u << 5;

std::vector<u8> part(u64 lba, u64 sectors) {
    const auto first = kContent.begin() + static_cast<long>(lba * 512);
    return {first, first + static_cast<long>(sectors * 512)};
}

}  // namespace

TEST_CASE("ahci: empty ports and a disk show in status and signature") {
    Rig rig;
    CHECK(rig.get(0x0c) == 0x3f);
    CHECK(rig.get(0x100 + 0x28) == 0);
    CHECK((rig.get(0x100 + 0x20) & 0xff) == 0x7f);
    CHECK(rig.get(kPort1 + 0x28) == 0x113);
    CHECK(rig.get(kSig) == 0x101);
    CHECK((rig.get(kTfd) & 0xff) == 0x50);
    Rig cd(true);
    CHECK(cd.get(kSig) == 0xeb140101);
}

TEST_CASE("ahci: IDENTIFY comes by PIO with its setup FIS and an interrupt") {
    Rig rig;
    rig.build(0, command(0xec), 512, 0);
    rig.issue(1);
    CHECK(rig.get(kIs) == 0x2);
    CHECK(rig.irq.level);
    CHECK(rig.ram.bytes[kReceived + 0x20] == 0x5f);
    CHECK(rig.ram.bytes[kReceived + 0x2f] == 0x50);
    CHECK(std::string(&rig.ram.bytes[kData + 20], &rig.ram.bytes[kData + 26]) == "ESIRLA");
    rig.set(kIs, ~0u);
    rig.set(0x08, ~0u);
    CHECK_FALSE(rig.irq.level);
}

TEST_CASE("ahci: with MSI enabled each cause sends a message and the pin stays low") {
    Rig rig;
    std::vector<std::pair<u64, u32>> messages;
    rig.space->set_on_message([&](u64 address, u32 data) { messages.emplace_back(address, data); });
    const std::pair<u64, u32> expected{0xfee01000, 0x4123};
    REQUIRE(rig.adapter.config_read(0x34, 1) == 0x80);
    CHECK(rig.adapter.config_read(0x80, 4) == 0x00000005);
    rig.adapter.config_write(0x84, 4, 0xfee01003);
    rig.adapter.config_write(0x88, 2, 0x4123);
    rig.adapter.config_write(0x82, 2, 0xffff);
    CHECK(rig.adapter.config_read(0x82, 2) == 1);
    rig.build(0, command(0xec), 512, 0);
    rig.issue(1);
    CHECK_FALSE(rig.irq.level);
    CHECK(messages == std::vector{expected});

    rig.set(0x08, ~0u);  // the port still has its reason
    CHECK(messages == std::vector{expected, expected});
    rig.set(kIs, ~0u);
    rig.set(0x08, ~0u);
    CHECK(messages.size() == 2);

    rig.adapter.config_write(0x04, 2, 2);  // no bus master: no message
    rig.build(0, command(0xec), 512, 0);
    rig.issue(1);
    CHECK(messages.size() == 2);
    rig.adapter.config_write(0x82, 2, 0);
    CHECK(rig.irq.level == ((rig.get(0x08) & 2) != 0));
}

TEST_CASE("ahci: several slots of DMA reads end one after the other with their byte counts") {
    Rig rig;
    rig.build(3, command(0x25, 100, 8), 4096, 0);
    rig.build(9, command(0xc8, 500, 2), 1024, 0);
    rig.issue(1u << 3);
    CHECK(rig.data(4096) == part(100, 8));
    rig.issue(1u << 9 | 1u << 3);
    CHECK(rig.data(1024) == part(500, 2));
    u32 moved = 0;
    std::memcpy(&moved, &rig.ram.bytes[kList + 3 * 32 + 4], 4);
    CHECK(moved == 4096);
    CHECK(rig.ram.bytes[kReceived + 0x40] == 0x34);
    CHECK((rig.get(kIs) & 1) == 1);
}

TEST_CASE("ahci: writes reach the image, by DMA and by PIO") {
    for (const u8 code : {u8{0x35}, u8{0x34}}) {
        Rig rig;
        std::fill_n(rig.ram.bytes.begin() + kData, 1536, 0x5a);
        rig.build(0, command(code, 7, 3), 1536, kWrite);
        rig.issue(1);
        CHECK((rig.get(kTfd) & 0xff) == 0x50);
        std::vector<u8> expected = kContent;
        std::fill_n(expected.begin() + 7 * 512, 1536, 0x5a);
        CHECK(rig.file.content() == expected);
    }
}

TEST_CASE("ahci: a failed command stops the port until ST is cleared") {
    Rig rig;
    rig.build(0, command(0x25, 5000, 1), 512, 0);
    rig.build(1, command(0x25, 0, 1), 512, 0);
    rig.issue(3);
    CHECK((rig.get(kIs) & 1u << 30) != 0);
    CHECK((rig.get(kTfd) & 1) == 1);
    CHECK(rig.get(kCi) == 3);
    rig.set(kCmd, 0x10);
    CHECK(rig.get(kCi) == 0);
    rig.set(kIs, ~0u);
    rig.set(kCmd, 0x11);
    rig.issue(2);
    CHECK(rig.data(512) == part(0, 1));
}

TEST_CASE("ahci: a command list outside of memory is a host bus error") {
    Rig rig;
    rig.set(kPort1, 0x7ff00000);
    rig.issue(1);
    CHECK((rig.get(kIs) & 1u << 29) != 0);
}

TEST_CASE("ahci: packets read the CD-ROM by DMA, and errors come with sense") {
    Rig rig(true);
    for (int attention = 0; attention < 3; ++attention) {  // power-on, medium
        rig.build(0, command(0xa0, 0, 0, 1), 18, kPacketFlag);
        rig.ram.bytes[kTable + 0x40] = 0x03;
        rig.ram.bytes[kTable + 0x44] = 18;
        rig.issue(1);
        rig.set(kIs, ~0u);
    }
    rig.build(0, command(0xa0, 0, 0, 1), 4096, kPacketFlag);
    std::fill_n(rig.ram.bytes.begin() + kTable + 0x40, 16, u8{0});
    rig.ram.bytes[kTable + 0x40] = 0x28;  // READ(10) of two sectors from 5 on
    rig.ram.bytes[kTable + 0x45] = 5;
    rig.ram.bytes[kTable + 0x48] = 2;
    rig.issue(1);
    CHECK(rig.data(4096) == part(20, 8));
    rig.ram.bytes[kTable + 0x44] = 0xff;  // far beyond the end
    rig.issue(1);
    CHECK((rig.get(kIs) & 1u << 30) != 0);
    CHECK(rig.get(kTfd) >> 12 == 5);  // illegal request
}

TEST_CASE("ahci: COMRESET and software reset bring the signature back") {
    Rig rig;
    rig.set(kSctl, 0x301);
    CHECK(rig.get(kPort1 + 0x28) == 0);
    rig.set(kSctl, 0x300);
    CHECK(rig.get(kPort1 + 0x28) == 0x113);
    CHECK((rig.get(kSerr) & 1u << 26) != 0);
    CHECK((rig.get(kIs) & 1u << 6) != 0);
    rig.set(kSerr, ~0u);
    CHECK(rig.get(kIs) == 0);
    std::vector<u8> reset(20);
    reset[0] = 0x27;
    reset[15] = 0x04;
    rig.build(0, reset, 512, 0);
    rig.issue(1);
    CHECK((rig.get(kTfd) & 0x80) != 0);
    reset[15] = 0;
    rig.build(0, reset, 512, 0);
    rig.issue(1);
    CHECK((rig.get(kTfd) & 0xff) == 0x50);
    CHECK(rig.get(kSig) == 0x101);
}

TEST_CASE("ahci: any sequence of accesses leaves an adapter that works after a reset") {
    for (const bool cdrom : {false, true}) {
        Rig rig(cdrom);
        u64 state = 11;
        const auto next = [&] { return static_cast<u32>((state = state * 6364136223846793005 + 1442695040888963407) >> 33); };
        for (int i = 0; i < 40000; ++i) {
            rig.put(kTable + next() % 0xa0 / 4 * 4, next());
            rig.put(kTable, 0x27u | 0x80u << 8 | next() << 16);
            rig.put(kTable + 0x80, next() % 8 == 0 ? next() : kData);
            rig.put(kList, next() % 4 == 0 ? next() : 5 | (next() % 3) << 16 | (next() & 0x60));
            rig.put(kList + 8, kTable);
            const u32 at = next() % 4 == 0 ? next() % 0x400 / 4 * 4 : kCi;
            if (at != kPort1 && at != kPort1 + 8) rig.set(at, at == kCi ? 1 : next());
            rig.get(next() % 0x400 / 4 * 4);
            if (next() % 16 == 0) rig.set(kCmd, 0x10);
            if (next() % 16 == 0) rig.set(kCmd, 0x11);
            rig.work.run_waiting();
        }
        rig.set(0x04, 1);
        CHECK(rig.get(kPort1 + 0x28) == 0x113);
        CHECK(rig.get(kCi) == 0);
        rig.set(kPort1, kList);
        rig.set(kCmd, 0x11);
        rig.build(0, command(cdrom ? 0xa1 : 0xec), 512, 0);
        rig.issue(1);
        CHECK(rig.get(kCi) == 0);
    }
}

TEST_CASE("ahci: state round trip with a command under way, which the new adapter finishes") {
    Rig a, b;
    a.build(0, command(0x25, 64, 4), 2048, 0);
    b.ram.bytes = a.ram.bytes;
    a.set(kCi, 1);
    copy_state(a.adapter, b.adapter);
    b.work.run_until([&] { return b.get(kCi) == 0; });
    CHECK(b.data(2048) == part(64, 4));
}
