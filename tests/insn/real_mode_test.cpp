// Real mode, unreal mode and VM86, SDM vol. 3, chapter 20: addresses, limits, the vector table, IOPL and VME.
#include "tests/insn/insn_test.h"

namespace twin86::test {

namespace {

constexpr Gva kLowAt = 0x1000'0000;  ///< where tests see the first pages of physical memory

/// A processor without paging. The program is at CS:0, data at DS:0; the vector table leads each vector to a HLT of its
/// own at HANDLERS:vector.
class RealMode {
  public:
    explicit RealMode(const std::vector<u8>& program) {
        t.guest.map(kLowAt, 0, kPageSize, kWritablePage);
        code = t.guest.physical(kCodeAt), data = t.guest.physical(kDataAt), stack = t.guest.physical(kStackAt);
        handlers = code + 0x1000;
        for (unsigned v = 0; v < 256; ++v) {
            t.store_value<u32>(kLowAt + v * 4, v | static_cast<u32>(handlers / 16) << 16);
            t.store_value<u8>(kCodeAt + 0x1000 + v, 0xf4);
        }
        std::vector<u8> bytes = program;
        bytes.push_back(0xcc);
        t.load_bytes(bytes);
        CpuState& s = state();
        t.guest.start(0, 0x800, false);
        s.cr0 = kCr0ET | kCr0NE, s.cr4 = 0, s.efer = 0, s.cr3 = 0;
        s.gdtr = {}, s.idtr = {0, 0x3ff};
        for (const unsigned i : {kDs, kEs, kFs, kGs}) s.segment[i] = segment(data);
        s.segment[kCs] = segment(code), s.segment[kSs] = segment(stack);
    }
    static Segment segment(Gpa base) { return {base, 0xffff, static_cast<u16>(base / 16), 0x93}; }
    CpuState& state() { return t.guest.state(); }

    /// Runs to a HLT; the vector whose handler that is, or -1.
    int run() {
        REQUIRE(t.guest.run().exit == RunExit::kHalted);
        const CpuState& s = state();
        return s.segment[kCs].base == handlers ? static_cast<int>(s.rip - 1) : -1;
    }
    u16 stacked(unsigned n) { return t.load_value<u16>(kStackAt + (state().gpr[kRsp] & 0xffff) + 2 * n); }

    InsnTest t;
    Gpa code = 0, data = 0, stack = 0, handlers = 0;
};

}  // namespace

TEST_CASE("Real mode: 64-KiB limits", "[insn][real]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        u64 rbx, rsp;
        int vector;
    };
    const Case cases[] = {
        {"mov ax, [bx] at the top", {0x8b, 0x07}, 0xfffe, 0x800, kVectorBP},
        {"mov ax, [bx] over the top", {0x8b, 0x07}, 0xffff, 0x800, kVectorGP},
        {"mov [bx], al at the top", {0x88, 0x07}, 0xffff, 0x800, kVectorBP},
        {"mov eax, [bx] over the top", {0x66, 0x8b, 0x07}, 0xfffd, 0x800, kVectorGP},
        {"mov al, [ebx] beyond", {0x67, 0x8a, 0x03}, 0x10000, 0x800, kVectorGP},
        {"mov ax, [bx+2] wraps", {0x8b, 0x47, 0x02}, 0xffff, 0x800, kVectorBP},
        {"mov [cs:bx], al: code is writable", {0x2e, 0x88, 0x07}, 0x500, 0x800, kVectorBP},
        {"mov ax, [ss:bx]", {0x36, 0x8b, 0x07}, 0xffff, 0x800, kVectorSS},
        {"jmp beyond the limit", {0x66, 0xe9, 0x00, 0x00, 0x01, 0x00}, 0, 0x800, kVectorGP},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        RealMode r(c.bytes);
        r.state().gpr[kRbx] = c.rbx, r.state().gpr[kRsp] = c.rsp;
        CHECK(r.run() == c.vector);
        CHECK(r.stacked(0) == (c.vector == kVectorBP ? c.bytes.size() + 1 : 0));
        CHECK(r.stacked(1) == r.code / 16);
    }
}

TEST_CASE("Real mode: INT and IRET", "[insn][real]") {
    RealMode r({0xf9, 0xfb, 0xcd, 0x40});  // stc; sti; int 40h
    CHECK(r.run() == 0x40);
    CHECK(r.stacked(0) == 4);
    CHECK((r.stacked(2) & (kFlagCF | kFlagIF)) == (kFlagCF | kFlagIF));
    CHECK((r.state().rflags & kFlagIF) == 0);
    r.t.store_value<u8>(kCodeAt + 0x1000 + 0x40, 0xcf);  // the handler: IRET
    r.t.load_bytes(std::array<u8, 2>{0xcc, 0x90}, kCodeAt + 4);
    r.state().activity = Activity::kRunning;
    r.state().rip = 0x40;
    CHECK(r.run() == kVectorBP);
    CHECK(r.stacked(0) == 5);
}

