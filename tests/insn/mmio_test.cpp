// Device memory: every access arrives once, in the widths of the bus, also from vectors, strings and stack instructions.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gpa kDevice = 0x4000'0000;
constexpr Gva kDeviceAt = 0x90'0000;

struct Recorder : MmioHandler {
    struct Access {
        u64 offset;
        unsigned size;
        u64 value;
        bool write;
        bool operator==(const Access&) const = default;
    };
    std::vector<Access> log;
    u8 bytes[kPageSize] = {};

    u64 mmio_read(u64 offset, unsigned size) override {
        u64 value = 0;
        std::memcpy(&value, bytes + offset, size);
        log.push_back({offset, size, value, false});
        return value;
    }
    void mmio_write(u64 offset, unsigned size, u64 value) override {
        std::memcpy(bytes + offset, &value, size);
        log.push_back({offset, size, value, true});
    }
};

struct MmioTest : InsnTest {
    MmioTest() : mapping(guest.mmio().map(kDevice, kPageSize, device, "recorder")) {
        guest.map(kDeviceAt, kDevice, kPageSize, kUserPage | kWritablePage);
        set(kRbx, kDeviceAt);
        for (unsigned i = 0; i < kPageSize; ++i) device.bytes[i] = static_cast<u8>(i * 3 + 1);
    }
    Recorder device;
    Mapping mapping;
};

using Log = std::vector<Recorder::Access>;

std::ostream& operator<<(std::ostream& out, const Recorder::Access& a) {
    return out << (a.write ? "write " : "read ") << a.offset << " size " << a.size << " value " << std::hex << a.value << std::dec;
}

}  // namespace

TEST_CASE("Cache line flushes of device memory read nothing", "[insn][mmio]") {
    MmioTest t;
    t.execute([](auto& a) {
        a.clflush(x86::ptr(x86::rbx));
        a.db(0x66), a.db(0x0f), a.db(0xae), a.db(0x3b);  // clflushopt [rbx]
        a.db(0x66), a.db(0x0f), a.db(0xae), a.db(0x33);  // clwb [rbx]
    });
    CHECK(t.device.log.empty());
}

TEST_CASE("Reads and writes of each size arrive as they are", "[insn][mmio]") {
    MmioTest t;
    t.set(kRax, 0x1122334455667788);
    t.execute([](auto& a) {
        a.mov(x86::byte_ptr(x86::rbx), x86::al);
        a.mov(x86::word_ptr(x86::rbx, 2), x86::ax);
        a.mov(x86::dword_ptr(x86::rbx, 4), x86::eax);
        a.mov(x86::qword_ptr(x86::rbx, 8), x86::rax);
        a.movzx(x86::ecx, x86::byte_ptr(x86::rbx));
        a.movsx(x86::rdx, x86::word_ptr(x86::rbx, 2));
        a.mov(x86::r10d, x86::dword_ptr(x86::rbx, 4));
        a.mov(x86::r15, x86::qword_ptr(x86::rbx, 8));
    });
    CHECK(t.device.log == Log{{0, 1, 0x88, true},
                              {2, 2, 0x7788, true},
                              {4, 4, 0x55667788, true},
                              {8, 8, 0x1122334455667788, true},
                              {0, 1, 0x88, false},
                              {2, 2, 0x7788, false},
                              {4, 4, 0x55667788, false},
                              {8, 8, 0x1122334455667788, false}});
    CHECK(t.reg(kRcx) == 0x88);
    CHECK(t.reg(kRdx) == 0x7788);
    CHECK(t.reg(kR10) == 0x55667788);
    CHECK(t.reg(kR15) == 0x1122334455667788);
}

