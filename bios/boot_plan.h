// BootPlan: the register state with which a directly booted kernel starts; no engine is needed to make one.
#pragma once

#include <array>
#include <string>

#include "base/types.h"
#include "cpu/state/registers.h"

namespace twin86 {

enum class EntryKind {
    kLong64,       ///< 64-bit mode, identity page tables
    kProtected32,  ///< flat 32-bit protected mode, paging off
};

/// A selector and its descriptor as it stands in the GDT. In long mode the upper half of a system descriptor is zero.
struct BootSegment {
    u16 selector = 0;
    u64 descriptor = 0;
};

struct BootPlan {
    EntryKind kind = EntryKind::kProtected32;
    std::string description;  ///< one line for `--explain`
    u64 rip = 0;
    u64 rflags = kFlagReserved1;
    std::array<u64, 16> gpr{};  ///< indexed by Gpr
    u64 cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
    Gpa gdt_base = 0;
    u16 gdt_limit = 0;
    Gpa idt_base = 0;
    u16 idt_limit = 0;  ///< 0: every exception before the kernel's own IDT is a shutdown
    BootSegment code;   ///< CS
    BootSegment data;   ///< DS, ES, SS, FS, GS
    BootSegment task;   ///< TR; a busy TSS. LDTR is null
};

}  // namespace twin86
