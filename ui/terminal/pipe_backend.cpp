#include "ui/terminal/pipe_backend.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace twin86 {
namespace {

/// For both directions: opening one end alone would wait for the other.
UniqueFd open_pipe(const std::string& path) { return UniqueFd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)); }

}  // namespace

Result<std::unique_ptr<HostBackend>> PipeBackend::open(EventLoop& loop, const std::string& path) {
    UniqueFd in = open_pipe(path + ".in"), out = open_pipe(path + ".out");
    if (!in || !out) {
        in = open_pipe(path);
        out = open_pipe(path);
    }
    if (!in || !out) return error("cannot open the named pipes '{0}.in' and '{0}.out', nor '{0}': {1}", path, std::strerror(errno));
    return std::unique_ptr<HostBackend>(new PipeBackend(loop, path, std::move(in), std::move(out)));
}

PipeBackend::PipeBackend(EventLoop& loop, std::string path, UniqueFd in, UniqueFd out)
    : path_(std::move(path)), in_(std::move(in)), out_(std::move(out)) {
    output_.open(loop, out_.get());
    input_.start(loop, in_.get(), [this] { input_.stop(); });
}

PipeBackend::~PipeBackend() {
    input_.stop();
    output_.close();
}

int PipeBackend::finish() {
    output_.close();
    return output_.failure();
}

}  // namespace twin86
