// The soft-TLB probe as ready-made bytes: assembled once for each view, direction and flag need, copied into blocks.
#pragma once

#include "accel/jit/frame.h"

namespace twin86::jit {

struct ProbeTemplate {
    u8 bytes[96];
    u8 length = 0;
    u8 size_at = 0;    ///< where the 32-bit size-dependent constant is
    u8 miss_at = 0;    ///< where the rel32 of the miss is
    u8 undo[16];       ///< first instruction of the cold part: makes rbp (and rcx) what they were before the probe
    u8 undo_length = 0;
    bool live = false; ///< flags are preserved; the constant is size - 1, otherwise page size - size
};

class ProbeTemplates {
  public:
    ProbeTemplates();
    const ProbeTemplate& get(u8 view, bool write, bool flags_live) const { return templates_[view][write][flags_live]; }

  private:
    ProbeTemplate templates_[kViews][2][2];
};

}  // namespace twin86::jit
