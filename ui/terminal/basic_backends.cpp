#include "ui/terminal/basic_backends.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace twin86 {

Result<std::unique_ptr<HostBackend>> FileBackend::open(EventLoop& loop, const std::string& path, bool append) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666));
    if (!fd) return error("cannot open '{}' for character output: {}", path, std::strerror(errno));
    return std::unique_ptr<HostBackend>(new FileBackend(loop, path, std::move(fd)));
}

FileBackend::FileBackend(EventLoop& loop, std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {
    output_.open(loop, fd_.get());
}

}  // namespace twin86
