// Explain: the machine that a command line makes, as text.
#pragma once

#include <string>

#include "machine/machine.h"

namespace twin86 {

/// RAM, processor, engine, kernel, devices with their addresses, and the command line that says all of it.
std::string explain(Machine& machine);

/// As -uuid takes it.
std::string uuid_text(const Uuid& uuid);

/// The full spelling of these options, for a shell.
std::string command_line(const Options& options);

}  // namespace twin86
