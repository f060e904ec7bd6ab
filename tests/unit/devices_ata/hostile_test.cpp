#include "devices/ata/piix3_ide.h"
#include "ide_rig.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

class Random {
  public:
    explicit Random(u64 seed) : state_(seed) {}
    u32 next() {
        state_ = state_ * 6364136223846793005 + 1442695040888963407;
        return static_cast<u32>(state_ >> 33);
    }

  private:
    u64 state_;
};

/// Registers, data, commands, packets, descriptors and resets in any order.
void torment(IdeRig& rig, u64 seed) {
    Random random(seed);
    for (int i = 0; i < 30000; ++i) {
        const u16 reg = static_cast<u16>(random.next() % 8);
        const unsigned size = 1u << random.next() % 3;
        switch (random.next() % 10) {
            case 0:
                rig.channel.control_port().io_write(0, 1, random.next() % 16 == 0 ? random.next() : 0);
                break;
            case 1:
                rig.channel.write_bus_master(reg, static_cast<u8>(random.next()));
                break;
            case 2:
                rig.start_master({{random.next() % 0x180000, static_cast<u16>(random.next())}, {0, 0}}, random.next() % 2 == 0);
                break;
            case 3:
                rig.packet_bytes(random.next() % 256, random.next());
                break;
            case 4:
                for (int n = 0; n < 64; ++n) rig.channel.command_ports().io_read(0, size);
                break;
            case 5:
                rig.out(ata::kStatusCommand, random.next());
                break;
            case 6:
                rig.channel.command_ports().io_read(reg, size);
                break;
            case 7:
                rig.work.run_waiting();
                break;
            default:
                rig.channel.command_ports().io_write(reg, size, random.next());
        }
    }
}

}  // namespace

TEST_CASE("any sequence of accesses leaves a disk that works after a reset, and its image as large as it was") {
    IdeRig rig(pattern(200 * 512));
    torment(rig, 1);
    rig.channel.reset(ResetKind::kWarm);
    rig.command(ata::kIdentify);
    CHECK(rig.wait() == 0x58);
    CHECK(rig.file.content().size() == 200 * 512);
}

TEST_CASE("any sequence of accesses leaves a CD-ROM drive that works after a reset") {
    IdeRig rig(pattern(50 * 2048), true);
    torment(rig, 2);
    rig.channel.reset(ResetKind::kWarm);
    rig.cd->change_medium(rig.open(true));
    rig.packet({0x03, 0, 0, 0, 18});
    CHECK(rig.packet({0x28, 0, 0, 0, 0, 0, 0, 0, 1}).size() == 2048);
    CHECK(rig.file.content() == pattern(50 * 2048));
}

TEST_CASE("loading any bytes never breaks a drive") {
    for (const bool cdrom : {false, true}) {
        IdeRig source(pattern(50 * 2048), cdrom, true);
        source.address(1, 3, false);
        source.command(cdrom ? ata::kPacket : ata::kReadSectors);
        StateArchive saved = StateArchive::saver();
        source.channel.visit(saved);
        Random random(3);
        for (int i = 0; i < 150; ++i) {
            std::vector<u8> bytes = saved.bytes();
            bytes[random.next() % bytes.size()] = static_cast<u8>(random.next());
            IdeRig target(pattern(50 * 2048), cdrom, true);
            StateArchive load = StateArchive::loader(bytes);
            target.channel.visit(load);
            target.read_data(3000);
            target.write_data(std::vector<u8>(600));
            target.start_master({{0, 0}}, i % 2 == 0);
            target.work.run_waiting();
        }
    }
}

TEST_CASE("piix3 ide: legacy ports answer when both enables are set") {
    RigRam ram;
    std::array<bool, 2> decoded{};
    Piix3Ide ide({IrqLine(), IrqLine()}, ram, [&](unsigned n, bool on) { decoded[n] = on; });
    CHECK(decoded == std::array<bool, 2>{false, false});
    ide.config_write(0x42, 2, 0);
    ide.config_write(kPciCommand, 2, 1);
    CHECK(decoded == std::array<bool, 2>{true, false});
    ide.config_write(0x42, 2, 0x8000);
    CHECK(decoded == std::array<bool, 2>{true, true});
    ide.config_write(kPciCommand, 2, 0);
    CHECK(decoded == std::array<bool, 2>{false, false});
    ide.enable();
    CHECK(decoded == std::array<bool, 2>{true, true});
    ide.reset(ResetKind::kWarm);
    CHECK(decoded == std::array<bool, 2>{false, false});
}
