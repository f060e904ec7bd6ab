#include "bios/boot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace twin86 {
namespace {

/// Closes a descriptor when it goes out of scope.
struct FileDescriptor {
    int fd;
    ~FileDescriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Error too_big(const std::string& path, const char* what, u64 limit) {
    return error("{} '{}' is larger than the {} MiB of RAM that can hold it; use a larger -m", what, path, limit / MiB);
}

}  // namespace

Result<std::vector<u8>> read_boot_file(const std::string& path, const char* what, u64 limit) {
    const FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0) return error("cannot open {} '{}': {}", what, path, std::strerror(errno));
    struct stat st {};
    if (::fstat(file.fd, &st) != 0) return error("cannot examine {} '{}': {}", what, path, std::strerror(errno));
    if (S_ISDIR(st.st_mode)) return error("{} '{}' is a directory, not a file", what, path);
    if (S_ISREG(st.st_mode) && static_cast<u64>(st.st_size) > limit) return too_big(path, what, limit);

    std::vector<u8> bytes;
    if (S_ISREG(st.st_mode)) bytes.reserve(static_cast<u64>(st.st_size) + 1);
    constexpr u64 kChunk = 1 * MiB;
    for (;;) {
        const u64 have = bytes.size();
        bytes.resize(std::max(bytes.capacity(), have + kChunk));
        const ssize_t got = ::read(file.fd, bytes.data() + have, bytes.size() - have);
        bytes.resize(have + static_cast<u64>(std::max<ssize_t>(got, 0)));
        if (got == 0) break;
        if (got < 0 && errno != EINTR) return error("cannot read {} '{}': {}", what, path, std::strerror(errno));
        if (bytes.size() > limit) return too_big(path, what, limit);
    }
    if (bytes.empty()) return error("{} '{}' is empty", what, path);
    return bytes;
}

}  // namespace twin86
