#include "machine/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace twin86 {

void occupy_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        [[maybe_unused]] const int lowest = ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
}

Daemon::~Daemon() {
    if (starter_ >= 0) ::close(starter_);
}

Status Daemon::start() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return error("-daemonize: {}", std::strerror(errno));
    const pid_t child = ::fork();
    if (child < 0) return error("-daemonize: {}", std::strerror(errno));
    if (child != 0) {
        ::close(ends[1]);
        char done = 0;
        ssize_t n;
        while ((n = ::read(ends[0], &done, 1)) < 0 && errno == EINTR) {
        }
        ::_exit(n == 1 ? 0 : 1);
    }
    ::close(ends[0]);
    starter_ = ends[1];
    ::setsid();
    return {};
}

void Daemon::ready() {
    if (starter_ < 0) return;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && null >= 0; ++fd) ::dup2(null, fd);
    if (null > 2) ::close(null);
    const char done = 1;
    [[maybe_unused]] const ssize_t n = ::write(starter_, &done, 1);
    ::close(std::exchange(starter_, -1));
}

Status LogFile::open(const std::string& path) {
    if (path.empty()) return {};
    file_ = std::fopen(path.c_str(), "we");
    if (file_ == nullptr) return error("-D {}: {}", path, std::strerror(errno));
    path_ = path;
    log_.set_sink(file_);
    return {};
}

Status LogFile::close() {
    if (file_ == nullptr) return {};
    log_.set_sink(stderr);
    const bool failed = std::ferror(file_) != 0;
    errno = 0;
    // Why that was is forgotten; most likely the next byte fails for the same reason.
    if (failed && ::write(::fileno(file_), "\n", 1) == 1) errno = 0;
    const int reason = errno;
    const bool lost = std::fclose(std::exchange(file_, nullptr)) != 0;
    if (failed || lost)
        return error("-D {}: the log is incomplete: {}", path_, std::strerror(reason != 0 ? reason : errno != 0 ? errno : EIO));
    return {};
}

Status PidFile::write(const std::string& path) {
    if (path.empty()) return {};
    std::FILE* f = std::fopen(path.c_str(), "we");
    if (f == nullptr) return error("-pidfile {}: {}", path, std::strerror(errno));
    const bool printed = std::fprintf(f, "%d\n", ::getpid()) > 0;
    const bool closed = std::fclose(f) == 0;
    path_ = path;
    if (!printed || !closed) return error("-pidfile {}: {}", path, std::strerror(errno));
    return {};
}

PidFile::~PidFile() {
    struct stat info {};
    if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && S_ISREG(info.st_mode)) ::unlink(path_.c_str());
}

}  // namespace twin86
