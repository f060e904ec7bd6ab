// Which bytes an instruction touches, as data and port breakpoints see it: SDM vol. 3, 17.2.4, 17.2.5. The manual leaves open what state
// images and masked elements count for: there the table has what Zen 4 does.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

using Program = std::function<void(InsnTest::Assembler&)>;

constexpr u64 kLocal(unsigned n) { return bit(2 * n); }
constexpr u64 kWrite = 1, kPort = 2, kAccess = 3;
constexpr u64 kind(unsigned n, u64 value) { return value << (16 + 4 * n); }
constexpr u64 len(unsigned n, u64 code) { return code << (18 + 4 * n); }

// Where the registers point.
constexpr Gva kOperand = kDataAt + 0x400, kSource = kDataAt + 0xc00, kTop = kStackTop - 0x100, kFrame = kStackTop - 0x80;
constexpr Gva kTarget = kCodeAt + 0x100;  ///< of branches: an INT3

struct BreakpointRig : InsnTest {
    CpuState& prepare(bool user = true) {
        load_bytes(std::array<u8, 1>{0xcc}, kTarget);
        guest.start(kCodeAt, kTop, user);
        CpuState& s = guest.state();
        s.dr[6] = 0xffff0ff0, s.dr[7] = 0x400;
        s.gpr[kRbx] = s.gpr[kRdi] = kOperand, s.gpr[kRsi] = kSource, s.gpr[kRbp] = kFrame;
        s.gpr[kRcx] = 3, s.gpr[kRax] = 7, s.gpr[kRdx] = 0;
        return s;
    }
    /// DR6's causes after a run with DR0, 0 when no #DB ends it.
    u64 hits() {
        last = guest.run();
        const u64 causes = guest.state().dr[6] & 0xe00f;
        CHECK((last.vector == kVectorDB) == (causes != 0));
        return causes;
    }
    u64 hits_at(Gva address, u64 what) {
        CpuState& s = prepare();
        s.dr[0] = address, s.dr[7] |= kLocal(0) | kind(0, what);
        return hits();
    }
};

/// A range of bytes that all count as written, or as read only; neither does the byte behind it.
struct Touched {
    Gva from;
    unsigned size;
    bool written;
};

struct Case {
    const char* what;
    std::vector<Touched> touched;
    std::vector<Gva> left_alone;
    Program program;
};

Program bytes(std::vector<u8> code) {
    return [code = std::move(code)](auto& a) { a.embed(code.data(), code.size()); };
}

