// Log: where a machine writes its diagnostics. One object per machine, handed to whoever needs it; no global.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/types.h"

namespace twin86 {

/// The categories of `-d`; kLogUnimp and kLogGuestError are rate-limited per call site by the caller's key.
enum LogCategory : u32 {
    kLogBlocks = 1 << 0,      ///< translated blocks, guest and host code side by side
    kLogExec = 1 << 1,        ///< every block entered, with registers
    kLogInt = 1 << 2,         ///< exceptions and interrupts delivered
    kLogMmu = 1 << 3,         ///< page walks, flushes, faults
    kLogIo = 1 << 4,          ///< port and MMIO accesses
    kLogUnimp = 1 << 5,       ///< what the guest used and we do not have
    kLogGuestError = 1 << 6,  ///< wrong device programming by the guest
    kLogStats = 1 << 7,       ///< counters at exit
};

class Log {
  public:
    explicit Log(std::FILE* sink = stderr, u32 enabled = 0) : sink_(sink), enabled_(enabled) {}

    bool on(LogCategory c) const { return (enabled_.load(std::memory_order_relaxed) & c) != 0; }
    void set_enabled(u32 mask) { enabled_.store(mask, std::memory_order_relaxed); }
    void set_sink(std::FILE* sink) { sink_ = sink; }
    std::FILE* sink() const { return sink_; }

    template <class... Args>
    void write(LogCategory c, fmt::format_string<Args...> format, Args&&... args) {
        if (on(c)) emit(fmt::format(format, std::forward<Args>(args)...));
    }

    /// Writes one line whatever is enabled: for what the user must know.
    template <class... Args>
    void always(fmt::format_string<Args...> format, Args&&... args) {
        emit(fmt::format(format, std::forward<Args>(args)...));
    }

  private:
    void emit(const std::string& line) {
        const std::scoped_lock lock(mutex_);
        std::fwrite(line.data(), 1, line.size(), sink_);
        std::fputc('\n', sink_);
        std::fflush(sink_);
    }

    std::FILE* sink_;
    std::atomic<u32> enabled_;
    std::mutex mutex_;
};

}  // namespace twin86
