#include "accel/jit/anchors.h"

#include <asmjit/x86.h>

#include <functional>
#include <random>
#include <vector>

#include "cpu/decode/decoder.h"

#undef CHECK
#include <catch2/catch.hpp>

namespace twin86::jit {

namespace {

using namespace asmjit;

std::vector<Insn> decoded(const std::function<void(x86::Assembler&)>& program) {
    CodeHolder code;
    code.init(Environment::host());
    x86::Assembler a(&code);
    program(a);
    const CodeBuffer& bytes = code.textSection()->buffer();
    const Decoder decoder(DecoderOptions{});
    std::vector<Insn> out;
    for (std::size_t at = 0; at < bytes.size();) {
        Insn insn;
        REQUIRE(decoder.decode({bytes.data() + at, bytes.size() - at}, at, 64, insn) == DecodeStatus::kOk);
        out.push_back(insn);
        at += insn.length;
    }
    return out;
}

Anchors after(const std::function<void(x86::Assembler&)>& program) {
    Anchors anchors;
    for (const Insn& insn : decoded(program)) anchors.follow(insn);
    return anchors;
}

}  // namespace

TEST_CASE("Anchors: 32-bit results and sign extensions are small") {
    const Anchors anchors = after([](x86::Assembler& a) {
        a.mov(x86::eax, x86::ecx);
        a.movsxd(x86::rbx, x86::edx);
        a.movzx(x86::r8, x86::word_ptr(x86::rsi));
        a.and_(x86::r9d, 0xff);
        a.mov(x86::r10, x86::rax);
    });
    for (const u8 r : {kRax, kRbx, kR8, kR9, kR10}) CHECK(anchors.small(r));
    for (const u8 r : {kRcx, kRdx, kRsi, kRdi}) CHECK_FALSE(anchors.small(r));
}

TEST_CASE("Anchors: what need not write its destination, or not all of it, is not small") {
    const Anchors anchors = after([](x86::Assembler& a) {
        a.shl(x86::eax, x86::cl);
        a.bsf(x86::ebx, x86::edx);
        a.mov(x86::si, 1);
        a.mov(x86::dh, 1);
        a.add(x86::rdi, x86::rdi);
        a.cmpxchg(x86::r8d, x86::r9d);
    });
    for (u8 r = 0; r < 16; ++r) CHECK_FALSE(anchors.small(r));
}

TEST_CASE("Anchors: a pointer plus a small number stays near the pointer") {
    const Anchors anchors = after([](x86::Assembler& a) {
        a.mov(x86::eax, x86::edx);
        a.add(x86::rax, x86::r9);
        a.lea(x86::rbx, x86::ptr(x86::rax, 0x40));
        a.mov(x86::rbp, x86::rsp);
        a.sub(x86::rsp, 0x100);
    });
    CHECK(anchors.anchor(kRax) == kR9);
    CHECK(anchors.anchor(kRbx) == kR9);
    CHECK(anchors.bound(kRbx) >= anchors.bound(kRax) + 0x40);
    CHECK(anchors.anchor(kRbp) == kRsp);
    CHECK(anchors.bound(kRbp) == 0x100);
}

TEST_CASE("Anchors: who was near a register that got another value stands for itself") {
    const Anchors anchors = after([](x86::Assembler& a) {
        a.lea(x86::rax, x86::ptr(x86::rsi, 8));
        a.lea(x86::rbx, x86::ptr(x86::rdi, 8));
        a.mov(x86::rsi, x86::ptr(x86::rsi));
        a.lodsb();
    });
    CHECK(anchors.anchor(kRax) == kRax);
    CHECK(anchors.anchor(kRbx) == kRbx);
}

/// Random straight-line code, interpreted: every claim must hold on the values. This is what keeps accesses inside
/// windows.
TEST_CASE("Anchors: claims hold on random code") {
    std::mt19937_64 random(86);
    const auto reg = [&] {
        static constexpr unsigned kRegs[] = {0, 1, 2, 3, 5, 6, 7, 8, 9};
        return kRegs[random() % std::size(kRegs)];
    };
    for (unsigned round = 0; round < 2000; ++round) {
        u64 value[16];
        for (u64& v : value) v = random();
        Anchors anchors;
        for (unsigned n = 0; n < 24; ++n) {
            const unsigned d = reg(), s = reg(), x = reg();
            const i32 imm = static_cast<i32>(random()) >> (random() % 31);
            const unsigned kind = random() % 9;
            const auto insns = decoded([&](x86::Assembler& a) {
                switch (kind) {
                    case 0:
                        a.mov(x86::gpd(d), x86::gpd(s)), value[d] = static_cast<u32>(value[s]);
                        break;
                    case 1:
                        a.mov(x86::gpq(d), x86::gpq(s)), value[d] = value[s];
                        break;
                    case 2:
                        a.add(x86::gpq(d), x86::gpq(s)), value[d] += value[s];
                        break;
                    case 3:
                        a.add(x86::gpq(d), imm), value[d] += static_cast<u64>(static_cast<i64>(imm));
                        break;
                    case 4:
                        a.sub(x86::gpq(d), imm), value[d] -= static_cast<u64>(static_cast<i64>(imm));
                        break;
                    case 5:
                        a.lea(x86::gpq(d), x86::ptr(x86::gpq(s), x86::gpq(x), 2, imm));
                        value[d] = value[s] + value[x] * 4 + static_cast<u64>(static_cast<i64>(imm));
                        break;
                    case 6:
                        a.lea(x86::gpq(d), x86::ptr(x86::gpq(s), x86::gpq(x), 0, imm));
                        value[d] = value[s] + value[x] + static_cast<u64>(static_cast<i64>(imm));
                        break;
                    case 7:
                        a.movsxd(x86::gpq(d), x86::gpd(s)),
                            value[d] = static_cast<u64>(static_cast<i64>(static_cast<i32>(value[s])));
                        break;
                    default:
                        a.xor_(x86::gpd(d), x86::gpd(s)), value[d] = static_cast<u32>(value[d] ^ value[s]);
                        break;
                }
            });
            anchors.follow(insns.at(0));
            for (u8 r = 0; r < 16; ++r) {
                const i64 distance = static_cast<i64>(value[r] - value[anchors.anchor(r)]);
                REQUIRE(static_cast<u64>(std::abs(distance)) <= anchors.bound(r));
                if (anchors.small(r))
                    REQUIRE(static_cast<u64>(std::abs(static_cast<i64>(value[r]))) <= Anchors::kSmall);
            }
        }
    }
}

}  // namespace twin86::jit
