// Layout, accesses, code pages and dirty tracking of guest physical memory.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/unit/mmu/fixture.h"

using namespace twin86;

namespace {

struct FakeDevice : MmioHandler {
    u64 mmio_read(u64 offset, unsigned size) override {
        accesses.push_back({offset, size});
        u64 v = 0;
        for (unsigned i = 0; i < size; ++i) v |= (offset + i & 0xff) << (i * 8);
        return v;
    }
    void mmio_write(u64 offset, unsigned size, u64 value) override {
        accesses.push_back({offset, size});
        last = value;
    }
    std::vector<std::pair<u64, unsigned>> accesses;
    u64 last = 0;
};

struct Recorder : PhysMapListener, CodeWriteListener {
    bool has_code(Gpa) const override { return keeps_code; }
    bool keeps_code = false;
    void writes_protected(Gpa base, u64 size) override { guarded.push_back({base, size}); }
    void range_remapped(Gpa base, u64 size) override { remapped.push_back({base, size}); }
    void code_written(Gpa address, u64 size) override { code.push_back({address, size}); }
    using Ranges = std::vector<std::pair<Gpa, u64>>;
    Ranges guarded, remapped, code;
};

u64 allocated(const GuestRam& ram) {
    struct stat s {};
    REQUIRE(fstat(ram.fd(), &s) == 0);
    return static_cast<u64>(s.st_blocks) * 512;
}

/// Whether this host puts a file's memory into huge pages when it is asked to.
bool host_gathers() {
    constexpr int kCollapse = 25;  // MADV_COLLAPSE
    auto ram = GuestRam::create(RamGranules::kSize).take();
    ram.base()[0] = 1;
    return madvise(ram.base(), RamGranules::kSize, kCollapse) == 0;
}

}  // namespace

TEST_CASE("RAM lies below its split and from 4 GiB on, the rest is the bus") {
    Memory m;
    CHECK(m.map->ram_page(0) == m.ram.base());
    CHECK(m.map->ram_page(3 * MiB - 1) == m.ram.base() + 3 * MiB - kPageSize);
    CHECK(m.map->ram_page(3 * MiB) == nullptr);
    CHECK(m.map->ram_page(4 * GiB) == m.ram.base() + 3 * MiB);
    CHECK(m.map->ram_page(4 * GiB + MiB) == nullptr);
    CHECK(m.map->ram_page(~u64{0}) == nullptr);
    m.map->write(4 * GiB + 8, 8, 0x1122334455667788);
    CHECK(m.map->read(4 * GiB + 8, 8) == 0x1122334455667788);
    CHECK(m.ram.base()[3 * MiB + 8] == 0x88);
    CHECK(m.map->read(3 * MiB, 4) == 0xffffffff);
    CHECK(m.bus.counters().unmapped_reads == 1);
    m.ram.clear();
    CHECK(m.map->read(4 * GiB + 8, 8) == 0);
}

