// What twin86_leaf_fill leaves to bounce.cpp.
#pragma once

#include "accel/jit/leaf/leaf.h"

namespace twin86::jit {

/// Fills the bounce buffer for an access that the TLB cannot express. kLeafHere: the instruction can run on
/// frame.address, kLeafMore: only the slow path can tell.
u64 leaf_bounce(JitFrame& f, Gva address, AccessMeta meta);

}  // namespace twin86::jit
