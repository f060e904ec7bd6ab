// 32-bit paging, PAE paging and none, switched on and off by the code that runs under them, and tasks with address spaces
// of their own. SDM vol. 3, 4.3 and 4.4 (tables), 7.3 (task switches), 9.8 (mode switches).
#include <cstring>

#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr u64 kPresent = 1, kWritable = 2, kAccessed = 0x20, kDirty = 0x40, kLarge = 0x80;
constexpr u32 kHigh = 0xc0000000;  ///< linear address that page tables alone explain
constexpr u16 kCodeSelector = 0x08, kDataSelector = 0x10, kFirstTask = 0x18, kSecondTask = 0x20;

/// A processor in 32-bit protected mode without paging, flat segments, and physical memory.
class LegacyGuest {
  public:
    LegacyGuest() {
        CpuState& s = guest.state();
        guest.start(code, stack + kPageSize, false, 32);
        s.efer = 0, s.cr0 = kCr0PE | kCr0ET | kCr0NE, s.cr4 = 0, s.cr3 = 0;
        s.segment[kCs] = {0, 0xffffffff, kCodeSelector, 0xc09b};
        for (const unsigned n : {kSs, kDs, kEs, kFs, kGs}) s.segment[n] = {0, 0xffffffff, kDataSelector, 0xc093};
        guest.vcpu().state_changed();
    }

    void store(Gpa at, const void* bytes, u64 size) {
        std::memcpy(guest.phys().ram().base() + at, bytes, size);
        guest.phys().written(at, size);
    }
    template <class T>
    void store(Gpa at, T value) {
        store(at, &value, sizeof value);
    }
    template <class T = u32>
    T load(Gpa at) {
        T value;
        std::memcpy(&value, guest.phys().ram().base() + at, sizeof value);
        return value;
    }
    /// 32-bit code for linear address `linear` at a physical one.
    void program(Gpa at, u64 linear, const std::function<void(x86::Assembler&)>& emit) {
        CodeHolder holder;
        holder.init(Environment(Arch::kX86), linear);
        x86::Assembler a(&holder);
        emit(a);
        a.hlt();
        REQUIRE(holder.flatten() == kErrorOk);
        REQUIRE(holder.resolveUnresolvedLinks() == kErrorOk);
        REQUIRE(holder.relocateToBase(linear) == kErrorOk);
        store(at, holder.textSection()->data(), holder.codeSize());
    }
    /// Runs to a HLT of the program.
    void run() {
        const GuestStop stop = guest.run();
        REQUIRE(stop.exit == RunExit::kHalted);
        REQUIRE(stop.vector == -1);
    }

    JitGuest guest;
    const Gpa code = guest.allocate(1), stack = guest.allocate(1), data = guest.allocate(1), tables = guest.allocate(4);
};

/// 32-bit paging: the lowest 4 MiB as they are, and one page at `linear`. The directory is at `directory`, its table behind it.
void map_32_bit(LegacyGuest& g, Gpa directory, u32 linear, Gpa page) {
    const Gpa table = directory + kPageSize;
    g.store<u32>(directory, kLarge | kWritable | kPresent);
    g.store<u32>(directory + (linear >> 22) * 4, static_cast<u32>(table | kWritable | kPresent));
    g.store<u32>(table + (linear >> 12 & 1023) * 4, static_cast<u32>(page | kWritable | kPresent));
}

/// The same with PAE: four pointers, two directories, a table.
void map_pae(LegacyGuest& g, u32 linear, Gpa page) {
    const Gpa low = g.tables + kPageSize, high = g.tables + 2 * kPageSize, table = g.tables + 3 * kPageSize;
    g.store<u64>(g.tables, low | kPresent);
    g.store<u64>(g.tables + (linear >> 30) * 8, high | kPresent);
    for (u64 n = 0; n < 2; ++n) g.store<u64>(low + n * 8, n << 21 | kLarge | kWritable | kPresent);
    g.store<u64>(high + (linear >> 21 & 511) * 8, table | kWritable | kPresent);
    g.store<u64>(table + (linear >> 12 & 511) * 8, page | kWritable | kPresent);
}

void set_paging(x86::Assembler& a, bool on) {
    a.mov(x86::eax, x86::cr0);
    if (on) a.or_(x86::eax, 0x80000000);
    else a.and_(x86::eax, 0x7fffffff);
    a.mov(x86::cr0, x86::eax);
}

/// Sees the page at kHigh while paging is on, and where it really is before and after.
void look_around(x86::Assembler& a, const LegacyGuest& g, u64 cr4) {
    a.mov(x86::eax, static_cast<u32>(cr4)), a.mov(x86::cr4, x86::eax);
    a.mov(x86::eax, static_cast<u32>(g.tables)), a.mov(x86::cr3, x86::eax);
    a.inc(x86::dword_ptr(g.data));
    set_paging(a, true);
    a.mov(x86::ebx, x86::dword_ptr(kHigh));
    a.mov(x86::dword_ptr(kHigh + 4), 0x1234);
    set_paging(a, false);
    a.mov(x86::ecx, x86::dword_ptr(g.data + 4));
}

}  // namespace

