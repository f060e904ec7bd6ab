#include "devices/irq/gsi_router.h"

namespace twin86 {

void GsiRouter::Driver::set_level(unsigned gsi, bool level) {
    if (gsi >= kGsis || gsi == kCascade) return;
    high = level ? high | u32{1} << gsi : high & ~(u32{1} << gsi);
    router.show(gsi);
}

u32 GsiRouter::high_lines() const {
    u32 high = 0;
    for (const Driver& d : drivers_) high |= d.high;
    return high;
}

/// Controllers hear of a line whenever it is driven: they tell edges from levels.
void GsiRouter::show(unsigned gsi) {
    const u32 before = levels_;
    levels_ = high_lines();
    const bool level = (levels_ >> gsi & 1) != 0;
    if (level && (before >> gsi & 1) == 0) ++counts_[gsi];
    if (gsi < kIsaIrqs) pic_.set_level(gsi, level);
    ioapic_.set_level(gsi == 0 ? kTimerPin : gsi, level);
}

bool GsiRouter::edge_waits(unsigned gsi) const {
    return (gsi < kIsaIrqs && pic_.edge_waits(gsi)) || ioapic_.edge_waits(gsi == 0 ? kTimerPin : gsi);
}

/// The controllers have saved what they see of the lines.
void GsiRouter::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        for (Driver& d : drivers_) archive.field(d.high);
    });
    levels_ = high_lines();
}

}  // namespace twin86
