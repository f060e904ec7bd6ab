// The commands that take media out of drives and put others in.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_drive_commands(MonitorTables& tables);

}  // namespace twin86
