// The corpus: text files of `mode ring hex-bytes # what` lines.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace twin86::fuzz {

enum class StartMode : u8;

struct Seed {
    StartMode mode;
    bool user;
    std::vector<u8> code;
};

/// All lines of all *.txt of a directory, in order of file names. An error names file and line.
Result<std::vector<Seed>> read_seeds(const std::string& directory);

}  // namespace twin86::fuzz
