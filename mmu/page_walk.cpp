#include "mmu/page_walk.h"

#include "mmu/page_walk_impl.h"

namespace twin86 {

WalkResult translate(const PagingContext& context, PagingMemory& memory, Gva address, Access access) {
    return paging::translate(context, memory, address, access);
}

WalkResult peek(const PagingContext& context, const PhysPages& pages, Gva address) { return paging::peek(context, pages, address); }

bool valid_pae_pointers(const PagingContext& context, const PagingMemory& memory) {
    for (unsigned n = 0; n < 4; ++n)
        if (!paging::valid_pdpte(memory.read<u64>(paging::pdpte_slot(context, n)), paging::beyond_physical(context))) return false;
    return true;
}

}  // namespace twin86
