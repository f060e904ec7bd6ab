// The commands that move the mouse and press its buttons.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_mouse_commands(MonitorTables& tables);

}  // namespace twin86
