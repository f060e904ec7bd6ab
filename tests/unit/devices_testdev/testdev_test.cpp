#include "devices/testdev/edu.h"
#include "devices/testdev/pc_testdev.h"
#include "devices/testdev/pci_testdev.h"
#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace twin86;

namespace {

struct Lines : IrqSink {
    void set_level(unsigned pin, bool on) override { level.at(pin) = on; }
    std::array<bool, 32> level{};
};

struct PlainRam : DmaView {
    bool dma_read(Gpa at, std::span<u8> to) override {
        if (at > bytes.size() || to.size() > bytes.size() - at) return false;
        std::memcpy(to.data(), bytes.data() + at, to.size());
        return true;
    }
    bool dma_write(Gpa at, std::span<const u8> from) override {
        if (at > bytes.size() || from.size() > bytes.size() - at) return false;
        std::memcpy(bytes.data() + at, from.data(), from.size());
        return true;
    }
    std::vector<u8> bytes = std::vector<u8>(64 * KiB);
};

constexpr Gpa kBar = 0x80000000;

/// A function on PCI buses of its own, memory at kBar, ports at 0xc000.
struct PciRig {
    IoBus io;
    MmioBus mmio;
    PciAddressSpace space{io, mmio, {{0x80000000, 0xfebfffff}}};
    Lines lines;

    void plug(PciDevice& d) {
        d.connect(&space, IrqLine(lines, 0));
        d.config_write(0x10, 4, kBar);
        d.config_write(0x14, 4, 0xc000);
        d.config_write(0x04, 2, 7);
    }
};

struct EduRig : PciRig {
    EduRig() { plug(edu); }
    ManualClock clock;
    TimerQueue timers{clock};
    PlainRam ram;
    Edu edu{timers, ram};
};

}  // namespace

TEST_CASE("pc-testdev: interrupt lines, remembered value, page flushes, memory") {
    Lines lines;
    std::vector<Gpa> flushed;
    PcTestdev d(lines, [&](Gpa page) { flushed.push_back(page); });
    IoBus io;
    const Mapping irq = io.map(0x2000, 24, d.irq_ports(), "irq", IoBus::kAll);
    const Mapping value = io.map(0xe0, 4, d.value_ports(), "value", IoBus::kAll);
    const Mapping flush = io.map(0xe4, 4, d.flush_ports(), "flush", IoBus::kDword);
    io.write(0x2005, 1, 1);
    io.write(0x2017, 4, 1);
    CHECK((lines.level[5] && lines.level[23]));
    io.write(0x2005, 1, 0);
    CHECK_FALSE(lines.level[5]);
    io.write(0xe0, 4, 0x11223344);
    io.write(0xe1, 1, 0xaa);
    CHECK(io.read(0xe0, 4) == 0x1122aa44);
    CHECK(io.read(0xe2, 2) == 0x1122);
    io.write(0xe4, 4, 0x12345678);
    CHECK(flushed == std::vector<Gpa>{0x12345000});
    d.memory().mmio_write(0xfffc, 4, 0xdeadbeef);
    CHECK(d.memory().mmio_read(0xfffc, 4) == 0xdeadbeef);
    CHECK(d.memory().mmio_read(0xffff, 8) == 0xde);
    PcTestdev other(lines, [](Gpa) {});
    copy_state(d, other);
    CHECK(other.memory().mmio_read(0xfffe, 2) == 0xdead);
    d.reset(ResetKind::kWarm);
    CHECK_FALSE(lines.level[23]);
    CHECK(io.read(0xe0, 4) == 0);
}

TEST_CASE("pci-testdev: headers of both BARs; a test that is not there has no width") {
    PciRig r;
    PciTestdev d;
    r.plug(d);
    CHECK(d.config_read(0, 4) == 0x00051b36);
    const auto run = [&](auto write, auto read, const std::string& kind) {
        write(0, 1, 0);
        CHECK(read(1, 1) == 1);
        std::string name;
        for (unsigned i = 0; read(16 + i, 1) != 0; ++i) name += static_cast<char>(read(16 + i, 1));
        CHECK(name == kind + "-no-eventfd");
        const u32 offset = static_cast<u32>(read(4, 4));
        const u32 data = static_cast<u32>(read(8, 4));
        for (int i = 0; i < 3; ++i) write(offset, 1, data);
        CHECK(read(12, 4) == 3);
        write(0, 1, 2);  // counts the right value alone
        write(offset, 1, data ^ 1);
        write(offset, 1, data);
        CHECK(read(12, 4) == 1);
        write(0, 1, 77);
        CHECK(read(1, 1) == 0);
        CHECK(read(16, 1) == 0);
    };
    run([&](u32 at, unsigned size, u64 v) { r.mmio.write(kBar + at, size, v); },
        [&](u32 at, unsigned size) { return r.mmio.read(kBar + at, size); }, "mmio");
    run([&](u32 at, unsigned size, u64 v) { r.io.write(static_cast<IoPort>(0xc000 + at), size, static_cast<u32>(v)); },
        [&](u32 at, unsigned size) { return r.io.read(static_cast<IoPort>(0xc000 + at), size); }, "portio");
    PciTestdev other;
    copy_state(d, other);
}

