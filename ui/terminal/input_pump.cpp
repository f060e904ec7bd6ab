#include "ui/terminal/input_pump.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace twin86 {

void InputPump::start(EventLoop& loop, int fd, std::function<void()> on_end) {
    fd_ = fd;
    on_end_ = std::move(on_end);
    watch_ = loop.add_fd(fd, 0, [this](short) { on_readable(); });
    update();
}

void InputPump::stop() {
    watch_.release();
}

void InputPump::set_receiver(CharReceiver* receiver) {
    receiver_ = receiver;
    update();
}

void InputPump::update() {
    watch_.set_events(receiver_ != nullptr && receiver_->receive_room() != 0 ? POLLIN : 0);
}

void InputPump::on_readable() {
    std::array<u8, 4096> bytes;
    const std::size_t room = receiver_ != nullptr ? std::min(receiver_->receive_room(), bytes.size()) : 0;
    if (room == 0) return update();
    const ssize_t n = ::read(fd_, bytes.data(), room);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        stop();
        const auto on_end = on_end_;  // may start() again
        if (on_end) on_end();
        return;
    }
    receiver_->receive({bytes.data(), static_cast<std::size_t>(n)});
    update();
}

}  // namespace twin86
