// What the fuzzers share: options, the loop over cases, and the case's name when it takes the process down.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace twin86::fuzz {

struct RunOptions {
    u64 seed;
    u64 cases = 0;  ///< 0: by time
    double seconds = 20;
    bool only = false;  ///< the seed is a case's own

    RunOptions();
    /// Takes --seconds, --minutes, --cases, --seed and --only out of the arguments; false: one of them has no value.
    bool parse(int& argc, char** argv);
};

/// From here on signals, sanitizers and the limit of time name the case in flight before the process dies.
void report_crashes(const char* program);
/// Printed when the process dies: how to run the case again.
void set_in_flight(const std::string& text);

/// Calls `one` with the seed of each case; a text ends the run. The exit status of the process.
int run_cases(const RunOptions& options, const std::function<std::optional<std::string>(u64 seed)>& one,
              const std::function<std::string()>& summary);

}  // namespace twin86::fuzz
