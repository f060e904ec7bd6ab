// Which pages differ from what memory was, and putting them back.
#include "accel/lockstep/memory_base.h"

#include <cstring>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct Memory {
    MmioBus bus;
    GuestRam ram = GuestRam::create(MiB).take();
    std::unique_ptr<PhysMap> map = PhysMap::create(ram, MiB, bus).take();
    std::unique_ptr<MemoryBase> base = MemoryBase::create(*map).take();
};

struct Listener : CodeWriteListener {
    void code_written(Gpa address, u64 size) override { writes.push_back({address, size}); }
    bool has_code(Gpa) const override { return true; }
    std::vector<std::pair<Gpa, u64>> writes;
};

}  // namespace

TEST_CASE("written pages are listed once, with what they were") {
    Memory m;
    m.map->write(0x5000, 4, 0x11);
    m.base->sync();
    CHECK(m.base->take_written().empty());
    m.map->write(0x5000, 4, 0x22);
    m.map->write(0x9ffc, 8, 0x3333333344444444);
    CHECK(m.base->take_written() == std::vector<Gpa>{0x5000, 0x9000, 0xa000});
    CHECK(m.base->take_written().empty());
    CHECK(*reinterpret_cast<const u32*>(m.base->was(0x5000)) == 0x11);
    CHECK(*reinterpret_cast<const u32*>(m.base->is(0x5000)) == 0x22);
    m.base->put(0x5000, m.base->was(0x5000));
    CHECK(m.map->read(0x5000, 4) == 0x11);
    m.base->accept(0x9000);
    CHECK(m.base->was(0x9000)[0xffc] == 0x44);
}

TEST_CASE("in pages with code only what changes is reported") {
    Memory m;
    m.base->sync();
    m.map->write(0x5010, 2, 0x2222);
    m.map->write(0x5020, 1, 0x33);
    Listener listener;
    m.map->add_code_listener(listener);
    m.map->set_has_code(0x5000, true);
    m.base->put(0x5000, m.base->was(0x5000));
    CHECK(listener.writes == std::vector<std::pair<Gpa, u64>>{{0x5010, 2}, {0x5020, 1}});
    m.map->remove_code_listener(listener);
}

TEST_CASE("bus masters and changes of the map are outside") {
    Memory m;
    m.base->sync();
    CHECK_FALSE(m.base->changed_from_outside());
    const u8 byte = 1;
    REQUIRE(m.map->dma_write(0x7000, {&byte, 1}));
    CHECK(m.base->changed_from_outside());
    m.base->sync();
    CHECK_FALSE(m.base->changed_from_outside());
    CHECK(m.base->was(0x7000)[0] == 1);
    m.map->remap(0x8000, kPageSize, Backing::kRamReadOnly);
    CHECK(m.base->changed_from_outside());
    m.base->sync();
    CHECK(m.base->is(0x8000) == nullptr);
    CHECK(m.base->is_system(0x9000));
    CHECK_FALSE(m.base->is_system(0x8000));
}
