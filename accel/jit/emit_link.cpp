// Links between pages: direct branches of user code to other pages. Such a link is right wherever the page that it was made
// for lies at the same distance from that of the branch. Emitted code looks that up in the jump table of its address space, which
// knows where pages of code lie there; what is not known comes to the run loop.
#include "accel/jit/builder.h"
#include "accel/jit/page_link.h"

namespace twin86::jit {

using namespace asmjit;

void BlockBuilder::page_link(u64 rip) {
    ChainSite* site = new_chain_site(rip);
    const u32 at = static_cast<u32>(a.offset());
    const bool was_cold = in_cold_;
    a.embed(PageLink(offset_in_page(rip) & kPageMask).bytes, PageLink::kLength);

    if (!was_cold) cold();
    buffer_.local_fixups.push_back({was_cold, true, at + PageLink::kMissAt, static_cast<u32>(a.offset())});
    point(offset_in_block(*current_));
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    a.lea(x86::rbp, x86::ptr(x86::rbp, static_cast<i32>(offset_in_page(rip) & 0xfff)));
    buffer_.page_links.push_back({site, at, was_cold, static_cast<u32>(a.offset())});
    leave(context_.thunks.exit_chain, site);
    if (!was_cold) hot();
}

}  // namespace twin86::jit