TEST_CASE("Real mode: a vector beyond the limit of the table", "[insn][real]") {
    RealMode r({0xcd, 0x40});
    r.state().idtr.limit = 0x40 * 4 - 1;
    CHECK(r.run() == kVectorGP);
    CHECK(r.stacked(0) == 0);
    RealMode none({0xcd, 0x40});
    none.state().idtr.limit = 0;  // not even #DF: shutdown
    CHECK(none.t.guest.run().exit == RunExit::kShutdown);
}

TEST_CASE("Real mode: PUSH and CALL that write into their own block", "[insn][real][smc]") {
    // mov ax, 9040h; mov sp, 10; push ax; nop; two bytes that become inc ax; nop
    RealMode push({0xb8, 0x40, 0x90, 0xbc, 0x0a, 0x00, 0x50, 0x90, 0x90, 0x90, 0xf4});
    push.state().segment[kSs] = RealMode::segment(push.code);
    CHECK(push.run() == -1);
    CHECK((push.state().gpr[kRax] & 0xffff) == 0x9041);
    CHECK((push.state().gpr[kRsp] & 0xffff) == 8);

    RealMode call({0xbc, 0x02, 0x00, 0xe8, 0x02, 0x00, 0x90, 0x90, 0xf4});  // mov sp, 2; call 8
    call.state().segment[kSs] = RealMode::segment(call.code);
    CHECK(call.run() == -1);
    CHECK(call.state().rip == 9);
    CHECK((call.state().gpr[kRsp] & 0xffff) == 0);
    CHECK(call.t.load_value<u16>(kCodeAt) == 6);
}

TEST_CASE("Unreal mode: limits outlive the switch back", "[insn][real]") {
    // lgdt [bx]; mov eax, cr0; or al, 1; mov cr0, eax; mov ds, cx; and al, 0feh; mov cr0, eax; mov ds, dx; mov al, [esi]
    RealMode r({0x0f, 0x01, 0x17, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0x8e, 0xd9, 0x24, 0xfe, 0x0f, 0x22, 0xc0, 0x8e, 0xda,
                0x67, 0x8a, 0x06});
    CpuState& s = r.state();
    r.t.store_value<u16>(kDataAt, 15);
    r.t.store_value<u32>(kDataAt + 2, static_cast<u32>(r.data + 0x10));
    r.t.store_value<u64>(kDataAt + 0x18, 0x00cf93000000ffff);
    s.gpr[kRcx] = 8, s.gpr[kRdx] = 0x100, s.gpr[kRsi] = 0x200000;
    r.t.guest.map(kLowAt, 0x201000, kPageSize, kWritablePage);
    r.t.store_value<u8>(kLowAt, 0x5a);
    CHECK(r.run() == kVectorBP);
    CHECK((s.gpr[kRax] & 0xff) == 0x5a);
    CHECK(s.segment[kDs].limit == 0xffffffff);
    CHECK(s.segment[kDs].base == 0x1000);
}

TEST_CASE("Real mode: strings", "[insn][real]") {
    RealMode r({0xf3, 0xa5});  // rep movsw
    CpuState& s = r.state();
    r.t.store_value<u32>(kDataAt + 0x100, 0x12345678);
    s.gpr[kRsi] = 0x100, s.gpr[kRdi] = 0x200, s.gpr[kRcx] = 2;
    CHECK(r.run() == kVectorBP);
    CHECK(r.t.load_value<u32>(kDataAt + 0x200) == 0x12345678);
    RealMode over({0xf3, 0xa5});
    over.state().gpr[kRsi] = 0x100, over.state().gpr[kRdi] = 0xfffb, over.state().gpr[kRcx] = 8;
    CHECK(over.run() == kVectorGP);
    CHECK((over.state().gpr[kRcx] & 0xffff) == 6);
}

