#include "devices/block/host_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace twin86 {

HostFile::~HostFile() {
    if (fd_ >= 0) ::close(fd_);
}

bool HostFile::read(u64 offset, std::span<u8> to) const {
    while (!to.empty()) {
        const ssize_t got = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) {
            std::fill(to.begin(), to.end(), u8{0});
            return true;
        }
        to = to.subspan(static_cast<std::size_t>(got));
        offset += static_cast<u64>(got);
    }
    return true;
}

bool HostFile::write(u64 offset, std::span<const u8> from) const {
    while (!from.empty()) {
        const ssize_t put = ::pwrite(fd_, from.data(), from.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        from = from.subspan(static_cast<std::size_t>(put));
        offset += static_cast<u64>(put);
    }
    return true;
}

bool HostFile::zero(u64 offset, u64 length) const {
    if (length == 0) return true;
    if (::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(length)) == 0)
        return true;
    static constexpr u8 kZeroes[65536]{};
    while (length > 0) {
        const u64 n = std::min<u64>(length, sizeof kZeroes);
        if (!write(offset, {kZeroes, n})) return false;
        offset += n;
        length -= n;
    }
    return true;
}

}  // namespace twin86
