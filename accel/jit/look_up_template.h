// The look-up in a jump table as ready-made bytes: assembled once, copied into blocks.
#pragma once

#include "base/types.h"

namespace twin86::jit {

/// Goes to the RIP in rbp, flag-free, or calls exit_lookup. Every indirect branch has one of its own: the host predicts each by
/// itself.
struct LookUpTemplate {
    u8 bytes[48];
    u8 length = 0;
    u8 exit_at = 0;  ///< where the rel32 of the call to exit_lookup is

    LookUpTemplate();
};

}  // namespace twin86::jit
