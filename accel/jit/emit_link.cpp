// Salted links: direct branches of user code to other pages. Such a link is right for one place of the code in one address
// space, as long as nothing changes there: emitted code compares the salt of the jump space plus the page's address with
// what it was when the link was made. Elsewhere the run loop makes the link anew, up to a point: code that processes share
// and use in turn goes through the jump table.
#include "accel/jit/builder.h"
#include "accel/jit/salted_link.h"

namespace twin86::jit {

using namespace asmjit;

void BlockBuilder::salted_link(u64 rip) {
    ChainSite* site = new_chain_site(rip);
    const u32 at = static_cast<u32>(a.offset());
    const bool was_cold = in_cold_;
    a.embed(SaltedLink(offset_in_page(rip) & kPageMask).bytes, SaltedLink::kLength);

    if (!was_cold) cold();
    buffer_.local_fixups.push_back({was_cold, true, at + SaltedLink::kMissAt, static_cast<u32>(a.offset())});
    point(offset_in_block(*current_));
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    a.lea(x86::rbp, x86::ptr(x86::rbp, static_cast<i32>(offset_in_page(rip))));
    buffer_.salted_links.push_back({site, at, was_cold, static_cast<u32>(a.offset())});
    leave(context_.thunks.exit_chain, site);
    if (!was_cold) hot();
}

}  // namespace twin86::jit
