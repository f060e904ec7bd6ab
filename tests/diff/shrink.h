// Makes a differing case small: fewer instructions, simpler registers.
#pragma once

#include "tests/diff/session.h"

namespace twin86::diff {

Case shrink(Session& session, Case c);

}  // namespace twin86::diff