TEST_CASE("Read-modify-write reads once and writes once; flags come from the device's value", "[insn][mmio]") {
    MmioTest t;
    t.device.bytes[0x10] = 0xff;
    t.execute([](auto& a) {
        a.add(x86::byte_ptr(x86::rbx, 0x10), 1);
        a.setz(x86::al);
        a.lock().bts(x86::dword_ptr(x86::rbx, 0x20), 31);
        a.xchg(x86::qword_ptr(x86::rbx, 0x40), x86::rcx);
    });
    CHECK(t.reg(kRax) == 1);
    REQUIRE(t.device.log.size() == 6);
    CHECK(t.device.log[0] == Recorder::Access{0x10, 1, 0xff, false});
    CHECK(t.device.log[1] == Recorder::Access{0x10, 1, 0, true});
    CHECK(t.device.log[3].write);
    CHECK(t.device.log[3].value >> 31 == 1);
    CHECK(t.device.log[5] == Recorder::Access{0x40, 8, 0, true});
}

TEST_CASE("Vector stores and loads are split into pieces of 8 bytes", "[insn][mmio]") {
    MmioTest t;
    if (!t.guest.model().has(Feature::kAvx512f)) return;
    t.execute([](auto& a) {
        a.movdqu(x86::xmm0, x86::xmmword_ptr(x86::rbx));
        a.vmovdqu(x86::ymm1, x86::ymmword_ptr(x86::rbx, 0x20));
        a.vmovdqu64(x86::zmm17, x86::zmmword_ptr(x86::rbx, 0x40));
        a.movdqa(x86::xmmword_ptr(x86::rbx, 0x100), x86::xmm0);
        a.vmovdqu(x86::ymmword_ptr(x86::rbx, 0x120), x86::ymm1);
        a.vmovdqa64(x86::zmmword_ptr(x86::rbx, 0x140), x86::zmm17);
    });
    REQUIRE(t.device.log.size() == 28);
    for (unsigned i = 0; i < 28; ++i) {
        CHECK(t.device.log[i].size == 8);
        CHECK(t.device.log[i].write == (i >= 14));
    }
    CHECK(std::memcmp(t.device.bytes + 0x100, t.device.bytes, 16) == 0);
    CHECK(std::memcmp(t.device.bytes + 0x120, t.device.bytes + 0x20, 96) == 0);
}

TEST_CASE("Pure stores do not read the device, masked stores touch only their lanes", "[insn][mmio]") {
    MmioTest t;
    if (!t.guest.model().has(Feature::kAvx512f)) return;
    t.set(kRax, 0b1010);
    t.execute([](auto& a) {
        a.kmovw(x86::k2, x86::eax);
        a.vpxord(x86::zmm2, x86::zmm2, x86::zmm2);
        a.k(x86::k2).vmovdqu32(x86::xmmword_ptr(x86::rbx), x86::xmm2);
        a.movss(x86::dword_ptr(x86::rbx, 0x20), x86::xmm2);
    });
    CHECK(t.device.log == Log{{4, 4, 0, true}, {12, 4, 0, true}, {0x20, 4, 0, true}});
}

TEST_CASE("Unaligned accesses become naturally aligned ones", "[insn][mmio]") {
    MmioTest t;
    t.set(kRax, 0x0807060504030201);
    t.execute([](auto& a) { a.mov(x86::qword_ptr(x86::rbx, 3), x86::rax); });
    for (const auto& access : t.device.log) {
        CHECK(access.write);
        CHECK(access.offset % access.size == 0);
    }
    for (unsigned i = 0; i < 8; ++i) CHECK(t.device.bytes[3 + i] == i + 1);
}

