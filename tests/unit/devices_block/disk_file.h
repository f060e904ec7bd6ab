// A disk image that goes away with the test.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/types.h"

namespace twin86 {

class DiskFile {
  public:
    explicit DiskFile(const std::vector<u8>& content) {
        const int fd = mkstemp(path_.data());
        CHECK(fd >= 0 && ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
        ::close(fd);
    }
    ~DiskFile() { ::unlink(path_.c_str()); }
    DiskFile(const DiskFile&) = delete;

    const std::string& path() const { return path_; }
    std::vector<u8> content() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

  private:
    std::string path_ = "/tmp/twin86-disk-XXXXXX";
};

}  // namespace twin86
