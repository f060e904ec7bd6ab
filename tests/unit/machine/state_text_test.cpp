#include <cstring>

#include "machine/entry.h"
#include "machine/page_table_text.h"
#include "machine/register_text.h"
#include "mmu/phys_map.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// 16 MiB of RAM to build page tables in.
struct Memory {
    Memory() {
        REQUIRE(bool(ram));
        auto made = PhysMap::create(*ram, 16 * MiB, bus);
        REQUIRE(bool(made));
        phys = made.take();
    }
    void put64(Gpa at, u64 value) { std::memcpy(ram->base() + at, &value, 8); }
    void put32(Gpa at, u32 value) { std::memcpy(ram->base() + at, &value, 4); }

    Result<GuestRam> ram = GuestRam::create(16 * MiB);
    MmioBus bus;
    std::unique_ptr<PhysMap> phys;
};

constexpr u64 kTable = 7;  // present, writable, user

}  // namespace

TEST_CASE("reset state, SDM vol. 3 table 9-1") {
    CpuState s;
    s.gpr[kRax] = 5;
    s.cr3 = 5;
    reset_processor(s);
    CHECK(s.rip == 0xfff0);
    CHECK(s.segment[kCs].base == 0xffff0000);
    CHECK(s.segment[kCs].selector == 0xf000);
    CHECK(s.cr0 == 0x60000010);
    CHECK(s.rflags == 2);
    CHECK((s.gpr[kRax] == 0 && s.cr3 == 0 && s.efer == 0));
    CHECK((s.dr[6] == 0xffff0ff0 && s.dr[7] == 0x400));
    const std::string text = register_text(s, true);
    CHECK(has(text, "EIP=0000fff0 EFL=00000002 [-------] CPL=0"));
    CHECK(has(text, "CS =f000 ffff0000 0000ffff 00009b00 DPL=0 CS16 [-RA]"));
    CHECK(has(text, "FCW=037f"));
    CHECK_FALSE(has(text, "R8"));
}

TEST_CASE("entry state of a plan: descriptors become hidden parts") {
    BootPlan plan;
    plan.kind = EntryKind::kLong64;
    plan.rip = 0x100200;
    plan.gpr[kRsi] = 0x9000;
    plan.cr0 = 0x80000011;
    plan.cr3 = 0x1000;
    plan.cr4 = 0x20;
    plan.efer = kEferLME | kEferLMA;
    plan.code = {0x10, 0x00af9b000000ffff};
    plan.data = {0x18, 0x00cf93000000ffff};
    plan.task = {0x20, 0x00008b0000000067};
    plan.gdt_base = 0x500;
    plan.gdt_limit = 0x27;
    CpuState s;
    enter_plan(s, plan);
    CHECK(s.mode64());
    CHECK(s.cpl() == 0);
    CHECK(s.segment[kDs].limit == 0xffffffff);
    CHECK(s.tr.limit == 0x67);
    const std::string text = register_text(s, true);
    CHECK(has(text, "RSI=0000000000009000"));
    CHECK(has(text, "RIP=0000000000100200 RFL=00000002"));
    CHECK(has(text, "CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]") == false);
    CHECK(has(text, "DPL=0 CS64 [-RA]"));
    CHECK(has(text, "GDT=     0000000000000500 00000027"));
    CHECK(has(text, "R15=") == true);
}

TEST_CASE("registers by name") {
    CpuState s;
    reset_processor(s);
    s.gpr[kRbx] = 0x1122334455667788;
    s.gpr[kR9] = 9;
    s.segment[kFs].base = 0xf5;
    s.cr2 = 0x22;
    CHECK(register_by_name(s, "rbx") == 0x1122334455667788);
    CHECK(register_by_name(s, "ebx") == 0x55667788);
    CHECK(register_by_name(s, "bx") == 0x7788);
    CHECK(register_by_name(s, "r9") == 9);
    CHECK(register_by_name(s, "cs") == 0xf000);
    CHECK(register_by_name(s, "fs_base") == 0xf5);
    CHECK(register_by_name(s, "cr2") == 0x22);
    CHECK(register_by_name(s, "dr7") == 0x400);
    CHECK(register_by_name(s, "pc") == 0xfff0);
    for (const char* name : {"", "cr1", "cr9", "dr8", "r16", "er9", "rxx", "fs_bas"}) {
        INFO(name);
        CHECK_FALSE(register_by_name(s, name));
    }
}

