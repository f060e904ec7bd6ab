// HostFile: a descriptor with whole reads and writes at an offset.
#pragma once

#include <span>
#include <utility>

#include "base/types.h"

namespace twin86 {

class HostFile {
  public:
    explicit HostFile(int fd = -1) : fd_(fd) {}
    HostFile(HostFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    HostFile& operator=(HostFile&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~HostFile();

    int fd() const { return fd_; }
    /// Zeroes beyond the end of the file. False on a host error.
    bool read(u64 offset, std::span<u8> to) const;
    bool write(u64 offset, std::span<const u8> from) const;
    /// Makes a range read as zeroes: by a hole where the host's file system has them.
    bool zero(u64 offset, u64 length) const;

  private:
    int fd_;
};

}  // namespace twin86
