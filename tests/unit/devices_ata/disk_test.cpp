#include "ide_rig.h"
#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>

using namespace twin86;
using namespace twin86::ata;

namespace {

const std::vector<u8> kContent = pattern(1000 * 512);

std::vector<u8> sectors(u64 first, u64 count) {
    return {kContent.begin() + static_cast<long>(first * 512), kContent.begin() + static_cast<long>((first + count) * 512)};
}

u16 word(const std::vector<u8>& data, std::size_t n) {
    return static_cast<u16>(data[n * 2] | data[n * 2 + 1] << 8);
}

constexpr u8 kGood = kReady | kSeekComplete;

}  // namespace

TEST_CASE("disk: a driver finds it by its registers and IDENTIFY DEVICE") {
    IdeRig rig(kContent);
    rig.out(kSectorCount, 0x55);
    rig.out(kLbaLow, 0xaa);
    CHECK(rig.in(kSectorCount) == 0x55);
    CHECK(rig.in(kLbaLow) == 0xaa);
    rig.command(kIdentify);
    CHECK(rig.wait() == (kGood | kDataRequest));
    CHECK(rig.irq.level);
    const std::vector<u8> id = rig.read_data(512);
    CHECK(rig.in(kStatusCommand) == kGood);
    CHECK_FALSE(rig.irq.level);
    CHECK(word(id, 60) == 1000);
    CHECK(word(id, 100) == 1000);
    CHECK(word(id, 27) == ('T' << 8 | 'W'));
    CHECK((word(id, 83) & 0xc000) == 0x4000);
}

TEST_CASE("disk: nobody answers for the other device") {
    IdeRig rig(kContent);
    rig.out(kDeviceReg, kDeviceSelect);
    rig.out(kSectorCount, 0x55);
    CHECK(rig.in(kSectorCount) == 0);
    CHECK(rig.in(kStatusCommand) == 0);
    rig.command(kIdentify);
    CHECK(rig.alternate_status() == 0);
}

TEST_CASE("disk: PIO reads by LBA, by 48 bits, by cylinder and in multiples give the same sectors") {
    IdeRig rig(kContent);
    const auto read = [&](u16 count, unsigned per_interrupt) {
        std::vector<u8> all;
        for (unsigned done = 0; done < count; done += per_interrupt) {
            REQUIRE(rig.wait() == (kGood | kDataRequest));
            CHECK(rig.irq.level);
            rig.in(kStatusCommand);
            const auto piece = rig.read_data(std::min<std::size_t>(per_interrupt, count - done) * 512);
            all.insert(all.end(), piece.begin(), piece.end());
        }
        CHECK(rig.alternate_status() == kGood);
        return all;
    };
    rig.address(63, 3, false);
    rig.command(kReadSectors);
    CHECK(read(3, 1) == sectors(63, 3));
    rig.address(500, 300, true);
    rig.command(kReadSectorsExt);
    CHECK(read(300, 1) == sectors(500, 300));
    rig.out(kSectorCount, 8);
    rig.command(kSetMultiple);
    rig.address(10, 20, false);
    rig.command(kReadMultiple);
    CHECK(read(20, 8) == sectors(10, 20));
    rig.address(0, 1, false);
    rig.out(kLbaLow, 2);   // sector 2
    rig.out(kDeviceReg, 1);  // head 1
    rig.command(kReadSectors);
    CHECK(read(1, 1) == sectors(64, 1));
}

TEST_CASE("disk: PIO writes reach the image, a flush follows them") {
    IdeRig rig(kContent);
    const std::vector<u8> data = pattern(2048);
    rig.address(7, 2, false);
    rig.command(kWriteSectors);
    CHECK(rig.alternate_status() == (kGood | kDataRequest));
    CHECK_FALSE(rig.irq.level);
    rig.write_data({data.data(), 512});
    CHECK(rig.wait() == (kGood | kDataRequest));
    CHECK(rig.irq.level);
    rig.write_data({data.data() + 512, 512});
    CHECK(rig.wait() == kGood);
    rig.command(kFlushCacheExt);
    CHECK(rig.wait() == kGood);
    std::vector<u8> expected = kContent;
    std::copy_n(data.begin(), 1024, expected.begin() + 7 * 512);
    CHECK(rig.file.content() == expected);
}

