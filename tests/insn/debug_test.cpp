// Debug registers and single steps, SDM vol. 3, 17.2 and 17.3: instruction, data and port breakpoints, what they report and
// where execution stops.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr u64 kLocal0 = 1;
constexpr u64 kBs = bit(14), kBd = bit(13);
constexpr u64 rw(unsigned n, u64 kind) { return kind << (16 + 4 * n); }
constexpr u64 len(unsigned n, u64 code) { return code << (18 + 4 * n); }
constexpr u64 kOnWrite = 1, kOnPort = 2, kOnAccess = 3, kLen1 = 0, kLen2 = 1, kLen8 = 2, kLen4 = 3;

class DebugTest : public InsnTest {
  public:
    /// Runs with DR0 at `address` and DR7.
    GuestStop go(u64 address, u64 dr7, bool user = true, u64 flags = 0) {
        guest.start(kCodeAt, kStackTop - 0x100, user);
        CpuState& s = guest.state();
        s.dr[0] = address, s.dr[6] = 0xffff0ff0, s.dr[7] = dr7 | 0x400;
        s.rflags |= flags;
        s.gpr[kRbx] = s.gpr[kRdi] = s.gpr[kRsi] = kDataAt, s.gpr[kRcx] = 3, s.gpr[kRax] = 0;
        return last = guest.run();
    }
    u64 causes() { return guest.state().dr[6] & 0xe00f; }
};

using Program = std::function<void(InsnTest::Assembler&)>;

/// MOV SS, at the start of the code, and two instructions of 2 bytes.
void load_mov_ss(DebugTest& t) {
    t.load([](auto& a) {
        a.db(0x8e), a.db(0x13);  // mov ss, [rbx]
        a.inc(x86::edx);
        a.inc(x86::edx);
    });
    t.store_value<u16>(kDataAt, JitGuest::kUserData);
}

}  // namespace

TEST_CASE("An instruction breakpoint faults before its instruction, once with RF", "[insn][debug]") {
    DebugTest t;
    t.load([](auto& a) {
        a.inc(x86::edx);         // 2 bytes
        a.inc(x86::edx);
        a.jmp(kCodeAt);
    });
    t.go(kCodeAt + 2, kLocal0);
    CHECK(t.last.vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt + 2);
    CHECK((t.last.rflags & kFlagRF) != 0);
    CHECK(t.causes() == 1);
    CHECK(t.guest.state().gpr[kRdx] == 1);
    // RF lets this one pass; the next round stops again.
    t.guest.start(kCodeAt + 2, kStackTop);
    CpuState& s = t.guest.state();
    s.dr[0] = kCodeAt + 2, s.dr[7] = 0x400 | kLocal0, s.rflags |= kFlagRF, s.gpr[kRdx] = 0;
    t.last = t.guest.run();
    CHECK(t.last.vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt + 2);
    CHECK(s.gpr[kRdx] == 2);
}

