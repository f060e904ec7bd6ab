// The commands that read and write I/O ports as the guest would.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_port_commands(MonitorTables& tables);

}  // namespace twin86
