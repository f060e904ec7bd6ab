#include "ide_rig.h"
#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>

using namespace twin86;
using namespace twin86::ata;

namespace {

const std::vector<u8> kContent = pattern(100 * 2048);
constexpr u8 kGood = kReady | kSeekComplete;

std::vector<u8> blocks(u64 first, u64 count) {
    return {kContent.begin() + static_cast<long>(first * 2048), kContent.begin() + static_cast<long>((first + count) * 2048)};
}

struct CdRig : IdeRig {
    CdRig() : IdeRig(kContent, true) {
        packet({0x00});  // takes the unit attentions
        packet({0x00});
    }
    /// Key and additional code of the last failure.
    std::pair<u8, u8> sense() {
        const std::vector<u8> s = packet({0x03, 0, 0, 0, 18});
        return {s.at(2), s.at(12)};
    }
};

using Sense = std::pair<u8, u8>;

}  // namespace

TEST_CASE("cdrom: the signature tells it from a disk; IDENTIFY DEVICE fails") {
    IdeRig rig(kContent, true);
    CHECK(rig.in(kLbaMid) == 0x14);
    CHECK(rig.in(kLbaHigh) == 0xeb);
    rig.command(kIdentify);
    CHECK(rig.wait() == (kGood | kError));
    rig.command(kIdentifyPacket);
    CHECK(rig.wait() == (kGood | kDataRequest));
    CHECK(rig.read_data(512)[1] == 0x85);
}

TEST_CASE("cdrom: unit attention comes once") {
    IdeRig rig(kContent, true);
    rig.packet({0x00});
    CHECK(rig.alternate_status() == (kGood | kError));
    CHECK(rig.in(kErrorFeatures) >> 4 == 6);
    rig.packet({0x00});
    CHECK(rig.alternate_status() == kGood);
}

TEST_CASE("cdrom: reads by PIO in pieces of the host's byte count") {
    CdRig rig;
    for (const u16 limit : {u16{2048}, u16{0xfffe}, u16{0xffff}, u16{0}, u16{1000}, u16{1}})
        CHECK(rig.packet({0x28, 0, 0, 0, 0, 5, 0, 0, 3}, limit) == blocks(5, 3));
    CHECK(rig.packet({0xa8, 0, 0, 0, 0, 10, 0, 0, 0, 90}) == blocks(10, 90));
    CHECK(rig.packet({0xbe, 0, 0, 0, 0, 7, 0, 0, 1, 0x10}) == blocks(7, 1));
    CHECK(rig.alternate_status() == kGood);
    CHECK((rig.in(kSectorCount) & 3) == 3);
}

TEST_CASE("cdrom: reads by DMA") {
    CdRig rig;
    rig.out(kErrorFeatures, 1);
    rig.command(kPacket);
    const std::vector<u8> cdb{0x28, 0, 0, 0, 0, 2, 0, 0, 100 - 2, 0, 0, 0};
    rig.write_data(cdb);
    rig.start_master({{0x10000, 0}, {0x20000, 0}, {0x30000, 0}, {0x40000, 98 * 2048 - 3 * 65536}}, true);
    CHECK(rig.wait() == kGood);
    CHECK((rig.master_status() & 7) == 4);
    CHECK(std::vector<u8>(&rig.ram.bytes[0x10000], &rig.ram.bytes[0x10000 + 98 * 2048]) == blocks(2, 98));
}

