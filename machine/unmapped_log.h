// UnmappedLog: accesses to addresses where nobody answers, each place once.
#pragma once

#include <set>
#include <vector>

#include "base/log.h"
#include "devices/core/bus.h"

namespace twin86 {

/// Costs nothing while -d unimp is off.
class UnmappedLog {
  public:
    UnmappedLog(Log& log, const IoBus& io, const MmioBus& mmio) : log_(log), io_(io), mmio_(mmio) {}

    /// After each access.
    void port(IoPort port, unsigned size) {
        if (log_.on(kLogUnimp)) check_port(port, size);
    }
    void memory(Gpa address, unsigned size) {
        if (log_.on(kLogUnimp)) check_memory(address, size);
    }

  private:
    static constexpr std::size_t kMaxPages = 1024;  ///< a guest that probes everything is not listed in full

    void check_port(IoPort port, unsigned size);
    void check_memory(Gpa address, unsigned size);
    static u64 unmapped(const BusCounters& c) { return c.unmapped_reads + c.unmapped_writes; }

    Log& log_;
    const IoBus& io_;
    const MmioBus& mmio_;
    u64 seen_io_ = 0, seen_mmio_ = 0;  ///< counters at the last look
    std::vector<bool> ports_ = std::vector<bool>(65536);
    std::set<Gpa> pages_;
};

}  // namespace twin86