const Case kScalars[] = {
    {"mov load", {{kOperand, 4, false}}, {kOperand - 1}, [](auto& a) { a.mov(x86::eax, x86::dword_ptr(x86::rbx)); }},
    {"mov store", {{kOperand, 8, true}}, {kOperand - 1}, [](auto& a) { a.mov(x86::qword_ptr(x86::rbx), x86::rax); }},
    {"misaligned store", {{kOperand + 3, 8, true}}, {kOperand + 2}, [](auto& a) { a.mov(x86::qword_ptr(x86::rbx, 3), x86::rax); }},
    {"push", {{kTop - 8, 8, true}}, {kTop - 9}, [](auto& a) { a.push(x86::rax); }},
    {"push 16 bits", {{kTop - 2, 2, true}}, {kTop - 3}, [](auto& a) { a.push(x86::ax); }},
    {"pop", {{kTop, 8, false}}, {kTop - 1}, [](auto& a) { a.pop(x86::rax); }},
    {"call", {{kTop - 8, 8, true}}, {kTop - 9}, [](auto& a) { a.call(kTarget); }},
    {"call m", {{kTop - 8, 8, true}, {kOperand, 8, false}}, {}, [](auto& a) { a.call(x86::qword_ptr(x86::rbx)); }},
    {"ret", {{kTop, 8, false}}, {kTop - 1}, [](auto& a) { a.ret(); }},
    {"jmp m", {{kOperand, 8, false}}, {}, [](auto& a) { a.jmp(x86::qword_ptr(x86::rbx)); }},
    {"enter", {{kTop - 8, 8, true}}, {kTop - 16}, [](auto& a) { a.enter(8, 0); }},
    {"leave", {{kFrame, 8, false}}, {}, [](auto& a) { a.leave(); }},
    {"cmpxchg, not equal", {{kOperand, 4, true}}, {}, [](auto& a) { a.cmpxchg(x86::dword_ptr(x86::rbx), x86::edx); }},
    {"lock cmpxchg16b", {{kOperand, 16, true}}, {}, [](auto& a) { a.lock().cmpxchg16b(x86::ptr(x86::rbx)); }},
    {"add of 0", {{kOperand, 4, true}}, {}, [](auto& a) { a.add(x86::dword_ptr(x86::rbx), 0); }},
    {"shl by 0", {{kOperand, 4, true}}, {}, [](auto& a) { a.shl(x86::dword_ptr(x86::rbx), 0); }},
    {"cmp", {{kOperand, 4, false}}, {}, [](auto& a) { a.cmp(x86::dword_ptr(x86::rbx), x86::eax); }},
    {"bt", {{kOperand, 4, false}}, {}, [](auto& a) { a.bt(x86::dword_ptr(x86::rbx), 0); }},
    {"bts", {{kOperand, 4, true}}, {}, [](auto& a) { a.bts(x86::dword_ptr(x86::rbx), 0); }},
    {"xchg", {{kOperand, 4, true}}, {}, [](auto& a) { a.xchg(x86::dword_ptr(x86::rbx), x86::eax); }},
    {"cmov, not taken", {{kOperand, 4, false}}, {}, [](auto& a) { a.cmp(x86::eax, x86::eax), a.cmovne(x86::eax, x86::dword_ptr(x86::rbx)); }},
    {"xlat", {{kOperand + 7, 1, false}}, {kOperand}, [](auto& a) { a.xlatb(); }},
    {"mov fs, m", {{kSource, 2, false}}, {}, [](auto& a) { a.mov(x86::fs, x86::word_ptr(x86::rsi)); }},
    {"verr", {{kOperand, 2, false}}, {}, [](auto& a) { a.verr(x86::word_ptr(x86::rbx)); }},
    {"clflush", {{kOperand, 1, false}}, {}, [](auto& a) { a.clflush(x86::ptr(x86::rbx)); }},
    {"clflushopt", {{kOperand, 1, false}}, {}, bytes({0x66, 0x0f, 0xae, 0x3b})},
    {"clwb", {{kOperand, 1, false}}, {}, bytes({0x66, 0x0f, 0xae, 0x33})},
    {"prefetch", {}, {kOperand}, [](auto& a) { a.prefetcht0(x86::ptr(x86::rbx)); }},
    {"nop m", {}, {kOperand}, bytes({0x0f, 0x1f, 0x03})},
};

const Case kStates[] = {
    {"fxsave", {{kOperand, 416, true}}, {kOperand + 464, kOperand + 511}, [](auto& a) { a.fxsave(x86::ptr(x86::rbx)); }},
    {"xsave", {{kOperand, 416, true}, {kOperand + 512, 8, true}, {kOperand + 576, 256, true}}, {kOperand + 511, kOperand + 575},
     [](auto& a) { a.xsave(x86::ptr(x86::rbx)); }},
    {"fnsave", {{kOperand, 108, true}}, {}, [](auto& a) { a.fnsave(x86::ptr(x86::rbx)); }},
    {"fnstenv", {{kOperand, 28, true}}, {}, [](auto& a) { a.fnstenv(x86::ptr(x86::rbx)); }},
    {"fldt", {{kOperand, 10, false}}, {}, [](auto& a) { a.fld(x86::tword_ptr(x86::rbx)); }},
    {"fnstcw", {{kOperand, 2, true}}, {}, [](auto& a) { a.fnstcw(x86::word_ptr(x86::rbx)); }},
    {"stmxcsr", {{kOperand, 4, true}}, {}, [](auto& a) { a.stmxcsr(x86::dword_ptr(x86::rbx)); }},
    {"movups load", {{kOperand, 16, false}}, {}, [](auto& a) { a.movups(x86::xmm0, x86::ptr(x86::rbx)); }},
    {"movups store", {{kOperand, 16, true}}, {}, [](auto& a) { a.movups(x86::ptr(x86::rbx), x86::xmm0); }},
    {"maskmovdqu of byte 15", {{kOperand + 15, 1, true}}, {kOperand, kOperand + 14},
     [](auto& a) { a.pcmpeqd(x86::xmm1, x86::xmm1), a.pslldq(x86::xmm1, 15), a.maskmovdqu(x86::xmm0, x86::xmm1, x86::ptr(x86::rdi)); }},
};

