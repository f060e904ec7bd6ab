// Presses keys one after the other at a pace that guests follow: what a script types.
#pragma once

#include <deque>
#include <span>

#include "devices/core/timer_queue.h"
#include "devices/input/ps2_keyboard.h"

namespace twin86 {

/// Times are virtual: a guest that is stopped gets its keys when it goes on.
class KeyFeeder {
  public:
    static constexpr std::size_t kMaxWaiting = 65536;
    static constexpr u64 kMillisecond = 1'000'000;
    static constexpr u64 kStrokeNs = 10 * kMillisecond;  ///< between two changes of keys when text is typed

    KeyFeeder(TimerQueue& timers, Ps2Keyboard& keyboard)
        : timers_(timers), keyboard_(keyboard), timer_(timers, [this] { next(); }) {}

    /// Presses the keys in order, holds them, lets them go in reverse order. False: too many wait already.
    bool press_together(std::span<const Key> keys, u64 hold_ns);
    void clear();

  private:
    struct Step {
        Key key;
        bool down;
        u64 pause_ns;  ///< after it
    };
    static constexpr unsigned kPatience = 100;  ///< times kStrokeNs
    void next();

    TimerQueue& timers_;
    Ps2Keyboard& keyboard_;
    std::deque<Step> steps_;
    unsigned waited_ = 0;
    Timer timer_;
};

}  // namespace twin86
