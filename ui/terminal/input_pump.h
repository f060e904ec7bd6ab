// InputPump: moves bytes from a host file descriptor to a receiver, at the receiver's pace.
#pragma once

#include <functional>

#include "devices/core/char_port.h"
#include "ui/terminal/event_loop.h"

namespace twin86 {

class InputPump {
  public:
    InputPump() = default;

    /// Begins reading fd, which the caller keeps open until stop(). on_end: end of file, error or hang-up.
    void start(EventLoop& loop, int fd, std::function<void()> on_end);
    void stop();
    bool running() const { return static_cast<bool>(watch_); }

    void set_receiver(CharReceiver* receiver);
    CharReceiver* receiver() const { return receiver_; }
    /// Looks at the receiver's room again.
    void update();

  private:
    void on_readable();

    int fd_ = -1;
    CharReceiver* receiver_ = nullptr;
    std::function<void()> on_end_;
    FdWatch watch_;
};

}  // namespace twin86
