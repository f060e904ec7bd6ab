// Code that is rewritten all the time: its pages are no longer protected, and its blocks look at their bytes instead.
#include <cstdio>
#include <memory>
#include <random>
#include <string>

#include <fmt/format.h>

#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr unsigned kTimes = 500;
constexpr Gva kFunction = kDataAt + 0x100, kBorder = kDataAt + kPageSize;

using Emit = std::function<void(x86::Assembler&)>;

/// A function at `at`, which adds its result to rax, is patched and called kTimes: `patch` finds the count from kTimes down in
/// ecx and the function in rbx.
class Patched : public InsnTest {
  public:
    explicit Patched(const GuestOptions& options = {}) : InsnTest(options) {}

    void go(const Emit& function, const Emit& patch, Gva at = kFunction) {
        load(function, at);
        set(kRbx, at);
        set(kRax, 0);
        execute([&](auto& a) {
            const Label loop = a.newLabel();
            a.mov(x86::ecx, kTimes);
            a.bind(loop);
            patch(a);
            a.call(x86::rbx);
            a.dec(x86::ecx);
            a.jnz(loop);
        });
    }
};

constexpr u64 kSum = u64{kTimes} * (kTimes + 1) / 2;

}  // namespace

TEST_CASE("Immediates that change with every call", "[insn][restless]") {
    Patched t;
    const Gva at = GENERATE(as<Gva>{}, kFunction, kBorder - 3, kBorder - 1, kBorder);
    SECTION("of 4 bytes") {
        t.go([](auto& a) { a.mov(x86::edx, 0x11111111), a.add(x86::rax, x86::rdx), a.ret(); },
             [](auto& a) { a.mov(x86::dword_ptr(x86::rbx, 1), x86::ecx); }, at);
        CHECK(t.reg(kRax) == kSum);
    }
    SECTION("of 8 bytes") {
        t.go([](auto& a) { a.mov(x86::r11, 0x1111111111111111), a.add(x86::rax, x86::r11), a.ret(); },
             [](auto& a) { a.mov(x86::qword_ptr(x86::rbx, 2), x86::rcx); }, at);
        CHECK(t.reg(kRax) == kSum);
    }
    SECTION("extended by the sign") {
        t.go([](auto& a) { a.embed("\x49\xc7\xc7\x11\x11\x11\x11", 7), a.sub(x86::rax, x86::r15), a.ret(); },
             [](auto& a) { a.mov(x86::edx, x86::ecx), a.neg(x86::edx), a.mov(x86::dword_ptr(x86::rbx, 3), x86::edx); }, at);
        CHECK(t.reg(kRax) == kSum);
    }
    SECTION("not extended") {
        t.go([](auto& a) { a.embed("\x41\xc7\xc2\x11\x11\x11\x11", 7), a.add(x86::rax, x86::r10), a.ret(); },
             [](auto& a) { a.mov(x86::edx, x86::ecx), a.neg(x86::edx), a.mov(x86::dword_ptr(x86::rbx, 3), x86::edx); }, at);
        CHECK(t.reg(kRax) == (u64{kTimes} << 32) - kSum);
    }
    SECTION("of 2 bytes") {
        t.go([](auto& a) { a.xor_(x86::edx, x86::edx), a.mov(x86::dx, 0x1111), a.add(x86::rax, x86::rdx), a.ret(); },
             [](auto& a) { a.mov(x86::word_ptr(x86::rbx, 4), x86::cx); }, at);
        CHECK(t.reg(kRax) == kSum);
    }
    SECTION("of an addition, with the flags that it reads") {
        t.go([](auto& a) { a.mov(x86::edx, 0), a.adc(x86::edx, 0x11111111), a.add(x86::rax, x86::rdx), a.ret(); },
             [](auto& a) { a.mov(x86::dword_ptr(x86::rbx, 7), x86::ecx), a.stc(); }, at);
        CHECK(t.reg(kRax) == kSum + kTimes);
    }
}

TEST_CASE("Instructions that change with every call", "[insn][restless]") {
    Patched t;
    t.go([](auto& a) { a.add(x86::eax, 3), a.nop(), a.ret(); },
         [](auto& a) {  // 83 c0 03: ADD, 83 e8 03: SUB
             a.xor_(x86::byte_ptr(x86::rbx, 1), 0x28);
         });
    CHECK(t.reg(kRax) == 0);
}

TEST_CASE("A block that finds its code changed is logged as entered once", "[insn][restless]") {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> log(std::tmpfile(), std::fclose);
    REQUIRE(log);
    {
        Patched t({.jit = {.code_size = 32 * MiB, .chain = false}, .log = log.get(), .log_mask = kLogExec});
        t.go([](auto& a) { a.add(x86::eax, 3), a.nop(), a.ret(); }, [](auto& a) { a.xor_(x86::byte_ptr(x86::rbx, 1), 0x28); });
        CHECK(t.reg(kRax) == 0);
    }
    std::rewind(log.get());
    std::string text(4 * MiB, 0);
    text.resize(std::fread(text.data(), 1, text.size(), log.get()));
    const std::string entry = fmt::format("{:#x} rax=", kFunction);
    unsigned entries = 0;
    for (std::size_t at = 0; (at = text.find(entry, at)) != std::string::npos; ++at) ++entries;
    CHECK(entries == kTimes);
}