TEST_CASE("32-bit paging is switched on, used and switched off", "[insn][paging]") {
    LegacyGuest g;
    map_32_bit(g, g.tables, kHigh, g.data);
    g.store<u32>(g.data, 41);
    g.program(g.code, g.code, [&](auto& a) { look_around(a, g, kCr4PSE); });
    g.run();
    CHECK(g.guest.state().gpr[kRbx] == 42);
    CHECK(g.guest.state().gpr[kRcx] == 0x1234);
    CHECK((g.load(g.tables + kPageSize) & (kAccessed | kDirty)) == (kAccessed | kDirty));
    CHECK((g.load(g.tables) & (kAccessed | kDirty)) == kAccessed);
}

TEST_CASE("PAE paging is switched on, used and switched off", "[insn][paging]") {
    LegacyGuest g;
    map_pae(g, kHigh, g.data);
    g.store<u32>(g.data, 41);
    g.program(g.code, g.code, [&](auto& a) { look_around(a, g, kCr4PAE); });
    g.run();
    CHECK(g.guest.state().gpr[kRbx] == 42);
    CHECK(g.guest.state().gpr[kRcx] == 0x1234);
    CHECK((g.load<u64>(g.tables + 3 * kPageSize) & (kAccessed | kDirty)) == (kAccessed | kDirty));
}

TEST_CASE("PAE: a pointer with reserved bits is #GP where it is loaded, one that is not present is not", "[insn][paging]") {
    for (const bool present : {true, false}) {
        LegacyGuest g;
        map_pae(g, kHigh, g.data);
        g.store<u64>(g.tables + 8, kWritable | present);  // bit 1 is reserved
        g.program(g.code, g.code, [&](auto& a) { look_around(a, g, kCr4PAE); });
        const GuestStop stop = g.guest.run();
        CHECK((stop.exit == RunExit::kHalted) == !present);  // no IDT: the #GP shuts the processor down
        CHECK(((g.guest.state().cr0 & kCr0PG) != 0) == false);
        CHECK(g.guest.state().gpr[kRcx] == (present ? 0 : 0x1234));
    }
}

TEST_CASE("Without PSE the page-size bit of a directory entry means nothing", "[insn][paging]") {
    LegacyGuest g;
    map_32_bit(g, g.tables, kHigh, g.data);
    const Gpa identity = g.guest.allocate(1);
    g.store<u32>(g.tables, static_cast<u32>(identity | kLarge | kWritable | kPresent));
    for (u32 n = 0; n < 1024; ++n) g.store<u32>(identity + n * 4, n << 12 | kWritable | kPresent);
    g.store<u32>(g.data, 41);
    g.program(g.code, g.code, [&](auto& a) { look_around(a, g, 0); });
    g.run();
    CHECK(g.guest.state().gpr[kRbx] == 42);
}

TEST_CASE("Two tasks whose code lies at the same linear address in different pages", "[insn][paging][task]") {
    LegacyGuest g;
    const Gpa second_code = g.guest.allocate(1), gdt = g.guest.allocate(1), tss = g.guest.allocate(1), other = g.guest.allocate(2);
    const Gpa second_tss = tss + 0x100;
    map_32_bit(g, g.tables, kHigh, g.code);
    map_32_bit(g, other, kHigh, second_code);
    const auto tss_descriptor = [](Gpa at, u64 type) { return 0x67 | at << 16 | (type | 0x80) << 40; };
    const u64 descriptors[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff, tss_descriptor(tss, 0xb), tss_descriptor(second_tss, 9)};
    g.store(gdt, descriptors, sizeof descriptors);
    // CR3, EIP, EFLAGS, EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI, ES, CS, SS, DS, FS, GS, LDT
    const u32 words[] = {static_cast<u32>(other), kHigh, 2, 0, 7, 0, 0, static_cast<u32>(g.stack + 0x800), 0, 0, 0, kDataSelector,
                         kCodeSelector, kDataSelector, kDataSelector, 0, 0, 0};
    g.store(second_tss + 28, words, sizeof words);
    g.store<u32>(tss + 28, static_cast<u32>(g.tables));

    CpuState& s = g.guest.state();
    s.gdtr = {gdt, sizeof descriptors - 1};
    s.tr = {tss, 0x67, kFirstTask, 0x8b};
    s.cr3 = g.tables, s.cr4 = kCr4PSE, s.cr0 |= kCr0PG;
    s.rip = kHigh;
    g.guest.vcpu().state_changed();
    static constexpr u8 kCallTask[] = {0x9a, 0, 0, 0, 0, kSecondTask, 0};
    g.program(g.code, kHigh, [&](auto& a) {
        a.mov(x86::ecx, 1);
        a.embed(kCallTask, sizeof kCallTask);
        a.add(x86::ecx, 0x10);
    });
    g.program(second_code, kHigh, [&](auto& a) {
        a.mov(x86::edx, x86::cr3);
        a.add(x86::ecx, 0x20);
        a.iretd();
    });
    g.run();
    CHECK(s.rip > kHigh);
    CHECK(s.gpr[kRcx] == 0x11);
    CHECK(s.cr3 == g.tables);
    CHECK(s.tr.selector == kFirstTask);
    CHECK(g.load(second_tss + 44) == 0x27);   // ECX of the task that returned
    CHECK(g.load(second_tss + 48) == other);  // EDX
    CHECK((s.cr0 & kCr0TS) != 0);
}

}  // namespace twin86::test
