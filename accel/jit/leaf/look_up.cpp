// Indirect branches that the jump table does not know.
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/look_up.h"

namespace twin86::jit {

extern "C" const u8* twin86_leaf_look_up(JitFrame* frame, u64 rip) { return indexed_code(*frame, rip); }

}  // namespace twin86::jit
