// What differs between two results, in words.
#pragma once

#include <string>
#include <vector>

#include "tests/diff/case.h"

namespace twin86::diff {

/// One line for each difference; empty when the results agree. `flags` says which flags count, `selectors` whether the
/// segment registers do.
std::vector<std::string> compare(const JobResult& native, const JobResult& guest, u64 flags, bool selectors = false);

}  // namespace twin86::diff
