// RamGranules: guest RAM comes from the host in huge pages, as the guest touches it.
//
// A guest that touches one page of 2 MiB soon touches the others: kernels hand memory out in large pieces. A huge page costs the host
// about as much as 100 small ones, and its TLBs need one entry for it. For leaf helpers too, like phys_pages.h.
#pragma once

#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/types.h"

namespace twin86 {

struct RamGranules {
    static constexpr u64 kSize = 2 * MiB;

    Hva base = nullptr;     ///< of RAM that can lie in huge pages; a multiple of kSize
    u64 size = 0;           ///< whole granules only
    u8* gathered = nullptr; ///< one for each granule

    /// RAM at `host` is about to be used. Once for each granule the host is asked to put it into a huge page.
    [[gnu::always_inline]] void touch(const u8* host) const {
        const u64 offset = static_cast<u64>(host - base);
        if (offset >= size) return;
        u8& done = gathered[offset / kSize];
        if (__atomic_load_n(&done, __ATOMIC_RELAXED)) return;
        __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
        gather(host - offset % kSize);
    }

  private:
    /// madvise(2), MADV_COLLAPSE (Linux 6.1), without the C library; where it fails RAM stays as it is. A granule that has no page
    /// at all is refused: it gets one.
    [[gnu::always_inline]] static void gather(const u8* granule) {
        constexpr long kCollapse = 25;
        (void)*const_cast<const volatile u8*>(granule);
        long result = SYS_madvise;
        asm volatile("syscall" : "+a"(result) : "D"(granule), "S"(kSize), "d"(kCollapse) : "rcx", "r11", "memory");
    }
};

}  // namespace twin86