TEST_CASE("Instruction breakpoints on code that has run before, and no longer when they are off", "[insn][debug]") {
    DebugTest t;
    t.load([](auto& a) {
        Label loop = a.newLabel();
        a.bind(loop);
        a.nop();
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.go(kCodeAt + 1, 0).vector == kVectorBP);
    CHECK(t.go(kCodeAt + 1, kLocal0).vector == kVectorDB);
    CHECK(t.guest.state().gpr[kRcx] == 3);
    CHECK(t.go(kCodeAt + 1, 0).vector == kVectorBP);
    CHECK(t.go(kCodeAt + 2, kLocal0).vector == kVectorBP);  // not the start of an instruction
}

TEST_CASE("Data breakpoints trap behind the instruction", "[insn][debug]") {
    struct Case {
        const char* what;
        Program program;
        u64 rip;         ///< behind the instruction, from kCodeAt
        bool only_read;
    };
    const Case cases[] = {
        {"mov store", [](auto& a) { a.mov(x86::dword_ptr(x86::rbx), x86::eax); }, 2, false},
        {"mov store in a block", [](auto& a) { a.nop(), a.mov(x86::dword_ptr(x86::rbx), x86::eax), a.inc(x86::edx), a.inc(x86::edx); }, 3, false},
        {"mov load", [](auto& a) { a.mov(x86::eax, x86::dword_ptr(x86::rbx)); }, 2, true},
        {"add", [](auto& a) { a.add(x86::dword_ptr(x86::rbx), x86::eax); }, 2, false},
        {"lock xadd", [](auto& a) { a.lock().xadd(x86::dword_ptr(x86::rbx), x86::eax); }, 4, false},
        {"vector store", [](auto& a) { a.movups(x86::ptr(x86::rbx), x86::xmm0); }, 3, false},
        {"push m", [](auto& a) { a.push(x86::qword_ptr(x86::rbx)); }, 2, true},
        {"pop m", [](auto& a) { a.pop(x86::qword_ptr(x86::rbx)); }, 2, false},
        {"jmp m", [](auto& a) { a.jmp(x86::qword_ptr(x86::rbx)); }, 0x100, true},
        {"stosb", [](auto& a) { a.stosb(); }, 1, false},
        {"rep stosb, after the element", [](auto& a) { a.rep().stosb(); }, 0, false},
        {"lodsb", [](auto& a) { a.lodsb(); }, 1, true},
        {"fxsave", [](auto& a) { a.fxsave(x86::ptr(x86::rbx)); }, 3, false},
        {"sgdt", [](auto& a) { a.sgdt(x86::ptr(x86::rbx)); }, 3, false},
    };
    for (const Case& c : cases) {
        for (const u64 kind : {kOnWrite, kOnAccess}) {
            INFO(c.what << ", kind " << kind);
            DebugTest t;
            t.load(c.program);
            t.store_value<u64>(kDataAt, kCodeAt + 0x100);
            t.load_bytes(std::array<u8, 1>{0xcc}, kCodeAt + 0x100);
            t.go(kDataAt, kLocal0 | rw(0, kind) | len(0, kLen4));
            const bool hit = kind == kOnAccess || !c.only_read;
            CHECK(t.last.vector == (hit ? kVectorDB : kVectorBP));
            if (!hit) continue;
            CHECK(t.last.rip == kCodeAt + c.rip);
            CHECK((t.last.rflags & kFlagRF) == 0);
            CHECK(t.causes() == 1);
        }
    }
}

TEST_CASE("The bytes that a data breakpoint covers", "[insn][debug]") {
    struct Case {
        u64 address, code;
        i32 first, last;  ///< bytes that hit, from kDataAt
    };
    const Case cases[] = {{kDataAt, kLen1, 0, 0}, {kDataAt + 3, kLen1, 3, 3}, {kDataAt + 2, kLen2, 2, 3}, {kDataAt + 3, kLen2, 2, 3},
                          {kDataAt + 4, kLen4, 4, 7}, {kDataAt + 6, kLen4, 4, 7}, {kDataAt + 8, kLen8, 8, 15}};
    for (const Case& c : cases)
        for (i32 byte = 0; byte < 20; ++byte) {
            DebugTest t;
            t.load([&](auto& a) { a.mov(x86::byte_ptr(x86::rbx, byte), x86::al); });
            t.go(c.address, kLocal0 | rw(0, kOnWrite) | len(0, c.code));
            INFO("DR0 " << std::hex << c.address << " LEN " << c.code << " byte " << byte);
            CHECK((t.last.vector == kVectorDB) == (byte >= c.first && byte <= c.last));
        }
}

TEST_CASE("A data breakpoint at an access over two pages", "[insn][debug]") {
    DebugTest t;
    t.load([](auto& a) { a.mov(x86::dword_ptr(x86::rbx, 0xffe), x86::eax), a.inc(x86::edx); });
    for (const u64 at : {kDataAt + 0xfff, kDataAt + 0x1000}) {
        t.go(at, kLocal0 | rw(0, kOnWrite));
        CHECK(t.last.vector == kVectorDB);
        CHECK(t.last.rip == kCodeAt + 6);
    }
}

TEST_CASE("An instruction that faults reports no data breakpoint", "[insn][debug]") {
    DebugTest t;
    t.load([](auto& a) { a.push(x86::qword_ptr(x86::rbx)); });
    t.guest.start(kCodeAt, kStackAt, true);  // the push faults, behind the read
    CpuState& s = t.guest.state();
    s.dr[0] = kDataAt, s.dr[6] = 0xffff0ff0, s.dr[7] = 0x400 | kLocal0 | rw(0, kOnAccess), s.gpr[kRbx] = kDataAt;
    t.last = t.guest.run();
    CHECK(t.last.vector == kVectorPF);
    CHECK(t.causes() == 0);
}

TEST_CASE("Port breakpoints need CR4.DE", "[insn][debug]") {
    const Program programs[] = {[](auto& a) { a.in(x86::al, 0x80); }, [](auto& a) { a.out(0x80, x86::al); }};
    for (const Program& program : programs)
        for (const bool de : {false, true}) {
            DebugTest t;
            t.load(program);
            t.guest.start(kCodeAt, kStackTop, false);
            CpuState& s = t.guest.state();
            if (de) s.cr4 |= kCr4DE;
            s.dr[0] = 0x80, s.dr[6] = 0xffff0ff0, s.dr[7] = 0x400 | kLocal0 | rw(0, kOnPort);
            t.last = t.guest.run();
            CHECK(t.last.vector == (de ? kVectorDB : kVectorBP));
            if (de) CHECK(t.last.rip == kCodeAt + 2);
            CHECK(t.guest.environment().ports.size() == 1);
        }
}

TEST_CASE("MOV SS holds traps back", "[insn][debug]") {
    DebugTest t;
    load_mov_ss(t);
    SECTION("a data breakpoint comes behind the next instruction") {
        t.go(kDataAt, kLocal0 | rw(0, kOnAccess));
        CHECK(t.causes() == 1);
    }
    SECTION("a single step is lost") {
        t.go(0, 0, true, kFlagTF);
        CHECK(t.causes() == kBs);
    }
    CHECK(t.last.vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt + 4);
}

TEST_CASE("MOV SS holds back a breakpoint on the next instruction", "[insn][debug]") {
    DebugTest t;
    load_mov_ss(t);
    CHECK(t.go(kCodeAt + 2, kLocal0).vector == kVectorBP);
    CHECK(t.go(kCodeAt + 4, kLocal0).vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt + 4);
}

TEST_CASE("A data breakpoint of MOV SS behind software interrupts", "[insn][debug]") {
    struct Case {
        std::vector<u8> code;  ///< after MOV SS
        bool lost;
    };
    // ICEBP, INT 40H, INT3.
    for (const Case& c : {Case{{0xf1}, true}, Case{{0xcd, 0x40}, false}, Case{{0xcc}, false}}) {
        DebugTest t;
        load_mov_ss(t);
        t.load_bytes(c.code, kCodeAt + 2);
        t.go(kDataAt, kLocal0 | rw(0, kOnAccess));
        INFO("opcode " << std::hex << unsigned{c.code[0]});
        CHECK(t.last.vector == kVectorDB);
        CHECK((t.last.cs & 3) == (c.lost ? 3 : 0));  // in the program, or at the start of the interrupt's handler
        CHECK(t.causes() == (c.lost ? 0 : 1));
    }
}

TEST_CASE("TF and instructions that enter the kernel", "[insn][debug]") {
    DebugTest t;
    t.load([](auto& a) { a.int_(0x40); });
    t.go(0, 0, true, kFlagTF);
    CHECK(t.last.vector == 0x40);
    CHECK((t.last.rflags & kFlagTF) != 0);
    CHECK(t.causes() == 0);
    t.load([](auto& a) { a.syscall(); });
    for (const bool masked : {true, false}) {
        t.guest.start(kCodeAt, kStackTop, true);
        CpuState& s = t.guest.state();
        s.star = u64{JitGuest::kKernelCode} << 32, s.lstar = kCodeAt + 0x800;
        s.sfmask = masked ? u64{kFlagTF} : 0;
        s.rflags |= kFlagTF, s.dr[6] = 0xffff0ff0;
        t.load_bytes(std::array<u8, 1>{0xcc}, kCodeAt + 0x800);
        t.last = t.guest.run();
        CHECK(t.last.vector == (masked ? +kVectorBP : +kVectorDB));
    }
}

TEST_CASE("General detect and ICEBP", "[insn][debug]") {
    DebugTest t;
    t.load([](auto& a) { a.mov(x86::rax, x86::dr6); });
    t.go(0, bit(13), false);
    CHECK(t.last.vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt);
    CHECK(t.causes() == kBd);
    CHECK((t.guest.state().dr[7] & bit(13)) == 0);
    t.load_bytes(std::array<u8, 1>{0xf1});
    t.go(0, 0);
    CHECK(t.last.vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt + 1);
    CHECK(t.causes() == 0);
}

TEST_CASE("NMIs are blocked from their delivery to IRET, and by MOV SS", "[insn][debug]") {
    InsnTest t;
    t.load([](auto& a) { a.nop(), a.nop(); });
    t.guest.start(kCodeAt, kStackTop, false);
    CpuState& s = t.guest.state();
    s.nmi_pending = true, s.shadow = kShadowMovSs;
    GuestStop stop = t.guest.run();
    CHECK(stop.vector == kVectorNMI);
    CHECK(stop.rip == kCodeAt + 1);
    CHECK(s.nmi_blocked);
    s.nmi_pending = true;
    t.guest.start(kCodeAt, kStackTop, false);
    s.nmi_blocked = true, s.nmi_pending = true;
    CHECK(t.guest.run().vector == kVectorBP);
    t.load([](auto& a) { a.iretq(); });
    t.guest.start(kCodeAt, kStackTop - 40, false);
    const u64 frame[] = {kCodeAt + 0x100, JitGuest::kKernelCode, 2, kStackTop, JitGuest::kKernelData};
    for (unsigned i = 0; i < 5; ++i) t.store_value<u64>(kStackTop - 40 + 8 * i, frame[i]);
    s.nmi_blocked = true, s.nmi_pending = true;
    stop = t.guest.run();
    CHECK(stop.vector == kVectorNMI);
    CHECK(stop.rip == kCodeAt + 0x100);
}

}  // namespace twin86::test