const Case kVectors[] = {
    {"vmovdqu ymm", {{kOperand, 32, true}}, {}, [](auto& a) { a.vmovdqu(x86::ymmword_ptr(x86::rbx), x86::ymm0); }},
    {"vmaskmovps store of nothing", {}, {kOperand, kOperand + 15},
     [](auto& a) { a.vxorps(x86::xmm0, x86::xmm0, x86::xmm0), a.vmaskmovps(x86::ptr(x86::rbx), x86::xmm0, x86::xmm1); }},
    {"vpgatherdd of element 0", {{kOperand, 4, false}}, {kOperand - 1},
     [](auto& a) {
         a.vpcmpeqd(x86::xmm1, x86::xmm1, x86::xmm1), a.vpsrldq(x86::xmm1, x86::xmm1, 12);
         a.vpxor(x86::xmm2, x86::xmm2, x86::xmm2);
         a.vpgatherdd(x86::xmm0, x86::ptr(x86::rbx, x86::xmm2), x86::xmm1);
     }},
    {"vpgatherdd of nothing", {}, {kOperand},
     [](auto& a) {
         a.vpxor(x86::xmm1, x86::xmm1, x86::xmm1), a.vpxor(x86::xmm2, x86::xmm2, x86::xmm2);
         a.vpgatherdd(x86::xmm0, x86::ptr(x86::rbx, x86::xmm2), x86::xmm1);
     }},
};

// movl $4, %eax; kmovw %eax, %k1; then the instruction with {k1}.
Program with_mask(u8 mask, std::vector<u8> insn) {
    std::vector<u8> code{0xb8, mask, 0, 0, 0, 0xc5, 0xf8, 0x92, 0xc8};
    code.insert(code.end(), insn.begin(), insn.end());
    return bytes(code);
}

const Case kMasked[] = {
    {"vmovdqu32 store of element 2", {{kOperand + 8, 4, true}}, {kOperand, kOperand + 7}, with_mask(4, {0x62, 0xf1, 0x7e, 0x49, 0x7f, 0x03})},
    {"vmovdqu32 load of element 2", {{kOperand + 8, 4, false}}, {kOperand, kOperand + 7}, with_mask(4, {0x62, 0xf1, 0x7e, 0x49, 0x6f, 0x03})},
    {"vmovdqu32 of nothing", {}, {kOperand, kOperand + 63}, with_mask(0, {0x62, 0xf1, 0x7e, 0x49, 0x7f, 0x03})},
    {"vpcompressd of element 3", {{kOperand, 4, true}}, {kOperand + 12}, with_mask(8, {0x62, 0xf2, 0x7d, 0x49, 0x8b, 0x03})},
    {"vpexpandd of element 3", {{kOperand, 4, false}}, {kOperand + 12}, with_mask(8, {0x62, 0xf2, 0x7d, 0x49, 0x89, 0x03})},
    {"vaddps of nothing, broadcast", {}, {kOperand}, with_mask(0, {0x62, 0xf1, 0x7c, 0x59, 0x58, 0x03})},
};

void check(const Case& c) {
    BreakpointRig t;
    t.load(c.program);
    t.store_value<u64>(kOperand, kTarget);
    t.store_value<u64>(kTop, kTarget);
    t.store_value<u16>(kSource, JitGuest::kUserData);
    const auto expect = [&](Gva at, bool read, bool written) {
        INFO(c.what << ", byte " << static_cast<i64>(at - kOperand) << " of the operand, " << static_cast<i64>(at - kTop) << " of the stack");
        CHECK(t.hits_at(at, kWrite) == (written ? 1 : 0));
        CHECK(t.hits_at(at, kAccess) == (read ? 1 : 0));
    };
    for (const Touched& range : c.touched) {
        expect(range.from, true, range.written);
        expect(range.from + range.size - 1, true, range.written);
        expect(range.from + range.size, false, false);
    }
    for (const Gva at : c.left_alone) expect(at, false, false);
}

}  // namespace

TEST_CASE("Data breakpoints: the bytes of integer instructions", "[insn][debug]") {
    for (const Case& c : kScalars) check(c);
}

TEST_CASE("Data breakpoints: the bytes of state images and SSE", "[insn][debug]") {
    for (const Case& c : kStates) check(c);
}

TEST_CASE("Data breakpoints: the elements of AVX and AVX-512 operands", "[insn][debug]") {
    const CpuModel model = InsnTest().guest.model();
    if (!model.has(Feature::kAvx2)) return;
    for (const Case& c : kVectors) check(c);
    if (!model.has(Feature::kAvx512f)) return;
    for (const Case& c : kMasked) check(c);
}

