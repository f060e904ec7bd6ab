// `twin86 compare ...`: hands over to tools/compare, which runs this program and others as a user would.
#pragma once

#include "base/result.h"

namespace twin86 {

/// Whether the command line asks for it.
bool asks_for_compare(int argc, char** argv);

/// Replaces this process; returns only with the reason why not. The tool is looked for beside the build directory, then
/// where an installation has it (../share/twin86).
Error run_compare(int argc, char** argv);

}  // namespace twin86
