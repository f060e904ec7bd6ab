// Ticker: a callback on the event loop some times a second of host time, while somebody wants it.
#pragma once

#include "ui/terminal/event_loop.h"

namespace twin86 {

class Ticker {
  public:
    Ticker(EventLoop& loop, unsigned period_ms, std::function<void()> callback);
    /// An idle ticker costs nothing.
    void run(bool on);

  private:
    void expired();

    unsigned period_ms_;
    std::function<void()> callback_;
    UniqueFd fd_;
    FdWatch watch_;
};

}  // namespace twin86
