// FlightRecorder: the last exits of emitted code to the run loop, for whoever asks how the guest got here.
#pragma once

#include <string>
#include <vector>

#include "accel/jit/frame.h"
#include "base/log.h"
#include "cpu/decode/op.h"

namespace twin86::jit {

class FlightRecorder {
  public:
    static constexpr u64 kSize = 65536;
    FlightRecorder() : records_(kSize) {}

    /// rip: where the guest goes on, or of the instruction that is executed by C++.
    void exit(u64 rip, ExitReason reason, u64 detail = 0) { add(rip, static_cast<u32>(reason), detail); }
    void helper(u64 rip, Op op) { exit(rip, ExitReason::kHelper, static_cast<u64>(op)); }
    void exception(u64 rip, u8 vector, u64 address) { add(rip, kException + vector, address); }
    void interrupt(u64 rip, u8 vector) { add(rip, kInterrupt + vector, 0); }

    /// The last n records as text, oldest first.
    std::vector<std::string> last(u64 n) const;
    void dump(Log& log, u64 n) const;

  private:
    static constexpr u32 kException = 0x100, kInterrupt = 0x200;  ///< plus vector; below: ExitReason

    struct Record {
        u64 rip;
        u64 detail;
        u32 event;
    };

    void add(u64 rip, u32 event, u64 detail) { records_[next_++ % kSize] = {rip, detail, event}; }
    static std::string describe(const Record& record);

    std::vector<Record> records_;
    u64 next_ = 0;
};

/// The name of an exit in statistics and recordings.
const char* exit_name(ExitReason reason);

}  // namespace twin86::jit
