// Which CPUID bit an instruction form belongs to, from the decoder library's instruction-set number.
#pragma once

#include <Zydis/Zydis.h>

#include "cpu/state/features.h"

namespace twin86 {

/// The form's own feature; kNone for instruction sets that are never offered (MPX, CET, XOP, AMX, VMX ...).
Feature feature_of(const ZydisDecodedInstruction& instruction);

/// True for the 128- and 256-bit EVEX forms that exist with AVX512VL only.
bool needs_avx512vl(ZydisISASet set);

}  // namespace twin86
