#include "machine/unmapped_log.h"

#include <utility>

namespace twin86 {

void UnmappedLog::check_port(IoPort port, unsigned size) {
    const u64 now = unmapped(io_.counters());
    if (std::exchange(seen_io_, now) == now || ports_[port]) return;
    ports_[port] = true;
    log_.write(kLogUnimp, "port {:#x}, {} bytes: nobody answers", port, size);
}

void UnmappedLog::check_memory(Gpa address, unsigned size) {
    const u64 now = unmapped(mmio_.counters());
    if (std::exchange(seen_mmio_, now) == now || pages_.size() >= kMaxPages) return;
    if (!pages_.insert(address & kPageMask).second) return;
    log_.write(kLogUnimp, "physical address {:#x}, {} bytes: nobody answers", address, size);
}

}  // namespace twin86
