// ScreenView: what a window or a server for remote viewers asks of a machine. The machine implements it.
//
// From the viewer's own thread, without the machine's lock.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "devices/display/surface.h"
#include "devices/input/key_table.h"

namespace twin86 {

/// A viewer's copy of the screen, and how new it is.
struct ScreenCopy {
    Surface surface;
    u64 generation = 0;
};

class ScreenView {
  public:
    virtual ~ScreenView() = default;

    /// Brings the copy up to date and returns the lines that changed; all of them when its size did.
    virtual std::vector<LineRange> update(ScreenCopy& copy) = 0;

    virtual void press(Key key, bool down) = 0;
    /// Counts as Ps2Mouse has them: x to the right, y downwards, wheel towards the user.
    virtual void move_mouse(int dx, int dy, int wheel) = 0;
    /// Ps2Mouse::Button bits.
    virtual void set_mouse_buttons(u8 pressed) = 0;

    /// Name, state and engine, for a title.
    virtual std::string title() = 0;
    /// The user closed the window.
    virtual void close() = 0;
};

/// When a viewer looks at the screen: 60 times a second while something happens, fewer afterwards. Looks are due at times
/// that do not depend on when the last one really was: waits that last too long would add up.
class RefreshPace {
  public:
    static constexpr u64 kBusyNs = 16'666'667, kIdleNs = 50'000'000;
    static constexpr unsigned kIdleAfter = 60;

    /// Somebody looked, because it was due or for a reason of its own.
    void looked(u64 now_ns, bool changed) {
        quiet_ = changed ? 0 : quiet_ + 1;
        const u64 period = quiet_ < kIdleAfter ? kBusyNs : kIdleNs;
        due_ns_ = now_ns < due_ns_ ? std::min(due_ns_, now_ns + period) : std::max(due_ns_ + period, now_ns);
    }
    /// Rounded up: a look before its time would be one more.
    unsigned wait_ms(u64 now_ns) const {
        return now_ns < due_ns_ ? static_cast<unsigned>((due_ns_ - now_ns + 999'999) / 1'000'000) : 0;
    }

  private:
    u64 due_ns_ = 0;
    unsigned quiet_ = 0;
};

}  // namespace twin86
