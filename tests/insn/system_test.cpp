// Privileged instructions that the translator emits inline: they keep arithmetic flags and do what the slow paths do.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

/// Runs in ring 0 up to the program's INT3.
GuestStop run_ring0(InsnTest& t, const std::function<void(InsnTest::Assembler&)>& program) {
    t.load(program);
    return t.run(false);
}

}  // namespace

TEST_CASE("CLI, STI and PUSHF: IF follows, arithmetic flags stay", "[insn][system]") {
    InsnTest t;
    const GuestStop stop = run_ring0(t, [](InsnTest::Assembler& a) {
        a.mov(x86::eax, 0x7f);
        a.add(x86::al, 0x7f);  // OF, SF, AF
        a.stc();
        a.sti();
        a.nop();
        a.pushfq();
        a.pop(x86::r15);
        a.cli();
        a.pushfq();
        a.pop(x86::rbx);
        a.setc(x86::cl);
        a.seto(x86::ch);
    });
    REQUIRE(stop.vector == kVectorBP);
    CHECK((t.reg(kR15) & kFlagIF) != 0);
    CHECK((t.reg(kRbx) & kFlagIF) == 0);
    CHECK((t.reg(kR15) & kFlagsArithmetic) == (t.reg(kRbx) & kFlagsArithmetic));
    CHECK((t.reg(kRbx) & (kFlagCF | kFlagOF | kFlagSF)) == (kFlagCF | kFlagOF | kFlagSF));
    CHECK((t.reg(kRcx) & 0xffff) == 0x0101);
}

TEST_CASE("POPF: arithmetic flags and IF are taken, a change of AC goes the slow way", "[insn][system]") {
    InsnTest t;
    const GuestStop stop = run_ring0(t, [](InsnTest::Assembler& a) {
        a.push(kFlagReserved1 | kFlagCF | kFlagZF);
        a.popfq();
        a.setc(x86::al);
        a.setz(x86::ah);
        a.sets(x86::bl);
        a.mov(x86::ecx, static_cast<u32>(kFlagReserved1 | kFlagAC | kFlagSF));
        a.push(x86::rcx);
        a.popfq();
        a.pushfq();
        a.pop(x86::rdx);
        a.push(kFlagReserved1);
        a.popfq();
    });
    REQUIRE(stop.vector == kVectorBP);
    CHECK((t.reg(kRax) & 0xffff) == 0x0101);
    CHECK((t.reg(kRbx) & 0xff) == 0);
    CHECK((t.reg(kRdx) & (kFlagAC | kFlagSF | kFlagCF | kFlagZF)) == (kFlagAC | kFlagSF));
    CHECK(t.reg(kRsp) == kStackTop);
}

TEST_CASE("STI: a waiting interrupt comes after the next instruction, not before", "[insn][system]") {
    InsnTest t;
    t.guest.environment().pending_vector = 30;
    const GuestStop stop = run_ring0(t, [](InsnTest::Assembler& a) {
        const Label next = a.newLabel();
        a.xor_(x86::eax, x86::eax);
        a.sti();
        a.inc(x86::eax);
        a.jmp(next);
        a.bind(next);
        a.inc(x86::ebx);
        a.jmp(next);
    });
    CHECK(stop.vector == 30);
    CHECK(t.reg(kRax) == 1);
}

TEST_CASE("POPF that sets IF lets a waiting interrupt in", "[insn][system]") {
    InsnTest t;
    t.guest.environment().pending_vector = 30;
    const GuestStop stop = run_ring0(t, [](InsnTest::Assembler& a) {
        const Label loop = a.newLabel();
        a.push(kFlagReserved1 | kFlagIF);
        a.popfq();
        a.bind(loop);
        a.jmp(loop);
    });
    CHECK(stop.vector == 30);
}

TEST_CASE("SWAPGS, RDTSC, MOV from CR and WRFSBASE keep flags", "[insn][system]") {
    InsnTest t;
    const GuestStop stop = run_ring0(t, [](InsnTest::Assembler& a) {
        a.mov(x86::r10, 0x123456789000);
        a.stc();
        a.rdtsc();
        a.mov(x86::r15, x86::cr3);
        a.swapgs();
        a.swapgs();
        a.setc(x86::bl);
    });
    REQUIRE(stop.vector == kVectorBP);
    CHECK((t.reg(kRbx) & 0xff) == 1);
    CHECK(t.reg(kR15) == t.guest.state().cr3);
    CHECK(t.reg(kRax) <= 0xffffffff);
    CHECK(t.reg(kRdx) <= 0xffffffff);
}

TEST_CASE("RDTSC behind the deadline of a timer lets the interrupt in before the guest can act on the time", "[insn][system]") {
    for (const bool aux : {false, true}) {
        InsnTest t;
        auto& environment = t.guest.environment();
        environment.on_read_tsc = [&] {
            environment.pending_vector = 30;
            t.guest.vcpu().kick();
        };
        t.guest.vcpu().set_timer_deadline(1);
        const GuestStop stop = run_ring0(t, [aux](InsnTest::Assembler& a) {
            const Label next = a.newLabel();
            a.xor_(x86::ebx, x86::ebx);
            a.sti();
            a.nop();
            aux ? a.rdtscp() : a.rdtsc();
            a.test(x86::eax, x86::eax);
            a.jnz(next);
            a.bind(next);
            a.inc(x86::ebx);
        });
        CHECK(stop.vector == 30);
        CHECK(t.reg(kRbx) == 0);
    }
}

TEST_CASE("RDTSC before the deadline of a timer asks nobody", "[insn][system]") {
    InsnTest t;
    int asked = 0;
    t.guest.environment().on_read_tsc = [&] { ++asked; };
    const auto program = [](InsnTest::Assembler& a) {
        a.xor_(x86::ebx, x86::ebx);
        a.rdtsc();
        a.mov(x86::ecx, x86::eax);
        a.test(x86::eax, x86::eax);
    };
    for (const u64 deadline : {~u64{0}, u64{1} << 63, u64{1}}) {
        asked = 0;
        t.guest.vcpu().set_timer_deadline(deadline);
        const GuestStop stop = run_ring0(t, program);
        REQUIRE(stop.vector == kVectorBP);
        CHECK(asked - 1 == (deadline == 1 ? 1 : 0));  // run() asks for the bias once
        CHECK(t.reg(kRax) == t.reg(kRcx));
    }
}

TEST_CASE("STAC and CLAC switch the view under SMAP", "[insn][system]") {
    InsnTest t;
    if (!t.guest.model().has(Feature::kSmap)) return;
    t.store_value(kDataAt, 0x55aa55aa55aa55aaull);
    const GuestStop stop = run_ring0(t, [](InsnTest::Assembler& a) {
        a.mov(x86::r9, kDataAt);
        a.xor_(x86::ecx, x86::ecx);
        a.mov(x86::rax, x86::cr4);
        a.or_(x86::eax, 1 << 21);
        a.mov(x86::cr4, x86::rax);
        a.stac();
        a.mov(x86::rbx, x86::qword_ptr(x86::r9));
        a.clac();
        a.mov(x86::rcx, x86::qword_ptr(x86::r9));
    });
    // The stack is a user page, too: what the #PF becomes is not the point here.
    CHECK(stop.vector != kVectorBP);
    CHECK(t.reg(kRbx) == 0x55aa55aa55aa55aaull);
    CHECK(t.reg(kRcx) == 0);
}

}  // namespace twin86::test
