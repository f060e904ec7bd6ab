#include "devices/floppy/fdc_82077aa.h"
#include "tests/unit/devices_block/disk_file.h"
#include "tests/unit/devices_block/manual_work.h"
#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct Ram : DmaView {
    bool dma_read(Gpa address, std::span<u8> to) override {
        if (address + to.size() > bytes.size()) return false;
        std::copy_n(bytes.begin() + static_cast<long>(address), to.size(), to.begin());
        return true;
    }
    bool dma_write(Gpa address, std::span<const u8> from) override {
        if (address + from.size() > bytes.size()) return false;
        std::copy(from.begin(), from.end(), bytes.begin() + static_cast<long>(address));
        return true;
    }
    std::vector<u8> bytes = std::vector<u8>(0x20000);
};

struct Irq : IrqSink {
    void set_level(unsigned, bool now) override { level = now; }
    bool level = false;
};

std::vector<u8> pattern(std::size_t size) {
    std::vector<u8> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<u8>(i * 7 + i / 512);
    return bytes;
}

const std::vector<u8> kContent = pattern(1440 * 1024);
constexpr u16 kDor = 2, kMsr = 4, kFifo = 5;

struct Rig {
    explicit Rig(std::size_t size = 1440 * 1024, bool read_only = false) : file(pattern(size)) {
        fdc.drive(0).change_medium(
            std::make_unique<BlockQueue>(open_raw_image({file.path(), read_only, false}).take(), work));
        fdc.reset(ResetKind::kPowerOn);
        fdc.io_write(kDor, 1, 0x1c);
        for (int drive = 0; drive < 4; ++drive) run({0x08});
        run({0x03, 0xaf, 0x02});
    }
    /// Writes a command, waits for its end, reads the result.
    std::vector<u8> run(const std::vector<u8>& command) {
        for (const u8 byte : command) fdc.io_write(kFifo, 1, byte);
        work.run_until([this] { return (fdc.io_read(kMsr, 1) & 0x80) != 0; });
        std::vector<u8> result;
        while ((fdc.io_read(kMsr, 1) & 0x40) != 0) result.push_back(static_cast<u8>(fdc.io_read(kFifo, 1)));
        return result;
    }
    void seek(u8 cylinder) {
        run({0x0f, 0, cylinder});
        CHECK(irq.level);
        CHECK(run({0x08}) == std::vector<u8>{0x20, cylinder});
    }
    /// Channel 2 from address 0x1000 on.
    void program_dma(u8 mode, std::size_t bytes) {
        IoHandler& p = dma.low_ports();
        const u16 count = static_cast<u16>(bytes - 1);
        p.io_write(12, 1, 0);
        p.io_write(11, 1, mode | 2u);
        for (const u32 value : {0x00u, 0x10u}) p.io_write(4, 1, value);
        for (const u32 value : {count & 0xffu, count >> 8 & 0xffu}) p.io_write(5, 1, value);
        dma.page_ports().io_write(1, 1, 0);
        p.io_write(10, 1, 2);
    }

    DiskFile file;
    ManualWork work;
    Ram ram;
    Irq irq;
    Log log{stderr, 0};
    Dma8237 dma{ram};
    Fdc82077aa fdc{IrqLine(irq, 6), dma, log};
};

constexpr u8 kToMemory = 0x44, kFromMemory = 0x48;

}  // namespace

TEST_CASE("fdc: reset interrupts once for each drive, then there is nothing to sense") {
    Rig rig;
    rig.fdc.io_write(kDor, 1, 0x18);
    CHECK(rig.fdc.io_read(kMsr, 1) == 0);
    rig.fdc.io_write(kDor, 1, 0x1c);
    CHECK(rig.irq.level);
    for (u8 drive = 0; drive < 4; ++drive) CHECK(rig.run({0x08}) == std::vector<u8>{static_cast<u8>(0xc0 | drive), 0});
    CHECK_FALSE(rig.irq.level);
    CHECK(rig.run({0x08}) == std::vector<u8>{0x80});
    CHECK(rig.run({0x10}) == std::vector<u8>{0x90});
    CHECK(rig.run({0xff}) == std::vector<u8>{0x80});
}

TEST_CASE("fdc: reads across the heads of a cylinder until the terminal count") {
    Rig rig;
    rig.seek(3);
    rig.program_dma(kToMemory, 20 * 512);
    const std::vector<u8> result = rig.run({0xe6, 0, 3, 0, 17, 2, 18, 0x1b, 0xff});
    CHECK(result == std::vector<u8>{0x00, 0, 0, 4, 0, 1, 2});
    const auto first = kContent.begin() + (3 * 36 + 16) * 512;
    CHECK(std::vector<u8>(&rig.ram.bytes[0x1000], &rig.ram.bytes[0x1000 + 20 * 512]) == std::vector<u8>(first, first + 20 * 512));
}

TEST_CASE("fdc: implied seeks move the head before data, when CONFIGURE asks for them") {
    Rig rig;
    rig.program_dma(kToMemory, 512);
    rig.run({0x13, 0, 0x40, 0});
    CHECK(rig.run({0x46, 0, 7, 0, 1, 2, 18, 0x1b, 0xff})[1] == 0);
    const auto first = kContent.begin() + 7 * 36 * 512;
    CHECK(std::vector<u8>(&rig.ram.bytes[0x1000], &rig.ram.bytes[0x1200]) == std::vector<u8>(first, first + 512));
}