TEST_CASE("disk: DMA reads scatter, whichever of command and engine comes first") {
    for (const bool engine_first : {false, true}) {
        IdeRig rig(kContent);
        const std::vector<std::pair<u32, u16>> regions{{0x2000, 512}, {0x8000, 1024}};
        rig.address(20, 3, false);
        if (engine_first) rig.start_master(regions, true);
        rig.command(kReadDma);
        CHECK((rig.alternate_status() & kBusy) != 0);
        if (!engine_first) rig.start_master(regions, true);
        CHECK(rig.wait() == kGood);
        CHECK(rig.irq.level);
        CHECK((rig.master_status() & 7) == 4);
        CHECK(std::vector<u8>(&rig.ram.bytes[0x2000], &rig.ram.bytes[0x2200]) == sectors(20, 1));
        CHECK(std::vector<u8>(&rig.ram.bytes[0x8000], &rig.ram.bytes[0x8400]) == sectors(21, 2));
    }
}

TEST_CASE("disk: DMA writes gather; long ones go in pieces") {
    IdeRig rig(kContent);
    const std::vector<u8> data = pattern(400 * 512);
    std::copy(data.begin(), data.end(), rig.ram.bytes.begin() + 0x10000);
    rig.start_master({{0x10000, 0}, {0x20000, 0}, {0x30000, 0}, {0x40000, 8192}}, false);
    rig.address(100, 400, true);
    rig.command(kWriteDmaExt);
    CHECK(rig.wait() == kGood);
    CHECK((rig.master_status() & 7) == 4);
    std::vector<u8> expected = kContent;
    std::copy(data.begin(), data.end(), expected.begin() + 100 * 512);
    CHECK(rig.file.content() == expected);
}

TEST_CASE("disk: descriptors that are too short, missing or not allowed leave it busy until a reset") {
    IdeRig rig(kContent);
    const auto reset = [&] {
        rig.channel.control_port().io_write(0, 1, kSoftReset);
        CHECK(rig.alternate_status() == kBusy);
        rig.channel.control_port().io_write(0, 1, 0);
        CHECK(rig.alternate_status() == kGood);
        CHECK(rig.in(kErrorFeatures) == kDiagnosticPassed);
        rig.channel.write_bus_master(0, 0);
    };
    rig.address(0, 4, false);
    rig.command(kReadDma);
    rig.start_master({{0x2000, 512}}, true);
    rig.work.run_until([&] { return (rig.master_status() & 1) == 0; });
    CHECK((rig.alternate_status() & kBusy) != 0);
    CHECK((rig.master_status() & 6) == 0);
    reset();
    rig.may_master = false;
    rig.address(0, 1, false);
    rig.command(kReadDma);
    rig.start_master({{0x2000, 512}}, true);
    CHECK((rig.alternate_status() & kBusy) != 0);
    rig.may_master = true;
    rig.channel.master_enable_changed();
    CHECK(rig.wait() == kGood);
    rig.address(0, 1, false);
    rig.start_master({{0xfff00000, 512}}, true);
    rig.command(kReadDma);
    rig.work.run_until([&] { return (rig.master_status() & 2) != 0; });
    CHECK((rig.alternate_status() & kBusy) != 0);
    CHECK((rig.master_status() & 1) == 0);
    reset();
}

TEST_CASE("disk: sectors that do not exist, unknown commands and writes to a read-only image end with an error") {
    IdeRig rig(kContent, false, true);
    const auto error_of = [&](u64 lba, u16 count, u8 command) {
        rig.address(lba, count, true);
        rig.command(command);
        CHECK(rig.wait() == (kGood | kError));
        CHECK(rig.irq.level);
        return rig.in(kErrorFeatures);
    };
    CHECK(error_of(1000, 1, kReadSectorsExt) == kIdNotFound);
    CHECK(error_of(999, 2, kReadDmaExt) == kIdNotFound);
    CHECK(error_of(0xffffffffffff, 0, kReadSectorsExt) == kIdNotFound);
    CHECK(error_of(0, 1, kWriteSectorsExt) == kAbort);
    CHECK(error_of(0, 1, kReadMultipleExt) == kAbort);
    CHECK(error_of(0, 1, kPacket) == kAbort);
    CHECK(error_of(0, 1, 0xff) == kAbort);
    CHECK(rig.file.content() == kContent);
}

