// The host processor as oracle: every copied register form runs natively, and must read and write no general register
// and no flag beyond what its Insn says. Forms that the host lacks or that fault with the given values are skipped.
#include <catch2/catch.hpp>

#include <csetjmp>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/mman.h>

#include "cpu/decode/disassemble.h"
#include "tests/unit/cpu_decode/decode_helper.h"

namespace twin86 {

namespace {

struct Registers {
    u64 gpr[16];
    u64 flags;
};

sigjmp_buf escape;

void on_fault(int) { siglongjmp(escape, 1); }

/// SIGILL, SIGFPE, SIGSEGV, SIGBUS and SIGTRAP lead back to the test while an instance lives.
class FaultGuard {
  public:
    FaultGuard() {
        struct sigaction action {};
        action.sa_handler = on_fault;
        for (unsigned i = 0; i < std::size(kSignals); i++) sigaction(kSignals[i], &action, &old_[i]);
    }
    ~FaultGuard() {
        for (unsigned i = 0; i < std::size(kSignals); i++) sigaction(kSignals[i], &old_[i], nullptr);
    }

  private:
    static constexpr int kSignals[] = {SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP};
    struct sigaction old_[std::size(kSignals)];
};

/// One page of code, and data that the code reaches RIP-relative.
class NativeRunner {
  public:
    NativeRunner() {
        page_ = static_cast<u8*>(
            mmap(nullptr, 4 * kPageSize, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        require_mapped(page_ != MAP_FAILED);
        make_vector_state();
    }
    ~NativeRunner() { munmap(page_, 4 * kPageSize); }
    NativeRunner(const NativeRunner&) = delete;
    NativeRunner& operator=(const NativeRunner&) = delete;

    void assemble(const Insn& insn) {
        at_ = page_;
        for (const u8 push : {0x53, 0x55}) *at_++ = push;  // rbx, rbp
        for (u8 reg = 0x54; reg <= 0x57; reg++) put({0x41, reg});
        put({0xb8, 0xe7, 0, 0, 0, 0x31, 0xd2});  // mov eax, 0xe7; xor edx, edx
        put({0x48, 0x0f, 0xae, 0x2d}), put_offset(kVector);  // xrstor64
        put({0xff, 0x35}), put_offset(kIn + 16 * 8), put({0x9d});  // push flags; popfq
        for (unsigned reg = 0; reg < 16; reg++)
            if (reg != 4) move(reg, 0x8b, kIn);
        for (unsigned i = 0; i < insn.length; i++) *at_++ = insn.bytes[i];
        for (unsigned reg = 0; reg < 16; reg++)
            if (reg != 4) move(reg, 0x89, kOut);
        put({0x9c, 0x8f, 0x05}), put_offset(kOut + 16 * 8);  // pushfq; pop
        put({0xfc, 0xdb, 0xe3});                             // cld; fninit
        for (u8 reg = 0x5f; reg >= 0x5c; reg--) put({0x41, reg});
        put({0x5d, 0x5b, 0xc3});
    }

    /// False: the instruction faulted.
    bool run(const Registers& in, Registers& out) {
        std::memcpy(page_ + kIn, &in, sizeof in);
        if (sigsetjmp(escape, 1)) return false;
        reinterpret_cast<void (*)()>(page_)();
        std::memcpy(&out, page_ + kOut, sizeof out);
        return true;
    }

  private:
    static constexpr unsigned kIn = kPageSize, kOut = kPageSize + 512, kVector = 2 * kPageSize;
    u8* page_;
    u8* at_ = nullptr;

    static void require_mapped(bool mapped) {
        if (!mapped) throw std::runtime_error("mmap failed");
    }
    void put(std::initializer_list<u8> bytes) {
        for (const u8 byte : bytes) *at_++ = byte;
    }
    void put_offset(unsigned target) {
        const u32 displacement = static_cast<u32>(page_ + target - (at_ + 4));
        std::memcpy(at_, &displacement, 4);
        at_ += 4;
    }
    void move(unsigned reg, u8 opcode, unsigned base) {
        put({static_cast<u8>(reg < 8 ? 0x48 : 0x4c), opcode, static_cast<u8>((reg & 7) << 3 | 5)});
        put_offset(base + reg * 8);
    }
    /// The layout of this host's XSAVE area, with vectors and x87 registers full of a fixed pattern.
    void make_vector_state() {
        u8* area = page_ + kVector;
        asm volatile("xsave64 %0" : "=m"(*reinterpret_cast<u8(*)[kPageSize * 2]>(area)) : "a"(0xe7), "d"(0) : "memory");
        u64 present;
        std::memcpy(&present, area + 512, 8);
        const auto fill = [area](unsigned from, unsigned to) {
            for (unsigned i = from; i < to; i++) area[i] = static_cast<u8>(i * 37 + 11);
        };
        fill(160, 416);
        for (unsigned st = 0; st < 8; st++) {
            static constexpr u8 kOneAndAHalf[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x3f};
            std::memcpy(area + 32 + st * 16, kOneAndAHalf, 10);
        }
        area[4] = 0xff;  // all x87 registers in use
        area[0] = 0x7f, area[1] = 0x03;
        const u32 mxcsr = 0x1f80;
        std::memcpy(area + 24, &mxcsr, 4);
        present |= 3;
        std::memcpy(area + 512, &present, 8);
    }
};

class Random {
  public:
    u64 next() {
        seed_ ^= seed_ << 13, seed_ ^= seed_ >> 7, seed_ ^= seed_ << 17;
        return seed_;
    }
    Registers registers() {
        Registers r;
        for (u64& value : r.gpr) value = next();
        r.gpr[kRcx] = next() & 0xff;  // shift counts, also small ones
        r.flags = flags(next());
        return r;
    }
    static u64 flags(u64 bits) { return (bits & kFlagsArithmetic) | kFlagReserved1 | kFlagIF; }

  private:
    u64 seed_ = 0x123456789abcdefull;
};

u16 register_mask(const Insn& insn, u8 fields) {
    const auto bit = [&insn](u8 field, u8 number) -> u16 {
        return static_cast<u16>(1u << (insn.high_fields & field ? number & 3 : number));
    };
    u16 mask = 0;
    if (fields & kFieldReg) mask |= bit(kFieldReg, insn.reg_field);
    if (fields & kFieldRm) mask |= bit(kFieldRm, insn.rm_field);
    if (fields & kFieldVvvv) mask |= bit(kFieldVvvv, insn.vvvv_field);
    if (fields & kFieldOpcode) mask |= bit(kFieldOpcode, insn.opcode_field);
    return mask;
}

struct Effects {
    u16 reads, writes, flags_read, flags_written, flags_any;
    explicit Effects(const Insn& insn)
        : reads(register_mask(insn, insn.gpr_read) | insn.implicit_read),
          writes(register_mask(insn, insn.gpr_written) | insn.implicit_written),
          flags_read(insn.flags_read),
          flags_written(insn.flags_written & ~insn.flags_undefined),
          flags_any(insn.flags_written | insn.flags_maybe_written) {}
};

/// Registers that differ between two results.
u16 differing(const Registers& a, const Registers& b) {
    u16 mask = 0;
    for (unsigned reg = 0; reg < 16; reg++)
        if (reg != kRsp && a.gpr[reg] != b.gpr[reg]) mask |= static_cast<u16>(1u << reg);
    return mask;
}

u16 differing_flags(const Registers& a, const Registers& b) {
    return static_cast<u16>((a.flags ^ b.flags) & kFlagsArithmetic);
}

/// What is wrong with the metadata, or nullptr. `ran` counts completed runs.
const char* contradiction(NativeRunner& runner, const Insn& insn, Random& random, unsigned& ran) {
    const Effects effects(insn);
    for (unsigned trial = 0; trial < 3; trial++) {
        const Registers in = random.registers();
        Registers out, out2;
        if (!runner.run(in, out)) return nullptr;
        ran++;
        if (differing(in, out) & ~effects.writes) return "writes an undeclared register";
        if (differing_flags(in, out) & ~effects.flags_any) return "writes an undeclared flag";

        Registers changed = in;
        for (unsigned reg = 0; reg < 16; reg++)
            if (!(effects.reads >> reg & 1)) changed.gpr[reg] = random.next();
        if (!runner.run(changed, out2)) return "faults by an undeclared register";
        if (differing(out, out2) & effects.writes) return "reads an undeclared register";
        if (differing_flags(out, out2) & ~insn.flags_undefined) return "flags depend on an undeclared register";

        changed = in;
        changed.flags = in.flags ^ (kFlagsArithmetic & ~u64{effects.flags_read});
        if (!runner.run(changed, out2)) return "faults by an undeclared flag";
        if (differing(out, out2)) return "reads an undeclared flag";
        if (differing_flags(out, out2) & effects.flags_written) return "does not always write a flag";
    }
    return nullptr;
}

bool is_testable(const Insn& insn) {
    const std::string text = format(insn);
    for (const char* random_result : {"rdrand", "rdseed"})
        if (text.starts_with(random_result)) return false;
    const Effects effects(insn);
    return !((effects.reads | effects.writes) >> kRsp & 1);
}

}  // namespace

TEST_CASE("declared registers and flags agree with the host processor") {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx")) return;  // XSAVE is needed for a known vector state
    NativeRunner runner;
    Random random;
    FaultGuard guard;
    unsigned forms = 0, ran = 0;
    std::string failures;
    const auto visit = [&](std::span<const u8> bytes, unsigned mode_bits) {
        Insn insn;
        if (mode_bits != 64 || amd_decoder().decode(bytes, 0, 64, insn) != DecodeStatus::kOk) return;
        if (insn.klass != InsnClass::kCopy || !is_testable(insn)) return;
        forms++;
        runner.assemble(insn);
        const char* what = contradiction(runner, insn, random, ran);
        if (what && failures.size() < 4000) failures += format(insn) + ": " + what + "\n";
    };
    visit_legacy_encodings(visit);
    visit_vector_encodings(visit);
    INFO(failures);
    CHECK(failures.empty());
    CHECK(forms > 50000);
    CHECK(ran > 50000);
}

}  // namespace twin86
