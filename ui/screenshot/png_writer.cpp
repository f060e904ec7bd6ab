#include "ui/screenshot/png_writer.h"

#include <png.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace twin86 {

Status write_png(const Surface& surface, const std::string& path) {
    std::vector<u8> rgb;
    rgb.reserve(surface.pixels.size() * 3);
    for (const u32 pixel : surface.pixels)
        for (const unsigned shift : {16, 8, 0}) rgb.push_back(static_cast<u8>(pixel >> shift));

    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = surface.width;
    image.height = surface.height;
    image.format = PNG_FORMAT_RGB;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
    if (!file) return error("'{}': {}", path, std::strerror(errno));
    if (png_image_write_to_stdio(&image, file.get(), 0, rgb.data(), 0, nullptr) == 0)
        return error("'{}': {}", path, image.message);
    if (std::fflush(file.get()) != 0) return error("'{}': {}", path, std::strerror(errno));
    return {};
}

}  // namespace twin86