TEST_CASE("accesses are split at page borders between RAM and a device") {
    Memory m;
    FakeDevice device;
    const Mapping mapping = m.bus.map(3 * MiB, 0x1000, device, "device");
    m.map->write(3 * MiB - 3, 3, 0xccbbaa);
    CHECK(m.map->read(3 * MiB - 3, 8) == 0x04030201'00ccbbaa);
    CHECK(device.accesses == std::vector<std::pair<u64, unsigned>>{{0, 4}, {4, 1}});
    device.accesses.clear();
    m.map->write(3 * MiB - 1, 8, 0x8877665544332211);
    CHECK(device.accesses == std::vector<std::pair<u64, unsigned>>{{0, 4}, {4, 2}, {6, 1}});
    CHECK(device.last == 0x88);
    CHECK(m.map->read(3 * MiB - 1, 1) == 0x11);
    m.map->write(0x1ffd, 8, 0x8877665544332211);
    CHECK(m.map->read(0x1ffd, 8) == 0x8877665544332211);
}

TEST_CASE("ROM reads and drops writes; PAM switches between ROM, RAM and the bus") {
    Memory m;
    Recorder recorder;
    m.map->add_listener(recorder);
    m.map->write(0xf0000, 4, 0x11111111);
    const std::vector<u8> image(5000, 0x5a);
    REQUIRE(m.map->map_rom(0xf0000, image, "bios"));
    CHECK(m.map->read(0xf0000, 4) == 0x5a5a5a5a);
    CHECK(m.map->read(0xf0000 + 4998, 4) == 0xffff5a5a);
    CHECK(m.map->ram_page(0xf0000) == nullptr);
    m.map->write(0xf0000, 4, 0);
    CHECK(m.map->read(0xf0000, 4) == 0x5a5a5a5a);
    m.map->remap(0xf0000, 0x2000, Backing::kRam);
    CHECK(m.map->read(0xf0000, 4) == 0x11111111);
    m.map->write(0xf0000, 4, 0x22222222);
    m.map->remap(0xf0000, 0x2000, Backing::kRamReadOnly);
    m.map->write(0xf0000, 4, 0x33333333);
    CHECK(m.map->read(0xf0000, 4) == 0x22222222);
    m.map->remap(0xf0000, 0x2000, Backing::kRom);
    CHECK(m.map->read(0xf0000, 4) == 0x5a5a5a5a);
    m.map->remap(0xf0000, 0x2000, Backing::kMmio);
    CHECK(m.map->read(0xf0000, 4) == 0xffffffff);
    CHECK(recorder.remapped == Recorder::Ranges(5, {0xf0000, 0x2000}));
    m.map->remove_listener(recorder);
}

TEST_CASE("flash is read as memory while its writes go to the bus") {
    Memory m;
    FakeDevice device;
    const Mapping commands = m.bus.map(0xf0000000, 0x1000, device, "flash");
    HostPages cells = HostPages::create(0x1000, "test").take();
    cells.base()[0] = 0x5a;
    Mapping array = m.map->map_flash(0xf0000000, 0x1000, cells.base(), "flash");
    CHECK(m.map->read(0xf0000000, 1) == 0x5a);
    m.map->write(0xf0000010, 1, 0x98);
    CHECK(device.accesses == std::vector<std::pair<u64, unsigned>>{{0x10, 1}});
    CHECK(cells.base()[0x10] == 0);
    CHECK(m.map->ram_page(0xf0000000) == nullptr);
    array.release();
    m.map->read(0xf0000020, 4);
    CHECK(device.accesses.back() == std::pair<u64, unsigned>{0x20, 4});
}

TEST_CASE("device memory comes and goes, also over RAM and beyond the table") {
    Memory m;
    HostPages vram = HostPages::create(0x4000, "test").take();
    m.map->write(0x10000, 1, 0x77);
    {
        const Mapping a = m.map->map_memory(0xe000'0000, 0x4000, vram.base(), true, "vram");
        m.map->write(0xe000'3ffc, 4, 0xdeadbeef);
        CHECK(vram.base()[0x3fff] == 0xde);
        const Mapping b = m.map->map_memory(0x10000, 0x1000, vram.base() + 0x3000, true, "alias");
        CHECK(m.map->read(0x10ffc, 4) == 0xdeadbeef);
        const Mapping far = m.map->map_memory(u64{1} << 60, 0x4000, vram.base(), true, "far");
        const Mapping edge = m.map->map_memory(~u64{0} - 0x3fff, 0x4000, vram.base(), true, "edge");
        CHECK(m.map->read(u64{1} << 60, 1) == 0xff);
    }
    CHECK(m.map->read(0x10000, 1) == 0x77);
    CHECK(m.map->read(0xe000'0000, 4) == 0xffffffff);
}

TEST_CASE("host_ranges lists runs with the same backing") {
    Memory m;
    REQUIRE(m.map->map_rom(0xfffff000, std::vector<u8>(4096), "reset"));
    m.map->remap(0xa0000, 0x20000, Backing::kMmio);
    const auto all = m.map->host_ranges();
    REQUIRE(all.size() == 4);
    CHECK(all[0].base == 0);
    CHECK(all[0].size == 0xa0000);
    CHECK(all[1].base == 0xc0000);
    CHECK(all[1].size == 3 * MiB - 0xc0000);
    CHECK(all[1].writable);
    CHECK(all[2].base == 0xfffff000);
    CHECK(all[2].name == "reset");
    CHECK_FALSE(all[2].writable);
    CHECK(all[3].base == 4 * GiB);
    CHECK(all[3].host == m.ram.base() + 3 * MiB);
}

TEST_CASE("DMA moves bulk across pages and stops at what is not memory") {
    Memory m;
    std::vector<u8> data(10000), back(10000);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<u8>(i * 7);
    CHECK(m.map->dma_write(0x1234, data));
    CHECK(m.map->dma_read(0x1234, back));
    CHECK(back == data);
    CHECK_FALSE(m.map->dma_write(3 * MiB - 100, data));
    CHECK_FALSE(m.map->dma_read(3 * MiB - 100, back));
    CHECK(std::all_of(back.begin(), back.end(), [](u8 b) { return b == 0; }));
    CHECK_FALSE(m.map->dma_read(~u64{0} - 10, back));
    REQUIRE(m.map->map_rom(0xf0000, std::vector<u8>(4096, 1), "rom"));
    CHECK_FALSE(m.map->dma_write(0xf0000, std::span(data).first(4)));
    CHECK(m.map->dma_read(0xf0000, std::span(back).first(4)));
    CHECK(back[3] == 1);
}

TEST_CASE("writes to pages with code are reported once they are in memory") {
    Memory m;
    Recorder r;
    m.map->add_listener(r);
    m.map->add_code_listener(r);
    m.map->set_has_code(0x5000, true);
    m.map->set_has_code(0x5000, true);
    m.map->set_has_code(0x80000000, true);  // a device: never marked
    CHECK(r.guarded == Recorder::Ranges{{0x5000, 0x1000}});
    CHECK_FALSE(page_writes_are_direct(m.map->pages().entry(0x5000)));
    m.map->write(0x4ffe, 4, 0);
    CHECK(m.map->dma_write(0x5ff0, std::vector<u8>(0x20)));
    m.map->written(0x4000, 0x3000);
    CHECK(r.code == Recorder::Ranges{{0x5000, 2}, {0x5ff0, 16}, {0x5000, 0x1000}});
    r.keeps_code = true;  // another one's code is still there
    m.map->set_has_code(0x5000, false);
    CHECK_FALSE(page_writes_are_direct(m.map->pages().entry(0x5000)));
    r.keeps_code = false;
    r.code.clear();
    m.map->set_has_code(0x5000, false);
    m.map->write(0x5000, 4, 0);
    CHECK(r.code.empty());
    CHECK(page_writes_are_direct(m.map->pages().entry(0x5000)));
    m.map->set_has_code(0x5000, true);
    m.map->remap(0x4000, 0x2000, Backing::kMmio);
    CHECK(r.code == Recorder::Ranges{{0x5000, 0x1000}});
    CHECK(m.map->pages().entry(0x5000) == 0);
}

TEST_CASE("each dirty client sees the pages written since it looked") {
    Memory m;
    Recorder r;
    std::vector<Gpa> pages;
    m.map->take_dirty(0x10000, 0x8000, kPageDirtyDisplay, pages);
    CHECK(pages.size() == 8);  // everything counts as dirty at first
    pages.clear();
    m.map->add_listener(r);
    m.map->write(0x10fff, 2, 0);
    CHECK(m.map->dma_write(0x14800, std::vector<u8>(1)));
    m.map->take_dirty(0x10000, 0x8000, kPageDirtyDisplay, pages);
    CHECK(pages == std::vector<Gpa>{0x10000, 0x11000, 0x14000});
    CHECK(r.guarded == Recorder::Ranges{{0x10000, 0x2000}, {0x14000, 0x1000}});
    pages.clear();
    m.map->take_dirty(0x10000, 0x8000, kPageDirtyDisplay, pages);
    CHECK(pages.empty());
    m.map->take_dirty(0x10000, 0x8000, kPageDirtySave, pages);
    CHECK(pages.size() == 8);
}

TEST_CASE("guest memory that cannot be had is refused in one line") {
    CHECK_FALSE(GuestRam::create(0));
    CHECK_FALSE(GuestRam::create(4097));
    const auto huge = GuestRam::create(u64{1} << 60);
    REQUIRE_FALSE(huge);
    CHECK(huge.failure().message.find("use a smaller -m") != std::string::npos);
    rlimit old{};
    REQUIRE(getrlimit(RLIMIT_AS, &old) == 0);
    const rlimit tight{4 * GiB, old.rlim_max};
    REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
    const auto limited = GuestRam::create(8 * GiB);
    REQUIRE(setrlimit(RLIMIT_AS, &old) == 0);
    REQUIRE_FALSE(limited);
    CHECK(limited.failure().message.find("ulimit -v") != std::string::npos);
    CHECK(limited.failure().message.find('\n') == std::string::npos);
}

TEST_CASE("memory in huge pages: refused with the remedy where there are too few, and none is missing later") {
    constexpr u64 kPage = 2 * MiB;
    const auto too_much = GuestRam::create(u64{1} << 40, {.huge = true, .huge_page_size = kPage});
    REQUIRE_FALSE(too_much);
    CHECK(too_much.failure().message.find("nr_hugepages") != std::string::npos);
    CHECK(too_much.failure().message.find("hugetlb=off") != std::string::npos);
    const auto odd = GuestRam::create(u64{1} << 40, {.huge = true, .huge_page_size = 64 * KiB});
    REQUIRE_FALSE(odd);
    CHECK(odd.failure().message.find("no huge pages of that size") != std::string::npos);
    const auto uneven = GuestRam::create(kPage + kPageSize, {.huge = true, .huge_page_size = kPage});
    REQUIRE_FALSE(uneven);
    CHECK(uneven.failure().message.find("multiple") != std::string::npos);
    auto ram = GuestRam::create(2 * kPage, {.huge = true, .huge_page_size = kPage});
    if (!ram) {
        WARN("skipped: " << ram.failure().message);
        return;
    }
    CHECK(ram->page_size() == kPage);
    ram->base()[kPage + 5] = 7;
    ram->clear();
    CHECK(ram->base()[kPage + 5] == 0);
}

TEST_CASE("memory taken in advance stays") {
    auto ram = GuestRam::create(4 * MiB, {.prealloc = true}).take();
    CHECK(allocated(ram) == 4 * MiB);
    ram.base()[12345] = 1;
    ram.clear();
    CHECK(ram.base()[12345] == 0);
    CHECK(allocated(ram) == 4 * MiB);
}

TEST_CASE("memory comes in huge pages as it is touched, keeps what it holds, and goes when it is cleared") {
    constexpr u64 kSize = RamGranules::kSize, kGathered = 5 * kPageSize;
    auto ram = GuestRam::create(3 * kSize + kPageSize).take();
    REQUIRE(reinterpret_cast<u64>(ram.base()) % kSize == 0);
    const u64 in_granule = host_gathers() ? kSize : kPageSize;
    for (int round = 0; round < 2; ++round) {
        const RamGranules granules = ram.granules();
        ram.base()[kSize + kGathered] = 7;
        granules.touch(ram.base() + kSize + 12 * kPageSize);
        CHECK(allocated(ram) == (in_granule == kSize ? kSize : 2 * kPageSize));
        CHECK(ram.base()[kSize + kGathered] == 7);
        CHECK(ram.base()[kSize + kGathered + kPageSize] == 0);
        const u64 before = allocated(ram);
        granules.touch(ram.base() + 3 * kSize);  // less than a granule
        CHECK(allocated(ram) == before);
        ram.clear();
        CHECK(allocated(ram) == 0);
        CHECK(ram.base()[kSize + kGathered] == 0);
        ram.clear();
    }
}

TEST_CASE("what a bus master writes lies in huge pages") {
    if (!host_gathers()) return;
    auto ram = GuestRam::create(4 * RamGranules::kSize).take();
    MmioBus bus;
    auto phys = PhysMap::create(ram, ram.size(), bus).take();
    const std::vector<u8> bytes(3 * kPageSize, 9);
    REQUIRE(phys->dma_write(RamGranules::kSize * 2 - kPageSize, bytes));
    CHECK(allocated(ram) == 2 * RamGranules::kSize);
}

TEST_CASE("writes may be late where a device says so, as long as it does") {
    Memory m;
    Recorder r;
    m.map->add_listener(r);
    Mapping late = m.map->allow_late_writes(0xa0000, 0x20000);
    CHECK(m.map->late_writes() == std::vector<GpaRange>{{0xa0000, 0x20000}});
    late.release();
    CHECK(m.map->late_writes().empty());
    CHECK(r.remapped == Recorder::Ranges{{0xa0000, 0x20000}, {0xa0000, 0x20000}});
    m.map->remove_listener(r);
}