TEST_CASE("fdc: writes reach the image; a write-protected one refuses them") {
    Rig rig;
    std::fill_n(rig.ram.bytes.begin() + 0x1000, 512, 0x5a);
    rig.program_dma(kFromMemory, 512);
    CHECK(rig.run({0x45, 4, 0, 1, 2, 2, 18, 0x1b, 0xff})[1] == 0);
    std::vector<u8> expected = kContent;
    std::fill_n(expected.begin() + 19 * 512, 512, 0x5a);
    CHECK(rig.file.content() == expected);
    Rig locked(1440 * 1024, true);
    locked.program_dma(kFromMemory, 512);
    CHECK(locked.run({0x45, 4, 0, 1, 2, 2, 18, 0x1b, 0xff})[1] == 0x02);
    CHECK(locked.file.content() == kContent);
    CHECK((locked.run({0x04, 0})[0] & 0x40) != 0);
}

TEST_CASE("fdc: what is not there is refused with its status") {
    Rig rig;
    rig.program_dma(kToMemory, 512);
    CHECK(rig.run({0x46, 0, 0, 0, 19, 2, 18, 0x1b, 0xff})[1] == 0x04);  // no such sector
    CHECK(rig.run({0x46, 0, 5, 0, 1, 2, 18, 0x1b, 0xff})[1] == 0x04);   // not where the head is
    CHECK(rig.run({0x46, 1, 0, 0, 1, 2, 18, 0x1b, 0xff})[1] == 0x01);   // no disk in drive B
    CHECK(rig.run({0x46, 3, 0, 0, 1, 2, 18, 0x1b, 0xff})[1] == 0x01);   // no drive
    rig.program_dma(kToMemory, 8192);
    CHECK(rig.run({0x46, 0, 0, 0, 18, 2, 18, 0x1b, 0xff})[1] == 0x80);  // beyond the track
    rig.run({0x03, 0xaf, 0x03});
    CHECK(rig.run({0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff})[0] == 0x40);   // without DMA
}

TEST_CASE("fdc: the change line is cleared by a step, an image that ends early reads as zeroes") {
    Rig rig(600 * 512);
    CHECK(rig.fdc.dir_port().io_read(0, 1) == 0x80);
    rig.seek(20);
    CHECK(rig.fdc.dir_port().io_read(0, 1) == 0x00);
    std::fill(rig.ram.bytes.begin(), rig.ram.bytes.end(), 0xee);
    rig.program_dma(kToMemory, 512);
    CHECK(rig.run({0x46, 0, 20, 0, 1, 2, 18, 0x1b, 0xff})[0] == 0x00);
    CHECK(std::vector<u8>(&rig.ram.bytes[0x1000], &rig.ram.bytes[0x1200]) == std::vector<u8>(512, 0));
}

TEST_CASE("fdc: formatting fills the track") {
    Rig rig;
    rig.seek(1);
    rig.program_dma(kFromMemory, 72);
    CHECK(rig.run({0x4d, 4, 2, 18, 0x6c, 0xf6})[1] == 0);
    std::vector<u8> expected = kContent;
    std::fill_n(expected.begin() + (36 + 18) * 512, 18 * 512, 0xf6);
    CHECK(rig.file.content() == expected);
}

TEST_CASE("fdc: any sequence of accesses leaves a controller that works after a reset") {
    Rig rig;
    u64 state = 7;
    const auto next = [&] { return static_cast<u32>((state = state * 6364136223846793005 + 1442695040888963407) >> 33); };
    for (int i = 0; i < 30000; ++i) {
        if (next() % 4 == 0) rig.program_dma(static_cast<u8>(next()), next() % 4096 + 1);
        rig.fdc.io_write(static_cast<u16>(next() % 50 == 0 ? next() % 6 : kFifo), 1, next());
        rig.fdc.io_read(static_cast<u16>(next() % 6), 1);
        rig.work.run_waiting();
    }
    rig.fdc.reset(ResetKind::kWarm);
    rig.fdc.io_write(kDor, 1, 0x1c);
    CHECK(rig.run({0x10}) == std::vector<u8>{0x90});
    CHECK(rig.file.content().size() == 1440 * 1024);
}

TEST_CASE("fdc: state round trip in the middle of a command and of a result") {
    Rig a, b;
    a.fdc.io_write(kFifo, 1, 0x0f);
    copy_state(a.fdc, b.fdc);
    CHECK(b.fdc.io_read(kMsr, 1) == 0x90);
    b.fdc.io_write(kFifo, 1, 0);
    b.fdc.io_write(kFifo, 1, 9);
    CHECK(b.run({0x08}) == std::vector<u8>{0x20, 9});
    a.fdc.io_write(kFifo, 1, 0);
    a.fdc.io_write(kFifo, 1, 5);
    a.fdc.io_write(kFifo, 1, 0x08);
    CHECK(a.fdc.io_read(kFifo, 1) == 0x20);
    copy_state(a.fdc, b.fdc);
    CHECK(b.fdc.io_read(kFifo, 1) == 5);
}
