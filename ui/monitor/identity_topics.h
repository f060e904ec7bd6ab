// The topics of info that say which machine this is.
#pragma once

#include "ui/monitor/command_table.h"

namespace twin86 {

void add_identity_topics(MonitorTables& tables);

}  // namespace twin86