namespace {

/// VM86 at IOPL, in protected mode without paging: each vector has an interrupt gate to a HLT at ring 0.
class Vm86 : public RealMode {
  public:
    Vm86(const std::vector<u8>& program, unsigned iopl, u64 cr4 = 0) : RealMode(program) {
        CpuState& s = state();
        constexpr Gva kGdt = kDataAt + 0x1000, kIdt = kDataAt + 0x1100, kTss = kDataAt + 0x2000;
        const Gpa tables = data + 0x1000, tss = data + 0x2000;
        t.store_value<u64>(kGdt + 8, 0x00cf9b000000ffff);
        t.store_value<u64>(kGdt + 16, 0x00cf93000000ffff);
        s.gdtr = {tables, 23};
        for (unsigned v = 0; v < 0x80; ++v) {
            const u64 handler = handlers + v;
            t.store_value<u64>(kIdt + v * 8, (handler & 0xffff) | 8ull << 16 | 0xeeull << 40 | (handler >> 16) << 48);
        }
        s.idtr = {tables + 0x100, 0x80 * 8 - 1};
        t.store_value<u32>(kTss + 4, static_cast<u32>(stack + 0x2000));
        t.store_value<u16>(kTss + 8, 16);
        t.store_value<u16>(kTss + 102, 0x88);  // the I/O map; before it the redirection map: vector 41h to the IDT
        t.store_value<u8>(kTss + 0x68 + 0x41 / 8, 1 << (0x41 % 8));
        s.tr = {tss, 0x2100, 0x18, 0x8b};
        s.cr0 |= kCr0PE, s.cr4 = cr4;
        s.rflags |= kFlagVM | iopl << 12 | kFlagIF;
        for (Segment& seg : s.segment) seg.attributes = 0xf3;
    }
    /// As RealMode::run; `monitor`: the handler was that of the IDT.
    int run_vm(bool& monitor) {
        REQUIRE(t.guest.run().exit == RunExit::kHalted);
        const CpuState& s = state();
        monitor = !s.vm86();
        return static_cast<int>(monitor ? s.rip - 1 - handlers : s.rip - 1);
    }
};

}  // namespace

TEST_CASE("VM86: what IOPL and VME allow", "[insn][real]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        unsigned iopl;
        u64 cr4;
        int vector;
        u64 rip;  ///< that the monitor sees
    };
    const Case cases[] = {
        {"cli, IOPL 3", {0xfa}, 3, 0, kVectorBP, 2},
        {"cli, IOPL 0", {0xfa}, 0, 0, kVectorGP, 0},
        {"cli, IOPL 0, VME", {0xfa}, 0, kCr4VME, kVectorBP, 2},
        {"pushf, IOPL 0", {0x9c}, 0, 0, kVectorGP, 0},
        {"pushf, IOPL 0, VME", {0x9c}, 0, kCr4VME, kVectorBP, 2},
        {"pushfd, IOPL 0, VME", {0x66, 0x9c}, 0, kCr4VME, kVectorGP, 0},
        {"int 41h, IOPL 3", {0xcd, 0x41}, 3, 0, 0x41, 2},
        {"int 41h, IOPL 0", {0xcd, 0x41}, 0, 0, kVectorGP, 0},
        {"int 41h, IOPL 3, VME, not redirected", {0xcd, 0x41}, 3, kCr4VME, 0x41, 2},
        {"hlt", {0xf4}, 3, 0, kVectorGP, 0},
        {"lgdt", {0x0f, 0x01, 0x17}, 3, 0, kVectorGP, 0},
        {"lldt", {0x0f, 0x00, 0xd0}, 3, 0, kVectorUD, 0},
        {"in al, 80h", {0xe4, 0x80}, 3, 0, kVectorBP, 3},
        {"a dword over the limit", {0x66, 0xa1, 0xfd, 0xff}, 3, 0, kVectorGP, 0},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        Vm86 v(c.bytes, c.iopl, c.cr4);
        bool monitor = false;
        CHECK(v.run_vm(monitor) == c.vector);
        CHECK(monitor);
        // EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS; #GP has an error code below them.
        const Gva frame = kStackAt + (v.state().gpr[kRsp] - v.stack) + (c.vector == kVectorGP ? 4 : 0);
        CHECK(v.t.load_value<u32>(frame) == c.rip);
        CHECK((v.t.load_value<u32>(frame + 8) & kFlagVM) != 0);
        CHECK(v.t.load_value<u16>(frame + 24) == v.data / 16);
        CHECK(v.state().segment[kDs].unusable());
    }
}

TEST_CASE("VM86: VME redirects interrupts to the 8086 program", "[insn][real]") {
    for (const unsigned iopl : {0u, 3u}) {
        Vm86 v({0xcd, 0x40}, iopl, kCr4VME);
        v.t.store_value<u8>(kCodeAt + 0x1000 + 0x40, 0xcc);  // HLT would be #GP
        v.state().rflags |= kFlagVIF;
        bool monitor = false;
        CHECK(v.run_vm(monitor) == kVectorBP);
        const Gva frame = kStackAt + (v.state().gpr[kRsp] - v.stack);
        CHECK(v.t.load_value<u32>(frame) == 0x41);
        CHECK(v.t.load_value<u16>(frame + 4) == v.handlers / 16);
        const u32 flags = v.t.load_value<u32>(frame + 8);
        CHECK((flags & kFlagVIF) == (iopl == 3 ? +kFlagVIF : 0));
        CHECK((flags & kFlagIF) == (iopl == 3 ? 0 : +kFlagIF));
    }
}

}  // namespace twin86::test
