// Fakes that the interrupt and timer tests share.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/irq/apic_bus.h"
#include "tests/lib/state_copy.h"

namespace twin86 {

/// Remembers levels and counts rising edges. With `holds_edges` an edge waits until take().
class RecordingSink : public IrqSink {
  public:
    void set_level(unsigned pin, bool level) override {
        if (level && !levels[pin]) ++rises[pin], waits[pin] = holds_edges;
        levels[pin] = level;
    }
    bool edge_waits(unsigned pin) const override { return waits.contains(pin) && waits.at(pin); }
    void take(unsigned pin) { waits[pin] = false; }
    IrqLine line(unsigned pin) { return IrqLine(*this, pin); }
    std::map<unsigned, bool> levels;
    std::map<unsigned, int> rises;
    std::map<unsigned, bool> waits;
    bool holds_edges = false;
};

class RecordingCpu : public CpuPins {
  public:
    void interrupt_request_changed() override { ++changes; }
    void nmi() override { ++nmis; }
    void init() override { ++inits; }
    void sipi(u8 vector) override { sipis.push_back(vector); }
    void smi() override { ++smis; }
    int changes = 0, nmis = 0, inits = 0, smis = 0;
    std::vector<u8> sipis;
};

/// 2 TSC ticks for each nanosecond, movable.
class FakeTsc : public TscClock {
  public:
    u64 tsc_at(u64 now_ns) const override { return now_ns * 2 + offset; }
    u64 ns_at(u64 tsc) const override { return tsc <= offset ? 0 : (tsc - offset + 1) / 2; }
    u64 offset = 0;
};

}  // namespace twin86