TEST_CASE("String instructions reach devices element by element", "[insn][mmio]") {
    MmioTest t;
    t.set(kRdi, kDeviceAt + 0x10), t.set(kRax, 0xa5a5a5a5), t.set(kRcx, 3), t.set(kRsi, kDataAt);
    t.store_value(kDataAt, 0x2222222211111111);
    t.execute([](auto& a) {
        a.rep().stosd();
        a.mov(x86::ecx, 2);
        a.rep().movsd();
        a.mov(x86::rsi, kDeviceAt + 0x10);
        a.mov(x86::rdi, kDataAt + 0x100);
        a.mov(x86::ecx, 5);
        a.rep().movsd();
    });
    CHECK(t.device.log == Log{{0x10, 4, 0xa5a5a5a5, true},
                              {0x14, 4, 0xa5a5a5a5, true},
                              {0x18, 4, 0xa5a5a5a5, true},
                              {0x1c, 4, 0x11111111, true},
                              {0x20, 4, 0x22222222, true},
                              {0x10, 4, 0xa5a5a5a5, false},
                              {0x14, 4, 0xa5a5a5a5, false},
                              {0x18, 4, 0xa5a5a5a5, false},
                              {0x1c, 4, 0x11111111, false},
                              {0x20, 4, 0x22222222, false}});
    CHECK(t.load_value<u32>(kDataAt + 0x110) == 0x22222222);
}

TEST_CASE("PUSH and POP between memory and a device, and live flags over MMIO", "[insn][mmio]") {
    MmioTest t;
    t.set_flags(kFlagsArithmetic);
    t.device.log.clear();
    t.execute([](auto& a) {
        a.push(x86::qword_ptr(x86::rbx, 0x18));
        a.pop(x86::qword_ptr(x86::rbx, 0x38));
        a.mov(x86::eax, x86::dword_ptr(x86::rbx));
        a.mov(x86::byte_ptr(x86::rbx, 0x60), x86::al);
    });
    CHECK(t.flags() == kFlagsArithmetic);
    REQUIRE(t.device.log.size() == 4);
    CHECK(t.device.log[0].value == t.device.log[1].value);
    CHECK(t.device.log[1].write);
}

TEST_CASE("An access over the border of RAM and a device touches both", "[insn][mmio]") {
    MmioTest t;
    t.guest.map(kDeviceAt - kPageSize, t.guest.allocate(1), kPageSize, kUserPage | kWritablePage);
    t.set(kRax, 0x8877665544332211);
    t.execute([](auto& a) {
        a.mov(x86::qword_ptr(x86::rbx, -4), x86::rax);
        a.mov(x86::rcx, x86::qword_ptr(x86::rbx, -4));
    });
    CHECK(t.reg(kRcx) == 0x8877665544332211);
    CHECK(t.load_value<u32>(kDeviceAt - 4) == 0x44332211);
    CHECK(t.device.log == Log{{0, 4, 0x88776655, true}, {0, 4, 0x88776655, false}});
}

TEST_CASE("POPFQ that has met device memory goes without windows, and changes IF as before", "[insn][mmio]") {
    constexpr u64 kImage = kFlagIF | kFlagReserved1;
    MmioTest t;
    std::memcpy(t.device.bytes, &kImage, sizeof kImage);
    const Gva stacks[] = {kDeviceAt, kDeviceAt, kDeviceAt, kDeviceAt, kStackAt, kStackAt, kStackAt};
    for (unsigned n = 0; n < std::size(stacks); ++n) t.store_value<u64>(kDataAt + 8 * n, stacks[n]);
    t.store_value<u64>(kStackAt, kImage);
    t.load([&](auto& a) {
        const Label round = a.newLabel();
        a.mov(x86::esi, kDataAt), a.mov(x86::ecx, std::size(stacks)), a.xor_(x86::ebx, x86::ebx), a.mov(x86::r12, x86::rsp);
        a.bind(round);
        a.cli();
        a.mov(x86::rsp, x86::qword_ptr(x86::rsi)), a.add(x86::rsi, 8);
        a.popfq();
        a.mov(x86::rsp, x86::r12);
        a.pushfq(), a.pop(x86::rax);
        a.and_(x86::eax, static_cast<u32>(kFlagIF)), a.add(x86::rbx, x86::rax);
        a.dec(x86::ecx), a.jnz(round);
    });
    t.guest.start(kCodeAt, kStackTop, false);
    CHECK(t.guest.run().vector == kVectorBP);
    CHECK(t.reg(kRbx) == std::size(stacks) * kFlagIF);
}

}  // namespace twin86::test
