#include "mmu/page_walk.h"

#include "mmu/page_walk_impl.h"

namespace twin86 {

WalkResult translate(const PagingContext& context, PagingMemory& memory, Gva address, Access access) {
    return paging::translate(context, memory, address, access);
}

WalkResult peek(const PagingContext& context, const PhysPages& pages, Gva address) { return paging::peek(context, pages, address); }

}  // namespace twin86
