// A20 gate: the address line is on when either of its two sources, keyboard controller or port 0x92, asks for it.
#pragma once

#include <functional>
#include <utility>

#include "devices/core/device.h"

namespace twin86 {

/// The OR of the two requests. Both are owned (and saved) by their devices; this only reports changes of the result.
class A20Gate {
  public:
    explicit A20Gate(std::function<void(bool enabled)> on_change) : on_change_(std::move(on_change)) {}

    void set_keyboard_controller(bool on) { update(on, fast_); }
    void set_port92(bool on) { update(keyboard_, on); }
    bool enabled() const { return keyboard_ || fast_; }

  private:
    void update(bool keyboard, bool fast) {
        const bool before = enabled();
        keyboard_ = keyboard;
        fast_ = fast;
        if (enabled() != before) on_change_(enabled());
    }

    std::function<void(bool)> on_change_;
    bool keyboard_ = true;  // the controller's output port resets to all ones
    bool fast_ = false;
};

}  // namespace twin86
