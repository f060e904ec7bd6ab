// What is wrong with an initial RAM disk that a kernel could not unpack.
#pragma once

#include <string>

namespace twin86 {

/// Path and reason, as zlib gives them, why the file does not decompress to its end. Empty when it does, or is not gzip
/// data at all (RFC 1952).
std::string initrd_damage(const std::string& path);

}  // namespace twin86