TEST_CASE("A move's register changes beside its immediate", "[insn][restless]") {
    Patched t;
    t.go([](auto& a) { a.xor_(x86::edx, x86::edx), a.xor_(x86::esi, x86::esi), a.mov(x86::esi, 5), a.add(x86::eax, x86::edx), a.ret(); },
         [](auto& a) {  // every other call it is edx
             a.xor_(x86::byte_ptr(x86::rbx, 4), 0xbe ^ 0xba);
             a.mov(x86::dword_ptr(x86::rbx, 5), x86::ecx);
         });
    CHECK(t.reg(kRax) == kTimes / 2 * (kTimes / 2 + 1));
}

TEST_CASE("Restless code writes to what is behind it", "[insn][restless]") {
    InsnTest t;
    t.guest.map(kCodeAt, t.guest.physical(kCodeAt), kCodeSize, kUserPage | kWritablePage);
    const auto repeat = [&](const Emit& write, unsigned patched_at) {
        t.execute([&](auto& a) {
            const Label loop = a.newLabel(), patched = a.newLabel();
            a.mov(x86::rbp, x86::rsp), a.mov(x86::ecx, kTimes), a.xor_(x86::eax, x86::eax);
            a.bind(loop);
            a.lea(x86::rdi, x86::ptr(patched, static_cast<int>(patched_at)));
            a.mov(x86::esi, x86::ecx);
            write(a);
            a.bind(patched);
            a.mov(x86::rdx, 0x1111111111111111);
            a.add(x86::rax, x86::rdx);
            a.mov(x86::rsp, x86::rbp);
            a.dec(x86::ecx);
            a.jnz(loop);
        });
        CHECK(t.reg(kRax) == kSum);
    };
    SECTION("by MOV") { repeat([](auto& a) { a.mov(x86::ptr(x86::rdi), x86::rsi); }, 2); }
    SECTION("by PUSH") { repeat([](auto& a) { a.lea(x86::rsp, x86::ptr(x86::rdi, 8)), a.push(x86::rsi); }, 2); }
    SECTION("by STOS") { repeat([](auto& a) { a.xchg(x86::rax, x86::rsi), a.stosq(), a.xchg(x86::rax, x86::rsi); }, 2); }
    SECTION("by an SSE store") { repeat([](auto& a) { a.movq(x86::xmm0, x86::rsi), a.movq(x86::ptr(x86::rdi), x86::xmm0); }, 2); }
    SECTION("by XADD") { repeat([](auto& a) { a.mov(x86::qword_ptr(x86::rdi), 0), a.lock().xadd(x86::ptr(x86::rdi), x86::rsi); }, 2); }
}

TEST_CASE("Restless code is changed from outside", "[insn][restless]") {
    Patched t;
    const auto function = [](auto& a) { a.mov(x86::edx, 0x11111111), a.add(x86::eax, 1), a.ret(); };
    t.go(function, [](auto& a) { a.mov(x86::dword_ptr(x86::rbx, 1), x86::ecx); });
    CHECK(t.reg(kRax) == kTimes);
    t.load_bytes(std::array<u8, 1>{2}, kFunction + 7);
    t.set(kRax, 0);
    t.run();
    CHECK(t.reg(kRax) == 2 * kTimes);
}

TEST_CASE("Random patches of restless code", "[insn][restless]") {
    constexpr unsigned kSlots = 12, kLength = 5, kPatches = 3000;
    static constexpr u8 kOpcodes[] = {0x05, 0x2d, 0x35, 0xb8};  // ADD, SUB, XOR, MOV eax, imm32
    struct Patch {
        u64 address, value;
    };
    InsnTest t;
    std::mt19937 random(7);
    std::vector<u8> code(kSlots * kLength + 1, 0);
    for (unsigned n = 0; n < kSlots; ++n) code[n * kLength] = 0x05;
    code.back() = 0xc3;
    const Gva at = GENERATE(as<Gva>{}, kFunction, kBorder - 7, kBorder - 32);
    t.load_bytes(code, at);
    std::vector<Patch> patches;
    u64 sum = 0;
    for (unsigned n = 0; n < kPatches; ++n) {
        const unsigned slot = random() % kSlots, byte = random() % 4 ? 1 + random() % 4 : 0;
        const u8 value = byte == 0 ? kOpcodes[random() % 4] : static_cast<u8>(random());
        code[slot * kLength + byte] = value;
        patches.push_back({at + slot * kLength + byte, value});
        u32 eax = 0;
        for (unsigned s = 0; s < kSlots; ++s) {
            u32 immediate;
            std::memcpy(&immediate, code.data() + s * kLength + 1, sizeof immediate);
            switch (code[s * kLength]) {
                case 0x05: eax += immediate; break;
                case 0x2d: eax -= immediate; break;
                case 0x35: eax ^= immediate; break;
                default: eax = immediate;
            }
        }
        sum += eax;
    }
    constexpr Gva kPatchesAt = 0xb00000;
    t.guest.map_new(kPatchesAt, 16 * kPageSize, kUserPage);
    t.guest.write(kPatchesAt, {reinterpret_cast<const u8*>(patches.data()), patches.size() * sizeof(Patch)});
    t.set(kRsi, kPatchesAt), t.set(kRbx, at), t.set(kR8, 0);
    t.execute([&](auto& a) {
        const Label loop = a.newLabel();
        a.mov(x86::ecx, kPatches);
        a.bind(loop);
        a.mov(x86::rdi, x86::ptr(x86::rsi)), a.mov(x86::rdx, x86::ptr(x86::rsi, 8)), a.add(x86::rsi, 16);
        a.mov(x86::ptr(x86::rdi), x86::dl);
        a.xor_(x86::eax, x86::eax);
        a.call(x86::rbx);
        a.add(x86::r8, x86::rax);
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.reg(kR8) == sum);
}

}  // namespace twin86::test