TEST_CASE("cdrom: capacity, table of contents, inquiry, configuration, mode pages") {
    CdRig rig;
    CHECK(rig.packet({0x25}) == std::vector<u8>{0, 0, 0, 99, 0, 0, 8, 0});
    const std::vector<u8> toc = rig.packet({0x43, 0, 0, 0, 0, 0, 0, 0, 255});
    REQUIRE(toc.size() == 20);
    CHECK(toc[1] == 18);
    CHECK(toc[14] == 0xaa);
    CHECK(toc[19] == 100);
    const std::vector<u8> inquiry = rig.packet({0x12, 0, 0, 0, 36});
    CHECK(inquiry.size() == 36);
    CHECK(inquiry[0] == 5);
    CHECK(rig.packet({0x12, 0, 0, 0, 5}).size() == 5);
    CHECK(rig.packet({0x46, 0, 0, 0, 0, 0, 0, 0, 8})[7] == 0x08);
    CHECK(rig.packet({0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255}).size() == 28);
}

TEST_CASE("cdrom: wrong commands, addresses and fields are refused with their sense") {
    CdRig rig;
    CHECK(rig.packet({0x28, 0, 0, 0, 0, 99, 0, 0, 2}).empty());
    CHECK(rig.sense() == Sense{5, 0x21});
    CHECK(rig.packet({0xa8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).empty());
    CHECK(rig.sense() == Sense{5, 0x21});
    rig.packet({0xff});
    CHECK(rig.sense() == Sense{5, 0x20});
    rig.packet({0x43, 0, 0, 0, 0, 0, 9, 0, 255});
    CHECK(rig.sense() == Sense{5, 0x24});
    CHECK(rig.sense() == Sense{0, 0});
}

TEST_CASE("cdrom: eject and change by the guest and from outside") {
    CdRig rig;
    rig.packet({0x1e, 0, 0, 0, 1});
    CHECK(rig.cd->locked());
    rig.packet({0x1b, 0, 0, 0, 2});
    CHECK(rig.sense() == Sense{5, 0x53});
    rig.packet({0x1e, 0, 0, 0, 0});
    rig.packet({0x1b, 0, 0, 0, 2});
    CHECK_FALSE(rig.cd->has_medium());
    rig.packet({0x25});
    CHECK(rig.sense() == Sense{2, 0x3a});
    rig.cd->change_medium(rig.open(true));
    const std::vector<u8> event = rig.packet({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
    CHECK(event.at(4) == 2);
    rig.packet({0x25});
    CHECK(rig.sense() == Sense{6, 0x28});
    CHECK(rig.packet({0x28, 0, 0, 0, 0, 1, 0, 0, 1}) == blocks(1, 1));
}

TEST_CASE("cdrom: a medium that goes away during a read ends the command") {
    CdRig rig;
    rig.out(kErrorFeatures, 0);
    rig.command(kPacket);
    rig.write_data(std::vector<u8>{0x28, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0});
    rig.cd->change_medium(nullptr);
    CHECK(rig.wait() == (kGood | kError));
}

TEST_CASE("cdrom: state in the middle of an answer goes on in another machine") {
    CdRig a, b;
    a.out(kErrorFeatures, 0);
    a.out(kLbaMid, 0);
    a.out(kLbaHigh, 8);
    a.command(kPacket);
    a.write_data(std::vector<u8>{0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0, 0, 0});
    a.wait();
    a.read_data(1000);
    copy_state(a.channel, b.channel);
    const std::vector<u8> rest = b.read_data(4096 - 1000);
    CHECK(rest == without(blocks(3, 2), 1000));
}

TEST_CASE("cdrom: state loads after an answer and another command") {
    CdRig a, b;
    a.packet({0x12, 0, 0, 0, 36});
    a.command(kCheckPowerMode);
    copy_state(a.channel, b.channel);
}

TEST_CASE("cdrom: a command that the busy drive does not take leaves its request for DMA") {
    CdRig rig;
    rig.out(kErrorFeatures, 1);
    rig.command(kPacket);
    rig.write_data(std::vector<u8>{0x12, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0});
    REQUIRE(rig.alternate_status() == kBusy);
    rig.command(kIdentifyPacket);
    rig.start_master({{0x2000, 36}}, true);
    CHECK(rig.alternate_status() == kGood);
    CHECK(rig.ram.bytes[0x2000] == 0x05);
}
