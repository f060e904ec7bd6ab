#include "ui/terminal/terminal_backend.h"

#include <fcntl.h>

namespace twin86 {

TerminalBackend::TerminalBackend(EventLoop& loop, TerminalOptions options)
    : raw_(options.in_fd, options.keep_signals),
      in_(reopen_nonblocking(options.in_fd, O_RDONLY)),
      out_(reopen_nonblocking(options.out_fd, O_WRONLY)) {
    // Either may be closed (daemons): then there is no input, or the output is dropped.
    if (out_) output_.open(loop, out_.get());
    if (in_) input_.start(loop, in_.get(), {});
}

}  // namespace twin86
