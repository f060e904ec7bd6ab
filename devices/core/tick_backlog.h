// TickBacklog: the ticks of a periodic timer that found the one before them still waiting, delivered as soon as possible.
//
// An interrupt controller remembers one edge. A late host, or a processor that got no time while its ticks came, makes
// one of many, and a guest that counts ticks loses time or takes its timer for broken. So the others follow, each when
// the one before it was taken.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "base/state_archive.h"
#include "devices/core/timer_queue.h"

namespace twin86 {

class TickBacklog {
  public:
    /// Ticks of shorter periods than this are merged: no guest can take them all.
    static constexpr u64 kShortestPeriod_ns = 100'000;
    /// Guests get at most so much time back; what is beyond is lost.
    static constexpr u64 kLongest_ns = 1'000'000'000;

    /// `edge` raises the interrupt once; `waiting` says whether the last one has not been taken yet.
    TickBacklog(TimerQueue& queue, std::function<void()> edge, std::function<bool()> waiting)
        : queue_(queue), edge_(std::move(edge)), waiting_(std::move(waiting)), timer_(queue, [this] { retry(); }) {}

    /// `count` ticks are due that lie `period_ns` apart (0: a single tick).
    void due(u64 count, u64 period_ns);
    /// The processor took an interrupt, perhaps ours.
    void interrupt_taken() {
        if (owed_ != 0) deliver();
    }
    /// The timer was programmed anew: what it owed before does not matter any more.
    void clear();
    /// Ticks that are still owed.
    u64 size() const { return owed_; }

    void visit(StateArchive& archive);

  private:
    /// Who takes an edge without interrupt_taken(), as a program that polls the PIC does, waits at most so long at first.
    static constexpr u64 kFirstRetry_ns = 50'000;

    u64 most_owed() const { return std::max<u64>(kLongest_ns / period_ns_, 1); }
    void deliver();
    void retry();

    TimerQueue& queue_;
    std::function<void()> edge_;
    std::function<bool()> waiting_;
    Timer timer_;
    u64 owed_ = 0, period_ns_ = 0;
    u64 retry_ns_ = kFirstRetry_ns;  ///< to the next look; grows while nobody takes the tick
};

}  // namespace twin86
