// Flags that the manual calls undefined: the translator need not keep what the host happens to leave in them.
#pragma once

#include "cpu/decode/decoder.h"
#include "tests/diff/case.h"

namespace twin86::diff {

struct FlagWalk {
    bool reads_undefined = false;  ///< some instruction uses an undefined flag: results may differ
    u64 undefined_at_end = 0;
    u64 undefined_somewhere = 0;
};

/// Follows the code of a job in order, and again for loops; what a forward branch may skip defines nothing.
FlagWalk walk_flags(const Decoder& decoder, const Job& job);

}  // namespace twin86::diff
