// What instruction tests share: a guest with code, data and stack, programs written with asmjit, and the registers after.
#pragma once

#include <asmjit/x86.h>

#include <functional>

#include "tests/lib/jit_guest.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

namespace twin86::test {

constexpr Gva kCodeAt = 0x400000, kDataAt = 0x600000, kStackAt = 0x800000;
constexpr u64 kCodeSize = 4 * kPageSize, kDataSize = 4 * kPageSize, kStackSize = 4 * kPageSize;
constexpr Gva kStackTop = kStackAt + kStackSize;
/// Bytes below and above stay unmapped.

class InsnTest {
  public:
    using Assembler = asmjit::x86::Assembler;

    explicit InsnTest(const GuestOptions& options = {}) : guest(options) {
        guest.map_new(kCodeAt, kCodeSize, kUserPage);
        guest.map_new(kDataAt, kDataSize, kUserPage | kWritablePage);
        guest.map_new(kStackAt, kStackSize, kUserPage | kWritablePage);
    }

    /// Puts a program at `at`; INT3 follows it.
    void load(const std::function<void(Assembler&)>& program, Gva at = kCodeAt);
    void load_bytes(std::span<const u8> bytes, Gva at = kCodeAt) { guest.write(at, bytes); }

    /// Starts at the code with the stack pointer at the top; registers set before by `set` apply.
    GuestStop run(bool user = true);
    /// load and run; the program must reach its INT3.
    void execute(const std::function<void(Assembler&)>& program);

    u64 reg(Gpr r) { return r == kRsp ? last.rsp : guest.state().gpr[r]; }
    u64 flags() const { return last.rflags & (kFlagsArithmetic | kFlagDF); }
    void set(Gpr r, u64 value) { inputs_[r] = value; }
    void set_flags(u64 flags) { flags_ = flags; }

    template <class T = u64>
    T load_value(Gva at) const {
        T value;
        guest.read(at, {reinterpret_cast<u8*>(&value), sizeof value});
        return value;
    }
    template <class T = u64>
    void store_value(Gva at, T value) {
        guest.write(at, {reinterpret_cast<const u8*>(&value), sizeof value});
    }

    JitGuest guest;
    GuestStop last;

  private:
    std::map<Gpr, u64> inputs_;
    u64 flags_ = 0;
};

}  // namespace twin86::test
