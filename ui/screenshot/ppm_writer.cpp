#include "ui/screenshot/ppm_writer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace twin86 {

Status write_ppm(const Surface& surface, const std::string& path) {
    std::string bytes = fmt::format("P6\n{} {}\n255\n", surface.width, surface.height);
    for (const u32 pixel : surface.pixels)
        for (const unsigned shift : {16, 8, 0}) bytes += static_cast<char>(pixel >> shift);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wbe"), &std::fclose);
    if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || std::fflush(file.get()) != 0)
        return error("'{}': {}", path, std::strerror(errno));
    return {};
}

}  // namespace twin86
