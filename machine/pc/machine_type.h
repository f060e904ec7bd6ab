// MachineType: which board -machine asks for.
#pragma once

#include "base/types.h"

namespace twin86 {

enum class MachineType : u8 {
    kPc,   ///< i440FX, PIIX3, PIIX4
    kQ35,  ///< Q35, ICH9
};

}  // namespace twin86
