// The current page tables as text, for `info mem` and `info tlb`.
#pragma once

#include <string>

#include "cpu/state/cpu_state.h"
#include "mmu/page_walk.h"

namespace twin86 {

/// What a supervisor's walk depends on in this state.
PagingContext paging_context(const CpuState& state, u8 physical_bits);

/// Mapped ranges; neighbours with the same rights are one line.
std::string mapped_ranges_text(const PagingContext& context, const PhysPages& pages);
/// One line for each page. Both stop after a bound: a table may contain itself.
std::string mapped_pages_text(const PagingContext& context, const PhysPages& pages);

}  // namespace twin86