TEST_CASE("4-level tables: rights of all levels together, neighbours joined, upper half sign-extended") {
    Memory m;
    m.put64(0x1000, 0x2000 | kTable);
    m.put64(0x1000 + 511 * 8, 0x2000 | 3);  // the same below, supervisor only
    m.put64(0x2000, 0x3000 | kTable);
    m.put64(0x3000, 0x4000 | kTable);
    m.put64(0x3008, 0x600000 | 1 << 7 | 1);
    m.put64(0x4000, 0x10000 | kTable);
    m.put64(0x4008, 0x11000 | kTable);
    m.put64(0x4018, bit(63) | 0x12000 | bit(6) | bit(5) | 5);
    const PagingContext c{.cr0 = kCr0PE | kCr0PG, .cr3 = 0x1000, .cr4 = kCr4PAE, .efer = kEferLMA | kEferLME};
    CHECK(mapped_ranges_text(c, m.phys->pages()) ==
          "0000000000000000-0000000000002000 0000000000002000 urw\n"
          "0000000000003000-0000000000004000 0000000000001000 ur-\n"
          "0000000000200000-0000000000400000 0000000000200000 -r-\n"
          "ffffff8000000000-ffffff8000002000 0000000000002000 -rw\n"
          "ffffff8000003000-ffffff8000004000 0000000000001000 -r-\n"
          "ffffff8000200000-ffffff8000400000 0000000000200000 -r-\n");
    const std::string pages = mapped_pages_text(c, m.phys->pages());
    CHECK(has(pages, "0000000000001000: 0000000000011000 -------UW\n"));
    CHECK(has(pages, "0000000000003000: 0000000000012000 X--DA--U-\n"));
    CHECK(has(pages, "0000000000200000: 0000000000600000 --P------\n"));
}

TEST_CASE("32-bit tables with a 4 MiB page") {
    Memory m;
    m.put32(0x1000, 0x2000 | 3);
    m.put32(0x1004, 0x800000 | 1 << 7 | kTable);
    m.put32(0x2000, 0x5000 | kTable);
    const PagingContext c{.cr0 = kCr0PE | kCr0PG, .cr3 = 0x1000, .cr4 = kCr4PSE};
    CHECK(mapped_ranges_text(c, m.phys->pages()) ==
          "0000000000000000-0000000000001000 0000000000001000 -rw\n"
          "0000000000400000-0000000000800000 0000000000400000 urw\n");
}

TEST_CASE("PAE tables start with four pointers") {
    Memory m;
    m.put64(0x1020 + 3 * 8, 0x2000 | 1);
    m.put64(0x2000 + 511 * 8, 0x200000 | 1 << 7 | 3);
    const PagingContext c{.cr0 = kCr0PE | kCr0PG, .cr3 = 0x1020, .cr4 = kCr4PAE};
    CHECK(mapped_ranges_text(c, m.phys->pages()) == "00000000ffe00000-0000000100000000 0000000000200000 -rw\n");
}

TEST_CASE("tables that contain themselves, or lie nowhere, come to an end") {
    Memory m;
    for (unsigned n = 0; n < 512; ++n) m.put64(0x1000 + n * 8, 0x1000 | kTable);
    PagingContext c{.cr0 = kCr0PE | kCr0PG, .cr3 = 0x1000, .cr4 = kCr4PAE, .efer = kEferLMA | kEferLME};
    CHECK(has(mapped_ranges_text(c, m.phys->pages()), "more than is shown"));
    CHECK(has(mapped_pages_text(c, m.phys->pages()), "more than is shown"));
    c.cr3 = 0xffffff000;
    CHECK(mapped_ranges_text(c, m.phys->pages()).empty());
    CHECK(mapped_ranges_text(PagingContext{}, m.phys->pages()) == "PG disabled\n");
}
