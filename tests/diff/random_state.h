// Random processor states: registers at the edges, floating-point modes, vectors cut from the pattern.
#pragma once

#include "tests/diff/case.h"
#include "tests/diff/random.h"

namespace twin86::diff {

u64 random_value(Random& r);
void random_state(Random& r, MachineState& s);
/// The initial vector state: everything zero, exceptions masked.
void plain_vector_state(MachineState& s);

/// Bytes [0, size) of vector register n, in the XSAVE image.
void set_vector(MachineState& s, unsigned n, const u8* bytes, unsigned size);

}  // namespace twin86::diff