TEST_CASE("Data breakpoints in strings trap behind the iteration that hits", "[insn][debug]") {
    struct Case {
        const char* what;
        Program program;
        Gva at;
        u64 left;  ///< RCX of 3
        bool written;
    };
    const Case cases[] = {
        {"rep stosb, first", [](auto& a) { a.rep().stosb(); }, kOperand, 2, true},
        {"rep stosb, second", [](auto& a) { a.rep().stosb(); }, kOperand + 1, 1, true},
        {"rep stosb, last", [](auto& a) { a.rep().stosb(); }, kOperand + 2, 0, true},
        {"rep stosq, second", [](auto& a) { a.rep().stosq(); }, kOperand + 15, 1, true},
        {"rep movsb, destination", [](auto& a) { a.rep().movsb(); }, kOperand + 1, 1, true},
        {"rep movsb, source", [](auto& a) { a.rep().movsb(); }, kSource + 1, 1, false},
        {"rep lodsd", [](auto& a) { a.rep().lodsd(); }, kSource + 5, 1, false},
        {"repe cmpsb", [](auto& a) { a.repe().cmpsb(); }, kSource + 1, 1, false},
        {"repne scasb", [](auto& a) { a.repne().scasb(); }, kOperand + 1, 1, false},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        BreakpointRig t;
        t.load(c.program);
        CHECK(t.hits_at(c.at, kWrite) == (c.written ? 1 : 0));
        CHECK(t.hits_at(c.at, kAccess) == 1);
        CHECK(t.guest.state().gpr[kRcx] == c.left);
        CHECK(t.last.rip == kCodeAt + (c.left == 0 ? 2 : 0));
    }
}

TEST_CASE("All breakpoints that an instruction hits are in DR6", "[insn][debug]") {
    BreakpointRig t;
    t.load([](auto& a) { a.rep().movsb(); });
    const auto causes = [&](u64 dr7) {
        CpuState& s = t.prepare();
        s.dr[0] = kSource + 1, s.dr[1] = kOperand + 1, s.dr[2] = kOperand, s.dr[3] = kOperand + 2;
        s.dr[7] |= dr7;
        return t.hits();
    };
    const u64 both = kLocal(0) | kind(0, kAccess) | kLocal(1) | kind(1, kWrite);
    CHECK(causes(both) == 3);
    CHECK(t.guest.state().gpr[kRcx] == 1);
    CHECK(causes(both | kLocal(3) | kind(3, kWrite) | len(3, 0)) == 3);     // its byte comes an iteration later
    CHECK(causes(both | kLocal(3) | kind(3, kWrite) | len(3, 2)) == 8);     // eight bytes: from the first iteration on
    CHECK(causes(kLocal(2) << 1 | kind(2, kWrite)) == 4);                   // globally enabled
    t.load([](auto& a) { a.mov(x86::dword_ptr(x86::rbx), x86::eax); });
    CHECK(causes(both | kLocal(2) | kind(2, kAccess) | kLocal(3) | kind(3, kWrite)) == 14);
    t.prepare().rflags |= kFlagTF;
    t.guest.state().dr[0] = kOperand, t.guest.state().dr[7] |= kLocal(0) | kind(0, kWrite);
    CHECK(t.hits() == (bit(14) | 1));  // with the step
}

TEST_CASE("Port breakpoints cover ranges, strings too", "[insn][debug]") {
    struct Case {
        const char* what;
        Program program;
        unsigned port, size;
    };
    const Case cases[] = {
        {"in al", [](auto& a) { a.in(x86::al, 0x80); }, 0x80, 1},
        {"in eax", [](auto& a) { a.in(x86::eax, 0x80); }, 0x80, 4},
        {"out ax", [](auto& a) { a.out(0x80, x86::ax); }, 0x80, 2},
        {"in dx", [](auto& a) { a.mov(x86::edx, 0x1234), a.in(x86::ax, x86::dx); }, 0x1234, 2},
        {"insw", [](auto& a) { a.mov(x86::edx, 0x1234), a.db(0x66), a.db(0x6d); }, 0x1234, 2},
        {"rep outsd", [](auto& a) { a.mov(x86::edx, 0x1234), a.db(0xf3), a.db(0x6f); }, 0x1234, 4},
    };
    for (const Case& c : cases)
        for (unsigned port = c.port - 8; port < c.port + 12; ++port)
            for (const u64 code : {0u, 1u, 3u}) {
                INFO(c.what << ", DR0 " << std::hex << port << ", LEN " << code);
                BreakpointRig t;
                t.load(c.program);
                CpuState& s = t.prepare(false);
                s.cr4 |= kCr4DE;
                s.dr[0] = port, s.dr[7] |= kLocal(0) | kind(0, kPort) | len(0, code);
                const unsigned start = port & ~static_cast<unsigned>(code);
                CHECK(t.hits() == (start < c.port + c.size && c.port <= start + code ? 1 : 0));
            }
}

}  // namespace twin86::test
