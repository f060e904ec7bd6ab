// The host code of a link to another page of user code (emit_link.cpp).
#pragma once

#include "base/types.h"

namespace twin86::jit {

struct PageLink {
    static constexpr u8 kPlaceAt = 25;  ///< disp32: JumpTable::less_place of the page that it leads to
    static constexpr u8 kJumpAt = 46;   ///< rel32: the body of the block that it leads to
    static constexpr u8 kMissAt = 51;   ///< rel32: where the page lies elsewhere
    static constexpr u8 kLength = 55;
    u8 bytes[kLength];

    /// `page_distance`: bytes from the page of the branch to that of its target. No link yet.
    explicit PageLink(u64 page_distance);
    /// The displacement at kPlaceAt for a page by its number; that of CodePages::kNone fits nowhere.
    static i32 place(u16 number);
};

}  // namespace twin86::jit
