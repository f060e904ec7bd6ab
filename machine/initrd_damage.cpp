#include "machine/initrd_damage.h"

#include <zlib.h>

#include <memory>
#include <vector>

namespace twin86 {

std::string initrd_damage(const std::string& path) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
    if (file == nullptr || gzdirect(file.get())) return {};
    std::vector<char> part(256 * 1024);
    while (gzread(file.get(), part.data(), static_cast<unsigned>(part.size())) > 0) {
    }
    int code = Z_OK;
    const std::string text = gzerror(file.get(), &code);
    return code == Z_OK ? std::string() : text;
}

}  // namespace twin86
