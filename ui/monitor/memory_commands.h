// The commands that save, sum up and locate memory.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_memory_commands(MonitorTables& tables);

}  // namespace twin86
