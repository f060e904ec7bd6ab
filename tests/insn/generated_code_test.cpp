// Code that programs and devices make while it runs: compilers with a code heap, patched call sites, loops that patch
// themselves, a bus master that writes what comes next.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kHeap = 0xa0'0000, kWritableHeap = 0xb0'0000;
constexpr u64 kHeapSize = 4 * kPageSize;

/// Executable memory that is written through another mapping, or through itself.
void map_heap(InsnTest& t, bool through_itself) {
    t.guest.map_new(kHeap, kHeapSize, kUserPage | (through_itself ? unsigned{kWritablePage} : 0));
    t.guest.map(kWritableHeap, t.guest.physical(kHeap), kHeapSize, kUserPage | kWritablePage | kNoExecutePage);
}

/// Writes `mov eax, ecx's value; ret` at [rdi].
void emit_function(x86::Assembler& a) {
    a.mov(x86::byte_ptr(x86::rdi), 0xb8);
    a.mov(x86::dword_ptr(x86::rdi, 1), x86::ecx);
    a.mov(x86::byte_ptr(x86::rdi, 5), 0xc3);
}

}  // namespace

TEST_CASE("A compiler that writes function after function and calls each at once", "[insn][smc]") {
    for (const bool through_itself : {true, false}) {
        InsnTest t;
        map_heap(t, through_itself);
        t.set(kRbx, kHeap), t.set(kRdi, through_itself ? kHeap : kWritableHeap);
        t.execute([](auto& a) {
            const Label next = a.newLabel();
            a.mov(x86::ecx, 1000);
            a.bind(next);
            emit_function(a);
            a.call(x86::rbx);
            a.add(x86::rdx, x86::rax);
            a.add(x86::rbx, 13), a.add(x86::rdi, 13);  // over page borders too
            a.dec(x86::ecx);
            a.jnz(next);
        });
        CHECK(t.reg(kRdx) == 1000 * 1001 / 2);
    }
}

TEST_CASE("A function that is written again before every call", "[insn][smc]") {
    for (const bool through_itself : {true, false}) {
        InsnTest t;
        map_heap(t, through_itself);
        t.set(kRbx, kHeap), t.set(kRdi, through_itself ? kHeap : kWritableHeap);
        t.execute([](auto& a) {
            const Label next = a.newLabel();
            a.mov(x86::ecx, 2000);
            a.bind(next);
            emit_function(a);
            a.call(x86::rbx);
            a.add(x86::rdx, x86::rax);
            a.dec(x86::ecx);
            a.jnz(next);
        });
        CHECK(t.reg(kRdx) == 2000u * 2001 / 2);
    }
}

TEST_CASE("A call site is patched from stub to target, as lazy binding does", "[insn][smc]") {
    InsnTest t;
    map_heap(t, true);
    const Gva stub = kHeap + 0x100, target = kHeap + 0x200;
    // The caller is `call rel32; ret`; the stub patches the distance and goes on to the target.
    t.load([&](auto& a) { a.call(stub), a.ret(); }, kHeap);
    t.load(
        [&](auto& a) {
            a.inc(x86::esi);
            a.mov(x86::dword_ptr(x86::rbx, 1), static_cast<u32>(target - (kHeap + 5)));
            a.jmp(target);
        },
        stub);
    t.load([](auto& a) { a.inc(x86::edi), a.ret(); }, target);
    t.set(kRbx, kHeap), t.set(kRsi, 0), t.set(kRdi, 0);
    t.execute([](auto& a) {
        const Label next = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(next);
        a.call(x86::rbx);
        a.dec(x86::ecx);
        a.jnz(next);
    });
    CHECK(t.reg(kRsi) == 1);
    CHECK(t.reg(kRdi) == 100);
}

TEST_CASE("A loop whose branch becomes its end", "[insn][smc]") {
    InsnTest t;
    map_heap(t, true);
    t.load(
        [](auto& a) {
            const Label again = a.newLabel(), branch = a.newLabel(), stay = a.newLabel();
            a.bind(again);
            a.inc(x86::ecx);
            a.cmp(x86::ecx, 50);
            a.jne(stay);
            a.mov(x86::word_ptr(branch), 0x9090);
            a.bind(stay);
            a.bind(branch);
            a.short_().jmp(again);
        },
        kHeap);
    t.set(kRcx, 0), t.set(kRbx, kHeap);
    t.load([](auto& a) { a.jmp(x86::rbx); });
    t.run();
    CHECK(t.last.vector == kVectorBP);
    CHECK(t.reg(kRcx) == 50);
}

