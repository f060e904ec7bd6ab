// ScreenView: what a window or a server for remote viewers asks of a machine. The machine implements it.
//
// From the viewer's own thread, without the machine's lock.
#pragma once

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

/// How long a viewer waits between two looks at the screen: 60 times a second while something happens, fewer afterwards.
class RefreshPace {
  public:
    static constexpr unsigned kBusyMs = 16, kIdleMs = 50, kIdleAfter = 60;

    unsigned next_ms(bool changed) {
        quiet_ = changed ? 0 : quiet_ + 1;
        return quiet_ < kIdleAfter ? kBusyMs : kIdleMs;
    }

  private:
    unsigned quiet_ = 0;
};

}  // namespace twin86
