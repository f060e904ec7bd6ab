// Decoys: what a pointer sees that has left the region whose window it is taken for.
#pragma once

#include "mmu/window_area.h"
#include "tests/insn/insn_test.h"

namespace twin86::test {

constexpr u64 kWindowStride = WindowArea::kRegionSize + WindowArea::kGuardSize;  ///< from one to the next on the host

/// A pointer far beyond the region it is taken for would see these pages: they lie where the windows behind its own
/// would show them. Each region is touched in turn, so that they get windows one after the other.
struct Decoys {
    static constexpr Gva kFirst = Gva{1} << 39, kTarget = kFirst + kWindowStride;
    static constexpr u64 kRight = 0x1234, kWrong = 0x5678;

    explicit Decoys(InsnTest& t) {
        t.guest.map_new(kFirst, kPageSize, kUserPage | kWritablePage);
        for (u64 n = 3; n < 8; ++n) {
            t.guest.map_new(n << 39, kPageSize, kUserPage | kWritablePage);
            t.store_value<u64>(n << 39, kWrong);
        }
        t.guest.map_new(kTarget, kPageSize, kUserPage | kWritablePage);
        t.store_value<u64>(kTarget, kRight);
    }
    void touch(auto& a) {
        a.mov(asmjit::x86::rdi, kFirst);
        a.mov(asmjit::x86::rax, asmjit::x86::qword_ptr(asmjit::x86::rdi));
        for (u64 n = 3; n < 8; ++n) {
            a.mov(asmjit::x86::rsi, n << 39);
            a.mov(asmjit::x86::rax, asmjit::x86::qword_ptr(asmjit::x86::rsi));
        }
    }
};

}  // namespace twin86::test