TEST_CASE("pci-testdev: what its doorbells ring is counted, where the BAR lies, for the test that is chosen") {
    PciRig r;
    unsigned changes = 0;
    r.mmio.set_on_doorbells([&] { ++changes; });
    const u64 one = 1;
    {
        PciTestdev d;
        r.plug(d);
        CHECK(r.mmio.doorbells().empty());
        r.mmio.write(kBar, 1, 1);  // any value
        REQUIRE(r.mmio.doorbells().size() == 1);
        const Doorbell any = r.mmio.doorbells()[0];
        CHECK((any.address == kBar + 0x80 && any.size == 1 && !any.value && !any.port));
        REQUIRE(::write(any.event_fd, &one, sizeof one) == sizeof one);  // as a kernel does
        r.mmio.write(kBar + 0x80, 1, 0);                                 // as an engine without doorbells does
        CHECK(r.mmio.read(kBar + 12, 1) == 2);
        r.mmio.write(kBar, 1, 2);  // one value
        CHECK(r.mmio.doorbells()[0].value == 0xfa);
        CHECK(r.mmio.read(kBar + 12, 1) == 0);
        const u32 command = d.config_read(4, 2);
        d.config_write(4, 2, 0);
        CHECK(r.mmio.doorbells().empty());
        d.config_write(4, 2, command);
        CHECK(r.mmio.doorbells().size() == 1);
        r.io.write(0xc000, 1, 1);
        REQUIRE(r.io.doorbells().size() == 1);
        CHECK((r.io.doorbells()[0].port && r.io.doorbells()[0].address == 0xc080));
        changes = 0;
    }
    CHECK(changes != 0);
    CHECK(r.mmio.doorbells().empty());
}

TEST_CASE("edu: identification, liveness, factorials with and without interrupt") {
    EduRig r;
    const auto read = [&](u32 at) { return static_cast<u32>(r.mmio.read(kBar + at, 4)); };
    const auto write = [&](u32 at, u32 v) { r.mmio.write(kBar + at, 4, v); };
    const auto wait = [&] { r.clock.advance(10'000'000), r.timers.run_due(); };
    CHECK(read(0) == 0x010000ed);
    write(4, 0x12345678);
    CHECK(read(4) == ~0x12345678u);
    write(8, 10);
    CHECK((read(0x20) & 1) == 1);
    write(8, 3);  // busy
    wait();
    CHECK(read(8) == 3628800);
    CHECK((read(0x20) & 1) == 0);
    CHECK_FALSE(r.lines.level[0]);
    write(0x20, 0x80);
    write(8, 0xffffffff);
    wait();
    CHECK(read(8) == 0);
    CHECK(read(0x24) == 1);
    CHECK(r.lines.level[0]);
    write(0x64, 1);
    CHECK_FALSE(r.lines.level[0]);
    write(0x60, 0x1234);
    CHECK(read(0x24) == 0x1234);
    CHECK(r.lines.level[0]);
    CHECK(r.mmio.read(kBar, 1) == 0xff);
    write(8, 5);
    Edu other(r.timers, r.ram);
    copy_state(r.edu, other);
}

TEST_CASE("edu: interrupts as messages to a 64-bit address") {
    EduRig r;
    std::vector<std::pair<u64, u32>> messages;
    r.space.set_on_message([&](u64 address, u32 data) { messages.emplace_back(address, data); });
    CHECK(r.edu.config_read(0x40, 4) == 0x00800005);
    r.edu.config_write(0x44, 4, 0xfee00000);
    r.edu.config_write(0x48, 4, 0x12);
    r.edu.config_write(0x4c, 2, 0x41);
    r.edu.config_write(0x42, 2, 1);
    r.edu.config_write(0x04, 2, r.edu.config_read(0x04, 2) | 4);
    r.mmio.write(kBar + 0x60, 4, 1);
    r.mmio.write(kBar + 0x60, 4, 2);  // the wish stands already
    CHECK(messages == std::vector<std::pair<u64, u32>>{{0x12'fee00000, 0x41}});
    CHECK_FALSE(r.lines.level[0]);
    r.edu.config_write(0x42, 2, 0);
    CHECK(r.lines.level[0]);
    CHECK(messages.size() == 1);
}

TEST_CASE("edu: DMA both ways, and only within its buffer, the memory and its rights") {
    EduRig r;
    const auto dma = [&](u64 source, u64 destination, u64 count, u64 command) {
        r.mmio.write(kBar + 0x80, 8, source);
        r.mmio.write(kBar + 0x88, 8, destination);
        r.mmio.write(kBar + 0x90, 8, count);
        r.mmio.write(kBar + 0x98, 8, command);
        r.mmio.write(kBar + 0x80, 8, 0);  // too late
        r.clock.advance(10'000'000);
        r.timers.run_due();
        CHECK((r.mmio.read(kBar + 0x98, 8) & 1) == 0);
    };
    for (unsigned i = 0; i < 256; ++i) r.ram.bytes[0x1000 + i] = static_cast<u8>(i);
    dma(0x1000, 0x40010, 256, 1);
    dma(0x40010, 0x3000, 256, 7);
    CHECK(std::equal(r.ram.bytes.begin() + 0x1000, r.ram.bytes.begin() + 0x1100, r.ram.bytes.begin() + 0x3000));
    CHECK(r.mmio.read(kBar + 0x24, 4) == 0x100);
    CHECK(r.lines.level[0]);

    const std::vector<u8> before = r.ram.bytes;
    dma(0x40010, 0x5000, 4096, 3);             // over the buffer's end
    dma(0x3ffff, 0x5000, 16, 3);               // before it
    dma(0x40000, 0x5000, ~u64{0}, 3);
    dma(0x41001, 0x5000, 0, 3);
    dma(0x40010, 0xfffff00, 256, 3);           // no memory there
    r.edu.config_write(0x04, 2, 3);                // no bus master
    dma(0x40010, 0x5000, 256, 3);
    CHECK(r.ram.bytes == before);
}
