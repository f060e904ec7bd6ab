// The commands that set the password of remote viewers.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_password_commands(MonitorTables& tables);

/// "change vnc password TEXT", which QEMU puts under `change`.
std::string change_vnc_password(const MonitorCall& call);

}  // namespace twin86
