// Salted links: direct branches of user code to other pages. Such a link is right for one place of the code in one address
// space, as long as nothing changes there: emitted code compares the salt of the jump cache plus the page's address with
// what it was when the link was made. A link of another space leads through the jump cache.
#include <cstring>

#include "accel/jit/builder.h"
#include "accel/jit/salted_link.h"

namespace twin86::jit {

using namespace asmjit;

void BlockBuilder::salted_link(u64 rip) {
    ChainSite* site = new_chain_site(rip);
    const u32 at = static_cast<u32>(a.offset());
    const bool was_cold = in_cold_;
    a.embed(SaltedLink(offset_in_page(rip) & kPageMask).bytes, SaltedLink::kLength);
    buffer_.salted_links.push_back({site, at, was_cold});

    if (!was_cold) cold();
    buffer_.local_fixups.push_back({was_cold, true, at + SaltedLink::kMissAt, static_cast<u32>(a.offset())});
    point(offset_in_block(*current_));
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    load_rip(kHostAddress, rip);
    const LookupTemplate& t = buffer_.lookup_salted;
    u8 code[sizeof t.bytes];
    std::memcpy(code, t.bytes, t.length);
    std::memcpy(code + t.exit_at + sizeof(i32), &site, sizeof site);
    buffer_.fixups.push_back({true, static_cast<u32>(a.offset()) + t.exit_at, context_.thunks.exit_chain});
    a.embed(code, t.length);
    if (!was_cold) hot();
}

}  // namespace twin86::jit
