#include "accel/jit/flight_recorder.h"

#include <algorithm>

#include "cpu/decode/table.h"
#include "cpu/state/fault.h"

namespace twin86::jit {

namespace {

/// SDM vol. 3, table 6-1.
std::string exception_name(u32 vector) {
    static constexpr const char* kNames[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",
                                             "#TS", "#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM"};
    return vector < std::size(kNames) ? kNames[vector] : fmt::format("{}", vector);
}

}  // namespace

const char* exit_name(ExitReason reason) {
    static constexpr const char* kNames[] = {"none",   "lookup", "chain", "helper", "slow",
                                             "commit", "string", "raise", "segment", "region", "boundary", "stale", "fault"};
    return kNames[static_cast<u32>(reason)];
}

std::string FlightRecorder::describe(const Record& record) {
    if (record.event >= kInterrupt) return fmt::format("interrupt {:#x}", record.event - kInterrupt);
    if (record.event >= kException) {
        const u32 vector = record.event - kException;
        const std::string text = "exception " + exception_name(vector);
        return vector == kVectorPF ? fmt::format("{} address {:#x}", text, record.detail) : text;
    }
    const auto reason = static_cast<ExitReason>(record.event);
    if (reason == ExitReason::kHelper) return fmt::format("helper {}", op_name(static_cast<Op>(record.detail)));
    if (reason == ExitReason::kSlow) return fmt::format("slow access to {:#x}", record.detail);
    if (reason == ExitReason::kFault) return "poll";
    return exit_name(reason);
}

std::vector<std::string> FlightRecorder::last(u64 n) const {
    n = std::min({n, next_, kSize});
    std::vector<std::string> lines;
    for (u64 i = next_ - n; i < next_; ++i) {
        const Record& record = records_[i % kSize];
        lines.push_back(fmt::format("{:016x}  {}", record.rip, describe(record)));
    }
    return lines;
}

void FlightRecorder::dump(Log& log, u64 n) const {
    log.always("last {} exits of translated code, oldest first:", std::min({n, next_, kSize}));
    for (const std::string& line : last(n)) log.always("  {}", line);
}

}  // namespace twin86::jit
