// OutputBuffer: bytes on their way to a host file descriptor.
//
// Policy. Nothing is lost while somebody holds the other end. Bytes are collected until a newline or kDirectWrite bytes
// and written without blocking; what the reader does not take waits here. When more than kBound bytes wait, write()
// waits for the reader, which stops the guest: back-pressure as on a terminal that was stopped with Ctrl-S. It ends
// early when the other end goes away or a termination signal waits; then the waiting bytes are dropped.
#pragma once

#include <span>
#include <vector>

#include "ui/terminal/event_loop.h"

namespace twin86 {

class OutputBuffer {
  public:
    static constexpr std::size_t kDirectWrite = 1024;
    static constexpr std::size_t kBound = 256 * KiB;

    OutputBuffer() = default;
    ~OutputBuffer() { close(); }
    OutputBuffer(const OutputBuffer&) = delete;
    OutputBuffer& operator=(const OutputBuffer&) = delete;

    /// Begins writing to fd, which the caller keeps open until close(). Never changes the flags of the descriptor.
    void open(EventLoop& loop, int fd);
    /// Writes out what waits, for as long as the reader makes progress, and lets go of the descriptor.
    void close();
    /// Forgets what waits and lets go of the descriptor.
    void abandon();

    void write(std::span<const u8> bytes);
    /// Writes what fits without waiting.
    void flush();
    std::size_t waiting() const { return bytes_.size() - head_; }
    /// The other end is gone; everything is dropped from now on.
    bool gone() const { return fd_ < 0; }
    /// errno of the write that made an end of it; 0: none failed, or the reader went away.
    int failure() const { return failure_; }

  private:
    void on_writable(short revents);
    void wait_for_reader();
    bool wait_writable(int timeout_ms);
    void compact();

    EventLoop* loop_ = nullptr;
    int fd_ = -1, failure_ = 0;
    bool socket_ = false;
    bool blocked_ = false;  // the last write took nothing; the watch tells when to go on
    std::vector<u8> bytes_;
    std::size_t head_ = 0;
    FdWatch watch_;
};

/// A second, non-blocking open of a terminal or pipe, so that the flags that other processes share stay untouched; else
/// a duplicate.
UniqueFd reopen_nonblocking(int fd, int open_flags);

}  // namespace twin86
