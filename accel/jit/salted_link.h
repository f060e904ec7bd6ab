// The host code of a salted link (emit_link.cpp).
#pragma once

#include "base/types.h"

namespace twin86::jit {

struct SaltedLink {
    static constexpr u8 kTagAt = 21;   ///< imm64: 1 - (salt + page address) of the link, 0: none
    static constexpr u8 kJumpAt = 53;  ///< rel32: the body of the block that it leads to
    static constexpr u8 kMissAt = 58;  ///< rel32: where it does not fit
    static constexpr u8 kLength = 62;
    u8 bytes[kLength];

    /// `page_distance`: bytes from the page of the branch to that of its target. No link yet.
    explicit SaltedLink(u64 page_distance);
};

}  // namespace twin86::jit
