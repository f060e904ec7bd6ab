// Limits and types of data and stack segments, SDM vol. 3, 5.3 (limits), 5.5 (types), 6.15 (#SS, #GP, #AC).
#include "tests/insn/segment_rig.h"

namespace twin86::test {

using namespace asmjit;

namespace {

struct Access {
    const char* what;
    u16 attributes;
    u32 limit;
    u32 offset;
    unsigned size;
    bool write;
    bool allowed;
};

constexpr u16 kBigDown = kAttrDown | kAttrBig;

const Access kAccesses[] = {
    {"last dword", kAttrData, 0xfff, 0xffc, 4, false, true},
    {"a dword over the limit", kAttrData, 0xfff, 0xffd, 4, false, false},
    {"a dword over the limit, written", kAttrData, 0xfff, 0xffd, 4, true, false},
    {"last byte", kAttrData, 0xfff, 0xfff, 1, true, true},
    {"byte behind the limit", kAttrData, 0xfff, 0x1000, 1, false, false},
    {"word at the limit", kAttrData, 0xfff, 0xfff, 2, false, false},
    {"offset that would wrap", kAttrData, 0xfff, 0xffffffff, 4, false, false},
    {"16 bytes at the limit", kAttrData, 0xfff, 0xff0, 16, false, true},
    {"16 bytes over the limit", kAttrData, 0xfff, 0xff1, 16, false, false},
    {"limit 0, byte", kAttrData, 0, 0, 1, true, true},
    {"limit 0, word", kAttrData, 0, 0, 2, true, false},
    {"read-only, read", kAttrReadOnly, 0xfff, 8, 4, false, true},
    {"read-only, written", kAttrReadOnly, 0xfff, 8, 4, true, false},
    {"read-only without limit, written", kAttrReadOnly, 0xffffffff, 8, 4, true, false},
    {"expand-down above", kBigDown, 0xfff, 0x1000, 4, true, true},
    {"expand-down at the limit", kBigDown, 0xfff, 0xfff, 4, false, false},
    {"expand-down below", kBigDown, 0xfff, 0x10, 1, false, false},
    {"small expand-down, top", kAttrDown, 0xfff, 0x3ffe, 2, false, true},
    {"small expand-down over 64 KiB", kAttrDown, 0xfff, 0xffff, 2, false, false},
    {"small expand-down beyond 64 KiB", kAttrDown, 0xfff, 0x10000, 1, false, false},
    {"expand-down read-only, written", kAttrDownReadOnly | kAttrBig, 0xfff, 0x1000, 4, true, false},
    {"readable code, read", kAttrCode, 0xfff, 8, 4, false, true},
    {"readable code, written", kAttrCode, 0xfff, 8, 4, true, false},
    {"execute-only code, read", kAttrExecuteOnly, 0xffffffff, 8, 4, false, false},
    {"null selector", 0, 0, 8, 4, false, false},
};

void emit_access(x86::Assembler& a, const x86::Gp& base, const Access& c) {
    const x86::Mem m(base, 0, c.size);
    const x86::Gp r = c.size == 1 ? x86::Gp(x86::al) : c.size == 2 ? x86::Gp(x86::ax) : x86::Gp(x86::eax);
    if (c.size == 16) return (void)a.movups(x86::xmm0, m);
    if (c.write) a.mov(m, r);
    else a.mov(r, m);
}

}  // namespace

TEST_CASE("Limits and types of data segments", "[insn][segment]") {
    for (const Access& c : kAccesses) {
        for (const bool flags_live : {false, true}) {
            INFO(c.what << (flags_live ? ", flags live" : ", flags dead"));
            SegmentRig t;
            t.load32([&](auto& a) {
                a.stc();
                emit_access(a, x86::ebx, c);
                if (!flags_live) a.sub(x86::ecx, 1);
            });
            CpuState& s = t.prepare();
            s.segment[kDs] = SegmentRig::segment(c.attributes, c.limit);
            s.gpr[kRbx] = c.offset, s.gpr[kRcx] = 5;
            t.go();
            CHECK(t.last.vector == (c.allowed ? kVectorBP : kVectorGP));
            if (!c.allowed) CHECK(t.last.error_code == 0);
            if (!c.allowed) CHECK(t.last.rip == kCodeAt + 1);
            if (flags_live) CHECK((t.last.rflags & kFlagCF) != 0);
            CHECK(t.guest.state().gpr[kRcx] == (c.allowed && !flags_live ? 4 : 5));
        }
    }
}

// SDM vol. 2, CLFLUSH, CLFLUSHOPT, CLWB; a prefetch is a hint and checks nothing.
TEST_CASE("Cache lines may be named through execute-only code, but not beyond the limit", "[insn][segment]") {
    const std::pair<const char*, std::vector<u8>> instructions[] = {
        {"mov", {0x2e, 0x8b, 0x03}},           {"clflush", {0x2e, 0x0f, 0xae, 0x3b}},  {"clflushopt", {0x66, 0x2e, 0x0f, 0xae, 0x3b}},
        {"clwb", {0x66, 0x2e, 0x0f, 0xae, 0x33}}, {"prefetch", {0x2e, 0x0f, 0x18, 0x0b}}};
    for (const auto& [what, bytes] : instructions)
        for (const u16 attributes : {kAttrCode, kAttrExecuteOnly})
            for (const bool beyond : {false, true}) {
                INFO(what << " through " << std::hex << attributes << ", beyond the limit: " << beyond);
                SegmentRig t;
                std::vector<u8> code = bytes;
                code.push_back(0xcc);
                t.load_bytes(code);
                CpuState& s = t.prepare();
                s.segment[kCs].attributes = attributes | kAttrBig;
                if (beyond) s.segment[kCs].limit = kDataAt - 1;
                s.gpr[kRbx] = kDataAt;
                const bool load = std::string_view(what) == "mov", hint = std::string_view(what) == "prefetch";
                const bool fault = (beyond && !hint) || (load && attributes == kAttrExecuteOnly);
                CHECK(t.go().vector == (fault ? kVectorGP : kVectorBP));
            }
}

TEST_CASE("Accesses through SS are #SS", "[insn][segment]") {
    const std::function<void(x86::Assembler&)> programs[] = {
        [](auto& a) { a.mov(x86::eax, x86::dword_ptr(x86::ebp)); },
        [](auto& a) { a.push(x86::eax); },
        [](auto& a) { a.pop(x86::eax); },
        [](auto& a) { a.leave(); },
        [](auto& a) { a.db(0xe8), a.dd(0); },
        [](auto& a) { a.ret(); },
        [](auto& a) { a.pushad(); },
        [](auto& a) { a.enter(8, 0); },
    };
    for (const auto& program : programs) {
        SegmentRig t;
        t.load32(program);
        CpuState& s = t.prepare();
        s.segment[kSs] = SegmentRig::segment(kAttrData | kAttrBig, 0xfff);
        s.gpr[kRsp] = s.gpr[kRbp] = 0x2000;
        t.go();
        CHECK(t.last.vector == kVectorSS);
        CHECK(t.last.error_code == 0);
        CHECK(t.last.rip == kCodeAt);
        CHECK(t.last.rsp == 0x2000);
    }
}

TEST_CASE("Stores of masked elements beyond the limit", "[insn][segment]") {
    SegmentRig t;
    t.load32([](auto& a) { a.vmaskmovps(x86::xmmword_ptr(x86::ebx), x86::xmm1, x86::xmm0); });
    const auto run = [&](u16 attributes, u32 offset, bool selected) {
        CpuState& s = t.prepare();
        s.segment[kDs] = SegmentRig::segment(attributes, 0xfff);
        s.gpr[kRbx] = offset;
        s.xsave[160 + 16 + 3] = 0x80;                   // XMM1: the first element,
        s.xsave[160 + 16 + 15] = selected ? 0x80 : 0;   // and perhaps the last
        return t.go().vector;
    };
    CHECK(run(kAttrData, 0xff0, true) == kVectorBP);
    CHECK(run(kAttrData, 0xff4, false) == kVectorBP);
    CHECK(run(kAttrData, 0xff4, true) == kVectorGP);
    CHECK(run(kAttrReadOnly, 0, true) == kVectorGP);
}

TEST_CASE("A 16-bit stack wraps at 64 KiB, but no access does", "[insn][segment]") {
    SegmentRig t;
    t.load32([](auto& a) { a.push(x86::ax); });
    const auto run = [&](u64 sp) {
        CpuState& s = t.prepare();
        s.segment[kSs] = SegmentRig::segment(kAttrData, 0xffff, kStackTop - 0x10000);
        s.gpr[kRax] = 0x1234, s.gpr[kRsp] = sp;
        t.go();
        return t.last.rsp;
    };
    CHECK(run(0x77770000) == 0x7777fffe);
    CHECK(t.last.vector == kVectorBP);
    CHECK(t.load_value<u16>(kStackTop - 2) == 0x1234);
    CHECK(run(0x77770001) == 0x77770001);
    CHECK(t.last.vector == kVectorSS);
}

TEST_CASE("Strings stop at the element beyond the limit", "[insn][segment]") {
    struct Case {
        const char* what;
        u32 limit, source, destination, left;
        bool down;
    };
    const Case cases[] = {
        {"source", 0xff, 0xf8, 0x00, 12, false},
        {"destination", 0xff, 0x00, 0xf0, 10, false},
        {"all within", 0xff, 0x00, 0x80, 0, false},
        {"downwards from beyond", 0xff, 0x40, 0x100, 14, true},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        SegmentRig t;
        t.load32([](auto& a) { a.rep().movsd(); });
        CpuState& s = t.prepare();
        s.segment[kDs] = s.segment[kEs] = SegmentRig::segment(kAttrData, c.limit);
        s.gpr[kRsi] = c.source, s.gpr[kRdi] = c.destination, s.gpr[kRcx] = 14;
        if (c.down) s.rflags |= kFlagDF;
        t.go();
        CHECK(t.last.vector == (c.left ? kVectorGP : kVectorBP));
        CHECK(t.guest.state().gpr[kRcx] == c.left);
        if (c.left) CHECK(t.last.rip == kCodeAt);
    }
}

TEST_CASE("16-bit strings wrap their offsets, not their addresses", "[insn][segment]") {
    SegmentRig t;
    t.load_bytes(std::array<u8, 4>{0x67, 0xf3, 0xaa, 0xcc});  // rep stosb with DI and CX
    CpuState& s = t.prepare();
    s.segment[kEs] = SegmentRig::segment(kAttrData, 0xffff, kDataAt + 0x3804 - 0x10000);
    s.gpr[kRdi] = 0xfffe, s.gpr[kRcx] = 2, s.gpr[kRax] = 0x55;
    t.go();
    CHECK(t.last.vector == kVectorBP);
    CHECK(t.guest.state().gpr[kRdi] == 0);
    CHECK(t.load_value<u32>(kDataAt + 0x3802) == 0x5555);
}

TEST_CASE("Alignment checks at CPL 3", "[insn][segment]") {
    struct Case {
        const char* what;
        unsigned size;
        u32 offset;
        bool fault;
    };
    const Case cases[] = {{"word", 2, 1, true},        {"word aligned", 2, 2, false}, {"dword", 4, 2, true},
                          {"dword aligned", 4, 4, false}, {"byte", 1, 3, false},         {"vector at 16", 16, 16, false}};
    for (const Case& c : cases) {
        for (const unsigned enabled : {0u, 1u, 2u, 3u}) {
            INFO(c.what << ", CR0.AM and EFLAGS.AC: " << enabled);
            SegmentRig t;
            t.load32([&](auto& a) { emit_access(a, x86::ebx, {"", 0, 0, 0, c.size, false, true}); });
            CpuState& s = t.prepare();
            if (enabled & 1) s.cr0 |= kCr0AM;
            if (enabled & 2) s.rflags |= kFlagAC;
            s.gpr[kRbx] = kDataAt + c.offset;
            t.go();
            CHECK(t.last.vector == (c.fault && enabled == 3 ? kVectorAC : kVectorBP));
            CHECK(t.last.error_code == 0);
        }
    }
    SegmentRig t;  // the stack, and strings
    t.load32([](auto& a) { a.push(x86::eax); });
    CpuState& s = t.prepare();
    s.cr0 |= kCr0AM, s.rflags |= kFlagAC, s.gpr[kRsp] -= 2;
    CHECK(t.go().vector == kVectorAC);
    t.load32([](auto& a) { a.rep().stosd(); });
    t.prepare();
    s.cr0 |= kCr0AM, s.rflags |= kFlagAC, s.gpr[kRdi] = kDataAt + 2, s.gpr[kRcx] = 1;
    CHECK(t.go().vector == kVectorAC);
}

TEST_CASE("Alignment checks of vectors", "[insn][segment]") {
    const bool amd = SegmentRig().guest.model().is_amd();
    const auto vector_of = [](u32 offset, const std::function<void(InsnTest::Assembler&)>& program) {
        SegmentRig t;
        t.load32(program);
        CpuState& s = t.prepare();
        s.cr0 |= kCr0AM, s.rflags |= kFlagAC, s.gpr[kRbx] = kDataAt + offset;
        return t.go().vector;
    };
    const auto load = [](auto& a) { a.movups(x86::xmm0, x86::xmmword_ptr(x86::ebx)); };
    CHECK(vector_of(8, load) == (amd ? kVectorAC : kVectorBP));  // Intel leaves it open
    CHECK(vector_of(16, load) == kVectorBP);
    CHECK(vector_of(8, [](auto& a) { a.movaps(x86::xmm0, x86::xmmword_ptr(x86::ebx)); }) == kVectorGP);
    if (!SegmentRig().guest.model().has(Feature::kAvx2)) return;
    CHECK(vector_of(16, [](auto& a) { a.vmovups(x86::ymm0, x86::ymmword_ptr(x86::ebx)); }) == kVectorBP);
    const auto gather = [](auto& a) {
        a.vpcmpeqd(x86::xmm2, x86::xmm2, x86::xmm2);
        a.vpxor(x86::xmm1, x86::xmm1, x86::xmm1);
        a.vpgatherdd(x86::xmm0, x86::ptr(x86::ebx, x86::xmm1), x86::xmm2);
    };
    CHECK(vector_of(1, gather) == kVectorBP);
    const auto masked_load = [](auto& a) {
        a.vpcmpeqd(x86::xmm2, x86::xmm2, x86::xmm2);
        a.vpmaskmovd(x86::xmm0, x86::xmm2, x86::ptr(x86::ebx));
    };
    CHECK(vector_of(1, masked_load) == kVectorBP);
}

// As a Zen 5 has it.
TEST_CASE("MASKMOVQ and MASKMOVDQU with 16-bit addresses go on at the start of the segment", "[insn][segment]") {
    constexpr Gva kBase = 0x700000;
    const auto bytes_at = [](const InsnTest& t, Gva at, unsigned count) {
        std::vector<u8> bytes(count);
        t.guest.read(at, bytes);
        return std::count(bytes.begin(), bytes.end(), u8{0xff});
    };
    const auto store = [&](bool quadword, u32 offset, u32 limit, int first, int second) {
        INFO((quadword ? "maskmovq " : "maskmovdqu ") << std::hex << offset << " limit " << limit);
        SegmentRig t;
        t.guest.map_new(kBase, 0x11000, kUserPage | kWritablePage);
        t.load32([&](auto& a) {
            a.pcmpeqd(x86::mm0, x86::mm0);
            a.pcmpeqd(x86::xmm0, x86::xmm0);
            a.db(0x67);
            if (quadword) a.maskmovq(x86::mm0, x86::mm0, x86::ptr(x86::edi));
            else a.maskmovdqu(x86::xmm0, x86::xmm0, x86::ptr(x86::edi));
        });
        CpuState& s = t.prepare();
        s.segment[kDs] = SegmentRig::segment(kAttrData | kAttrBig, limit, kBase);
        s.gpr[kRdi] = 0x5a0000 | offset;
        CHECK(t.go().vector == (first == 0 ? +kVectorGP : +kVectorBP));
        CHECK(bytes_at(t, kBase + offset, 0x10000 - offset) == first);
        CHECK(bytes_at(t, kBase, 16) == second);
        CHECK(bytes_at(t, kBase + 0x10000, 16) == 0);
    };
    constexpr u32 kAll = ~u32{0};
    store(false, 0xfff0, 0xffff, 16, 0);
    store(false, 0xfff8, 0xffff, 8, 8);
    store(false, 0xfff8, kAll, 8, 8);
    store(false, 0xfff9, 0xffff, 0, 0);
    store(false, 0xfff1, 0xffff, 0, 0);
    store(false, 0xfff1, kAll, 15, 1);
    store(false, 0xffff, kAll, 1, 15);
    store(true, 0xfff8, 0xffff, 8, 0);
    store(true, 0xfffc, 0xffff, 0, 0);
    store(true, 0xfffc, kAll, 4, 4);
}

TEST_CASE("Alignment checks of compressing stores: elements on Zen 4, without a mask vectors on Zen 5", "[insn][segment]") {
    if (!SegmentRig().guest.model().has(Feature::kAvx512vl)) return;
    const auto vector_of = [](const char* cpu, u32 offset, const x86::KReg& mask) {
        GuestOptions options;
        options.cpu = cpu;
        SegmentRig t(options);
        t.load32([&](auto& a) {
            a.kxnorw(x86::k1, x86::k1, x86::k1);
            a.k(mask).vpcompressd(x86::ymmword_ptr(x86::ebx), x86::ymm1);
        });
        CpuState& s = t.prepare();
        s.cr0 |= kCr0AM, s.rflags |= kFlagAC, s.gpr[kRbx] = kDataAt + offset;
        return t.go().vector;
    };
    constexpr const char *kZen4 = "max,vendor=AuthenticAMD,family=25", *kZen5 = "max,vendor=AuthenticAMD,family=26";
    for (const char* cpu : {kZen4, kZen5}) {
        INFO(cpu);
        CHECK(vector_of(cpu, 2, x86::k0) == kVectorAC);
        CHECK(vector_of(cpu, 16, x86::k0) == kVectorBP);
        CHECK(vector_of(cpu, 2, x86::k1) == kVectorAC);
        CHECK(vector_of(cpu, 4, x86::k1) == kVectorBP);
    }
    CHECK(vector_of(kZen4, 4, x86::k0) == kVectorBP);
    CHECK(vector_of(kZen5, 4, x86::k0) == kVectorAC);
}

}  // namespace twin86::test