TEST_CASE("Vector and locked stores, and an instruction that is extended over its neighbour", "[insn][smc]") {
    InsnTest t;
    map_heap(t, true);
    t.load([](auto& a) { a.mov(x86::eax, 1), a.nop(), a.nop(), a.nop(), a.ret(); }, kHeap);
    t.set(kRbx, kHeap);
    t.execute([](auto& a) {
        a.call(x86::rbx);
        a.mov(x86::esi, x86::eax);
        a.movdqu(x86::xmm0, x86::ptr(x86::rbx));
        a.mov(x86::edx, 7);
        a.pinsrb(x86::xmm0, x86::edx, 1);
        a.movdqu(x86::ptr(x86::rbx), x86::xmm0);
        a.call(x86::rbx);
        a.mov(x86::edi, x86::eax);
        a.lock().add(x86::dword_ptr(x86::rbx, 1), 4);
        a.call(x86::rbx);
        a.mov(x86::r8d, x86::eax);
        a.mov(x86::byte_ptr(x86::rbx, 4), 0x05);  // the immediate's last byte; then 90 90 90 become `05 imm32`
        a.mov(x86::byte_ptr(x86::rbx, 4), 0x00);
        a.mov(x86::dword_ptr(x86::rbx, 5), 0xc3ff'c0ff);  // inc eax; inc ebx's opcode byte, ret
        a.mov(x86::dword_ptr(x86::rbx, 7), 0x90c3'c0ff);  // inc eax; ret
        a.call(x86::rbx);
    });
    CHECK(t.reg(kRsi) == 1);
    CHECK(t.reg(kRdi) == 7);
    CHECK(t.reg(kR8) == 11);
    CHECK(t.reg(kRax) == 13);
}

namespace {

/// A device whose doorbell makes it write guest memory before the store is complete.
struct BusMaster : MmioHandler {
    PhysMap* phys = nullptr;
    Gpa at = 0;
    u64 mmio_read(u64, unsigned) override { return 0; }
    void mmio_write(u64, unsigned, u64 value) override {
        const u8 byte = static_cast<u8>(value);
        phys->dma_write(at, {&byte, 1});
    }
};

}  // namespace

TEST_CASE("A bus master changes the instruction behind the store that started it", "[insn][smc]") {
    constexpr Gpa kDevice = 0x4000'0000;
    constexpr Gva kDeviceAt = 0x90'0000;
    BusMaster device;
    InsnTest t;
    const Mapping mapping = t.guest.mmio().map(kDevice, kPageSize, device, "bus master");
    t.guest.map(kDeviceAt, kDevice, kPageSize, kUserPage | kWritablePage);
    device.phys = &t.guest.phys();
    device.at = t.guest.physical(kCodeAt) + 9;  // the immediate of `mov eax`
    t.set(kRbx, kDeviceAt), t.set(kRcx, 0);
    t.execute([](auto& a) {
        const Label again = a.newLabel();
        a.bind(again);
        a.nop(), a.nop(), a.nop(), a.nop();
        a.inc(x86::ecx);
        a.mov(x86::dword_ptr(x86::rbx), x86::ecx);
        REQUIRE(a.offset() == 8);
        a.mov(x86::eax, 0);
        a.add(x86::edx, x86::eax);
        a.cmp(x86::ecx, 20);
        a.jne(again);
    });
    CHECK(static_cast<u32>(t.reg(kRdx)) == 210);
}

TEST_CASE("One page of code in two places, each patched through the other", "[insn][smc]") {
    InsnTest t;
    const Gva a_side = 0xc0'0000, b_side = 0xd0'0000;
    const Gpa page = t.guest.allocate(1);
    for (const Gva side : {a_side, b_side}) t.guest.map(side, page, kPageSize, kUserPage | kWritablePage);
    t.load([](auto& a) { a.mov(x86::eax, 1), a.ret(); }, a_side);
    t.set(kRbx, a_side), t.set(kRsi, b_side), t.set(kRdx, 0);
    t.execute([](auto& a) {
        const Label next = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(next);
        a.inc(x86::byte_ptr(x86::rsi, 1));
        a.call(x86::rbx);
        a.add(x86::edx, x86::eax);
        a.inc(x86::byte_ptr(x86::rbx, 1));
        a.call(x86::rsi);
        a.sub(x86::edx, x86::eax);
        a.dec(x86::ecx);
        a.jnz(next);
    });
    CHECK(static_cast<i32>(t.reg(kRdx)) == -100);
    CHECK(t.load_value<u8>(a_side + 1) == 201);
}

}  // namespace twin86::test