TEST_CASE("disk: TRIM makes zeroes of its ranges") {
    IdeRig rig(kContent);
    const u64 ranges[2] = {u64{5} << 48 | 10, u64{1} << 48 | 999};
    std::memcpy(&rig.ram.bytes[0x2000], ranges, sizeof ranges);
    rig.start_master({{0x2000, 512}}, false);
    rig.address(0, 1, false);
    rig.out(kErrorFeatures, 1);
    rig.command(kDataSetManagement);
    CHECK(rig.wait() == kGood);
    std::vector<u8> expected = kContent;
    std::fill_n(expected.begin() + 10 * 512, 5 * 512, 0);
    std::fill_n(expected.begin() + 999 * 512, 512, 0);
    CHECK(rig.file.content() == expected);
}

TEST_CASE("disk: no interrupt reaches the line while nIEN is set, nor from the device that is not selected") {
    IdeRig rig(kContent);
    rig.channel.control_port().io_write(0, 1, kNoInterrupt);
    rig.command(kIdentify);
    CHECK_FALSE(rig.irq.level);
    rig.channel.control_port().io_write(0, 1, 0);
    CHECK(rig.irq.level);
    rig.out(kDeviceReg, kDeviceSelect);
    CHECK_FALSE(rig.irq.level);
}

TEST_CASE("disk: state in the middle of a PIO read and of a DMA read goes on in another machine") {
    IdeRig a(kContent, false, true);
    a.address(3, 2, false);
    a.command(kReadSectors);
    a.wait();
    a.read_data(100);
    IdeRig b(kContent, false, true);
    copy_state(a.channel, b.channel);
    std::vector<u8> rest = b.read_data(1024 - 100);
    CHECK(rest == without(sectors(3, 2), 100));
    a.read_data(1024 - 100);

    a.address(5, 1, false);
    a.command(kReadDma);
    IdeRig c(kContent, false, true);
    copy_state(a.channel, c.channel);
    c.start_master({{0x2000, 512}}, true);
    CHECK(c.wait() == kGood);
    CHECK(std::vector<u8>(&c.ram.bytes[0x2000], &c.ram.bytes[0x2200]) == sectors(5, 1));
}

TEST_CASE("disk: state loads after a command for sectors that there are not, and after one up to the last") {
    for (const u16 lba : {60000, 998}) {
        IdeRig a(kContent, false, true), b(kContent, false, true);
        a.address(lba, 2, false);
        a.command(kReadSectors);
        a.wait();
        a.read_data(1024);
        copy_state(a.channel, b.channel);
        CHECK(b.alternate_status() == a.alternate_status());
    }
}

TEST_CASE("disk: state loads after a reset with sectors read ahead") {
    IdeRig a(kContent, false, true), b(kContent, false, true);
    a.address(3, 8, false);
    a.command(kReadSectors);
    a.wait();
    a.read_data(512);
    a.channel.reset(ResetKind::kWarm);
    copy_state(a.channel, b.channel);
}

TEST_CASE("disk: a DMA whose descriptors end early stays busy, here and where its state is loaded") {
    for (const u8 command : {kReadDma, kWriteDma}) {
        IdeRig a(kContent), b(kContent, false, true);
        a.start_master({{0x2000, 512}}, command == kReadDma);
        a.address(5, 2, false);
        a.command(command);
        const auto first = [&a] { return std::vector<u8>(&a.ram.bytes[0x2000], &a.ram.bytes[0x2200]) == sectors(5, 1); };
        if (command == kReadDma) a.work.run_until(first);
        else a.work.run_waiting();
        copy_state(a.channel, b.channel);
        b.work.run_waiting();
        for (IdeRig* rig : {&a, &b}) {
            CHECK(rig->alternate_status() == kBusy);
            CHECK_FALSE(rig->irq.level);
            rig->channel.reset(ResetKind::kWarm);
            CHECK(rig->alternate_status() == kGood);
        }
    }
}
