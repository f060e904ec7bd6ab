#include "ui/terminal/output_buffer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace twin86 {
namespace {

constexpr int kWaitSliceMs = 50;
constexpr int kDrainMs = 2000;  // at exit: how long a reader may make no progress

/// write(2) that neither blocks nor raises SIGPIPE on sockets. Blocking descriptors take at most PIPE_BUF bytes, which
/// poll(2) promises to fit.
ssize_t write_some(int fd, bool socket, const u8* data, std::size_t size) {
    if (socket) return ::send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if ((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0) {
        pollfd p{fd, POLLOUT, 0};
        if (::poll(&p, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        size = std::min<std::size_t>(size, PIPE_BUF);
    }
    return ::write(fd, data, size);
}

}  // namespace

void OutputBuffer::open(EventLoop& loop, int fd) {
    struct stat info {};
    socket_ = ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
    loop_ = &loop;
    fd_ = fd;
    failure_ = 0;
    blocked_ = false;
    watch_ = loop.add_fd(fd, 0, [this](short revents) { on_writable(revents); });
}

void OutputBuffer::close() {
    blocked_ = false;
    flush();
    while (waiting() != 0 && !gone() && wait_writable(kDrainMs)) {
        blocked_ = false;
        flush();
    }
    abandon();
}

void OutputBuffer::abandon() {
    watch_.release();
    fd_ = -1;
    bytes_.clear();
    head_ = 0;
}

void OutputBuffer::write(std::span<const u8> bytes) {
    if (gone()) return;
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    const bool line_ends = std::find(bytes.begin(), bytes.end(), u8{'\n'}) != bytes.end();
    if (line_ends || waiting() >= kDirectWrite) flush();
    if (waiting() > kBound) wait_for_reader();
    if (!gone() && waiting() != 0) watch_.set_events(POLLOUT);
}

void OutputBuffer::flush() {
    while (!gone() && !blocked_ && waiting() != 0) {
        const ssize_t n = write_some(fd_, socket_, bytes_.data() + head_, waiting());
        if (n > 0) {
            head_ += static_cast<std::size_t>(n);
        } else if (n == 0 || errno == EAGAIN || errno == ENOBUFS) {
            blocked_ = true;
        } else if (errno != EINTR) {
            if (errno != EPIPE && errno != ECONNRESET) failure_ = errno;
            return abandon();
        }
    }
    compact();
}

void OutputBuffer::compact() {
    if (head_ < bytes_.size() / 2) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
}

void OutputBuffer::on_writable(short revents) {
    if (!(revents & POLLOUT)) return abandon();  // hung up
    blocked_ = false;
    flush();
    if (waiting() == 0) watch_.set_events(0);
}

/// True when the descriptor may take bytes; false on time-out. A hang-up abandons.
bool OutputBuffer::wait_writable(int timeout_ms) {
    pollfd p{fd_, POLLOUT, 0};
    const int ready = ::poll(&p, 1, timeout_ms);
    if (ready < 0) return errno == EINTR;
    if (ready == 0) return false;
    if (!(p.revents & POLLOUT)) abandon();
    return true;
}

void OutputBuffer::wait_for_reader() {
    while (!gone() && waiting() > kBound) {
        if (wait_writable(kWaitSliceMs)) {
            blocked_ = false;
            flush();
        } else if (loop_->termination_waits()) {
            bytes_.clear();
            head_ = 0;
        }
    }
}

UniqueFd reopen_nonblocking(int fd, int open_flags) {
    struct stat info {};
    const bool reopen = ::isatty(fd) || (::fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode));
    if (reopen) {
        const std::string path = fmt::format("/proc/self/fd/{}", fd);
        UniqueFd again(::open(path.c_str(), open_flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (again) return again;
    }
    return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

}  // namespace twin86
