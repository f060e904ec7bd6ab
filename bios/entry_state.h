// The state that all entry protocols share: a flat GDT, identity page tables, the BIOS data area.
#pragma once

#include "base/result.h"
#include "bios/boot_memory.h"
#include "bios/boot_plan.h"
#include "bios/memory_map.h"

namespace twin86 {

/// Where loaders put their own small structures: clear of the BIOS data area and of 0x7c00.
constexpr Gpa kLoaderAreaBase = 0x10000;

/// Allocates and writes a GDT (code 0x10, data 0x18, TSS 0x20) and, for 64-bit entry, page tables that map the first
/// 4 GiB to themselves; the plan has everything but rip, the general registers and the description.
Result<BootPlan> make_entry_state(EntryKind kind, BootAllocator& allocator, BootMemory& memory);

/// What the firmware would have left at 0x400: the size of conventional memory and the EBDA's segment.
Status write_bios_data_area(BootMemory& memory);

/// Copies into guest memory, or one line about why not.
Status store(BootMemory& memory, Gpa address, std::span<const u8> bytes);
/// Zeroes guest memory.
Status store_zeros(BootMemory& memory, Gpa address, u64 size);

/// Allocates below 1 MiB for a loader's own structure and writes it there.
Result<Gpa> place_low(BootAllocator& allocator, BootMemory& memory, std::span<const u8> bytes, u64 alignment = 16);

}  // namespace twin86
