#include "ui/terminal/pty_backend.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace twin86 {
namespace {

constexpr long kLookIntervalNs = 200'000'000;

/// The line discipline must pass bytes untouched; this lasts as long as our side is open.
Status set_raw(const char* path) {
    const UniqueFd slave(::open(path, O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios mode{};
    if (!slave || ::tcgetattr(slave.get(), &mode) != 0) return error("cannot open {}: {}", path, std::strerror(errno));
    ::cfmakeraw(&mode);
    ::tcsetattr(slave.get(), TCSANOW, &mode);
    return {};
}

}  // namespace

Result<std::unique_ptr<HostBackend>> PtyBackend::open(EventLoop& loop) {
    UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 128> path{};
    if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
        ::ptsname_r(master.get(), path.data(), path.size()) != 0) {
        return error("cannot make a pseudo terminal: {}", std::strerror(errno));
    }
    if (const Status s = set_raw(path.data()); !s) return s.failure();
    UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    const itimerspec interval{{0, kLookIntervalNs}, {0, kLookIntervalNs}};
    if (!timer || ::timerfd_settime(timer.get(), 0, &interval, nullptr) != 0) {
        return error("cannot make a timer: {}", std::strerror(errno));
    }
    fmt::print(stderr, "twin86: character device redirected to {}\n", path.data());
    return std::unique_ptr<HostBackend>(new PtyBackend(loop, std::move(master), path.data(), std::move(timer)));
}

PtyBackend::PtyBackend(EventLoop& loop, UniqueFd master, std::string path, UniqueFd timer)
    : loop_(loop), path_(std::move(path)), master_(std::move(master)), timer_(std::move(timer)) {
    timer_watch_ = loop_.add_fd(timer_.get(), POLLIN, [this](short) {
        u64 ticks;
        [[maybe_unused]] const ssize_t n = ::read(timer_.get(), &ticks, sizeof ticks);
        look_for_peer();
    });
}

PtyBackend::~PtyBackend() {
    input_.stop();
    output_.close();
}

void PtyBackend::write(std::span<const u8> bytes) {
    if (!connected_ || output_.gone()) look_for_peer();
    if (connected_) output_.write(bytes);
}

void PtyBackend::look_for_peer() {
    pollfd p{master_.get(), POLLOUT, 0};
    ::poll(&p, 1, 0);
    if (p.revents & POLLHUP) return detach();
    if (connected_ && !output_.gone()) return;
    connected_ = true;
    timer_watch_.set_events(0);
    output_.abandon();
    output_.open(loop_, master_.get());
    if (!input_.running()) input_.start(loop_, master_.get(), [this] { detach(); });
    announce_connection();
}

void PtyBackend::detach() {
    connected_ = false;
    input_.stop();
    output_.abandon();
    timer_watch_.set_events(POLLIN);
}

}  // namespace twin86
