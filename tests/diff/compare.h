// What differs between two results, in words.
#pragma once

#include <string>
#include <vector>

#include "tests/diff/case.h"

namespace twin86::diff {

/// One line for each difference; empty when the results agree. `flags` says which flags count.
std::vector<std::string> compare(const JobResult& native, const JobResult& guest, u64 flags);

}  // namespace twin86::diff
