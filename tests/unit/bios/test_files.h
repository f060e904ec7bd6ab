// Temporary files and a synthetic bzImage for loader tests.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "bios/byte_view.h"
#include "bios/linux_header.h"

namespace twin86 {

/// A directory that vanishes with the test.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        const char* root = std::getenv("TMPDIR");
        path_ = std::string(root ? root : "/tmp") + "/twin86-bios-XXXXXX";
        if (mkdtemp(path_.data()) == nullptr) std::abort();
    }
    ~TemporaryDirectory() {
        const std::string command = "rm -rf '" + path_ + "'";
        if (std::system(command.c_str()) != 0) std::abort();
    }
    std::string file(const std::string& name, const std::vector<u8>& bytes) const {
        std::ofstream(path(name), std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return path(name);
    }
    std::string path(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

inline std::vector<u8> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

inline std::vector<u8> read_whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Debian kernels that tools/lib/guests.sh has fetched; empty when there are none.
inline std::vector<std::vector<u8>> debian_kernels() {
    const char* home = std::getenv("HOME");
    const char* cache = std::getenv("TWIN86_CACHE");
    const std::string directory = cache ? cache : std::string(home ? home : "") + "/.cache/twin86";
    std::vector<std::vector<u8>> found;
    for (const char* name : {"/kernel-cloud/vmlinuz", "/kernel-generic/vmlinuz"})
        if (std::vector<u8> image = read_whole(directory + name); !image.empty()) found.push_back(std::move(image));
    return found;
}

/// A bzImage of protocol 2.15 with 64-bit entry: two setup sectors and 64 KiB whose bytes count up.
inline std::vector<u8> synthetic_bzimage() {
    constexpr u64 kSystem = 64 * KiB;
    std::vector<u8> image(3 * 512 + kSystem);
    for (u64 i = 0; i < kSystem; ++i) image[3 * 512 + i] = static_cast<u8>(i * 7);
    put<u8>(image, kSetupSects, 2);
    put<u32>(image, kSyssize, kSystem / 16);
    put<u16>(image, kBootFlag, 0xaa55);
    put<u16>(image, 0x200, 0x6aeb);
    std::memcpy(image.data() + kHeaderMagic, "HdrS", 4);
    put<u16>(image, kProtocolVersion, 0x20f);
    put<u8>(image, kLoadflags, 1);
    put<u32>(image, kInitrdAddrMax, 0x7fffffff);
    put<u32>(image, kKernelAlignment, 2 * MiB);
    put<u8>(image, kRelocatableKernel, 1);
    put<u16>(image, kXloadflags, kXlfKernel64 | kXlfAbove4G);
    put<u32>(image, kCmdlineSize, 2047);
    put<u64>(image, kPrefAddress, 16 * MiB);
    put<u32>(image, kInitSize, 24 * MiB);
    return image;
}

/// One member of a cpio newc archive.
inline void append_cpio(std::vector<u8>& archive, const std::string& name, std::string_view content) {
    const std::string header =
        fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}", 1, 0100644,
                    0, 0, 1, 0, content.size(), 0, 0, 0, 0, name.size() + 1, 0);
    const auto add = [&](std::string_view s) { archive.insert(archive.end(), s.begin(), s.end()); };
    const auto pad = [&] { archive.resize((archive.size() + 3) & ~u64{3}); };
    add(header + name);
    archive.push_back(0);
    pad();
    add(content);
    pad();
}

inline std::vector<u8> synthetic_initrd(u64 content_size = 5000) {
    std::vector<u8> archive;
    append_cpio(archive, "init", std::string(content_size, 'x'));
    append_cpio(archive, "TRAILER!!!", "");
    return archive;
}

}  // namespace twin86
