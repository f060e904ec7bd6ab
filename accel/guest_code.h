// Guest code as the processor would fetch it, for those who look at it from outside. No effect on the guest.
#pragma once

#include <vector>

#include "cpu/state/cpu_state.h"
#include "mmu/page_walk.h"

namespace twin86 {

/// 16, 32 or 64.
inline unsigned code_bits(const CpuState& s) {
    return s.mode64() ? 64 : s.segment[kCs].default_big() ? 32 : 16;
}

/// The bytes from `rip` on, at most `size`; fewer where no memory is mapped.
inline std::vector<u8> code_at(const CpuState& s, u64 rip, unsigned size, const PhysPages& pages, u8 physical_bits) {
    PagingContext context{.cr0 = s.cr0, .cr3 = s.cr3, .cr4 = s.cr4, .efer = s.efer};
    context.physical_bits = physical_bits;
    std::vector<u8> bytes;
    const u8* page = nullptr;
    for (unsigned n = 0; n < size; ++n) {
        const Gva linear = s.mode64() ? rip + n : static_cast<u32>(s.segment[kCs].base + rip + n);
        if (page == nullptr || linear % kPageSize == 0) {
            const WalkResult walk = peek(context, pages, linear);
            const u64 entry = walk.ok ? pages.entry(walk.page.physical) : 0;
            if (page_is_mmio(entry)) break;
            page = page_host(entry);
        }
        bytes.push_back(page[linear % kPageSize]);
    }
    return bytes;
}

}  // namespace twin86
