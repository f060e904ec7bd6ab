// ringbuf_read and ringbuf_write: what a -chardev ringbuf holds.
#pragma once

#include <functional>

#include "ui/monitor/command_table.h"
#include "ui/terminal/ring_backend.h"

namespace twin86 {

/// The ring of a -chardev; null: there is none of that id.
using RingLookup = std::function<RingBackend*(const std::string& id)>;

void add_ring_commands(MonitorTables& tables, const RingLookup& find);

}  // namespace twin86
