#include "devices/block/foreign_image.h"

#include <algorithm>
#include <fmt/format.h>

namespace twin86 {
namespace {

struct Magic {
    std::string_view format, bytes;
    std::size_t at = 0;
};

// Each format's own specification. A VHD of fixed size has its magic at the end alone: it is raw but for its last sector.
using namespace std::string_view_literals;
constexpr Magic kMagics[] = {
    {"qcow2", "QFI\xfb"sv}, {"vmdk", "KDMV"sv}, {"vmdk", "# Disk DescriptorFile"sv}, {"vdi", "\x7f\x10\xda\xbe"sv, 0x40}, {"vhdx", "vhdxfile"sv},
    {"vpc", "conectix"sv},  {"qed", "QED\0"sv}, {"luks", "LUKS\xba\xbe"sv},
};

struct Protocol {
    std::string_view prefix;
    std::string_view instead;
};

constexpr Protocol kProtocols[] = {
    {"http:", "download it first"}, {"https:", "download it first"}, {"ftp:", "download it first"}, {"ftps:", "download it first"},
    {"nbd:", "nbd-client makes a block device of it"}, {"nbd+unix:", "nbd-client makes a block device of it"},
    {"ssh:", "sshfs shows it as a file"}, {"rbd:", "rbd map makes a block device of it"}, {"iscsi:", "iscsiadm makes a block device of it"},
    {"gluster:", "mount the volume"}, {"nfs:", "mount the volume"}, {"fat:", "mformat and mcopy of mtools make an image of a folder"},
    {"json:", "write file=PATH"}, {"blkdebug:", "name the file itself"}, {"null-co:", "truncate -s makes an empty image"},
};

}  // namespace

std::string_view foreign_format(std::span<const u8> head) {
    for (const Magic& m : kMagics) {
        if (head.size() < m.at + m.bytes.size()) continue;
        if (std::equal(m.bytes.begin(), m.bytes.end(), head.begin() + static_cast<std::ptrdiff_t>(m.at),
                       [](char a, u8 b) { return static_cast<u8>(a) == b; }))
            return m.format;
    }
    return {};
}

std::string foreign_protocol(std::string_view path) {
    for (const Protocol& p : kProtocols)
        if (path.starts_with(p.prefix)) return fmt::format("this version opens files of this host; {}", p.instead);
    return {};
}

}  // namespace twin86
