// The processor's registers as text, for `info registers` and SIGQUIT, and by name, for expressions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpu/state/cpu_state.h"

namespace twin86 {

/// In the layout that QEMU's users and scripts know; 32-bit names outside long mode. `a20`: address bit 20 is driven.
std::string register_text(const CpuState& state, bool a20);

/// By lower-case name: rax, eax, r8, rip, eip, pc, rflags, eflags, cs, fs_base, cr3, dr7, efer ...
std::optional<u64> register_by_name(const CpuState& state, std::string_view name);

}  // namespace twin86
