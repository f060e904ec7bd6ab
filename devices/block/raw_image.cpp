#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/bits.h"
#include "devices/block/block_image.h"
#include "devices/block/host_file.h"
#include "devices/block/foreign_image.h"

namespace twin86 {
namespace {

class RawImage : public BlockImage {
  public:
    RawImage(HostFile file, u64 file_size, bool read_only)
        : file_(std::move(file)), file_size_(file_size), read_only_(read_only) {}

    u64 size() const override { return align_up(file_size_, kSectorSize); }
    bool read_only() const override { return read_only_; }

    BlockStatus read(u64 offset, std::span<u8> to) override {
        if (!inside(offset, to.size())) return BlockStatus::kOutOfRange;
        return file_.read(offset, to) ? BlockStatus::kOk : BlockStatus::kHostError;
    }
    BlockStatus write(u64 offset, std::span<const u8> from) override {
        if (read_only_) return BlockStatus::kReadOnly;
        if (!inside(offset, from.size())) return BlockStatus::kOutOfRange;
        return file_.write(offset, from) ? BlockStatus::kOk : BlockStatus::kHostError;
    }
    BlockStatus flush() override {
        if (read_only_) return BlockStatus::kOk;
        return ::fdatasync(file_.fd()) == 0 ? BlockStatus::kOk : BlockStatus::kHostError;
    }
    BlockStatus discard(u64 offset, u64 length) override {
        if (read_only_) return BlockStatus::kReadOnly;
        if (!inside(offset, length)) return BlockStatus::kOutOfRange;
        return file_.zero(offset, length) ? BlockStatus::kOk : BlockStatus::kHostError;
    }

  private:
    bool inside(u64 offset, u64 length) const { return offset <= size() && length <= size() - offset; }

    HostFile file_;
    u64 file_size_;
    bool read_only_;
};

Result<u64> size_of(const HostFile& file, const std::string& path) {
    struct stat st {};
    if (::fstat(file.fd(), &st) != 0) return error("cannot examine disk image '{}': {}", path, std::strerror(errno));
    if (S_ISREG(st.st_mode)) return static_cast<u64>(st.st_size);
    u64 bytes = 0;
    if (S_ISBLK(st.st_mode) && ::ioctl(file.fd(), BLKGETSIZE64, &bytes) == 0) return bytes;
    return error("disk image '{}' is neither a file nor a block device", path);
}

/// A guest that writes to another format's metadata destroys the image.
Status check_format(const HostFile& file, u64 size, const BlockOpen& open) {
    std::array<u8, kSectorSize> head{};
    const auto piece = std::span(head).first(std::min<u64>(size, head.size()));
    if (open.surely_raw || !file.read(0, piece)) return {};
    const std::string_view format = foreign_format(piece);
    if (format.empty()) return {};
    return error("disk image '{0}' is {1}, and this version reads raw images: qemu-img convert -f {1} -O raw '{0}' new.img (format=raw takes it as it is)",
                 open.path, format);
}

/// Open file description locks: they go away with the process however it ends.
bool lock(const HostFile& file, bool exclusive) {
    struct flock lock {};
    lock.l_type = exclusive ? F_WRLCK : F_RDLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file.fd(), F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

}  // namespace

Result<std::unique_ptr<BlockImage>> open_raw_image(const BlockOpen& asked) {
    BlockOpen open = asked;
    if (open.path.starts_with("file:") && ::access(open.path.c_str(), F_OK) != 0) open.path.erase(0, 5);  // QEMU's name of a plain file
    const bool read_only = open.read_only || open.snapshot;
    const std::string instead = foreign_protocol(open.path);
    if (!instead.empty() && ::access(open.path.c_str(), F_OK) != 0) return error("disk image '{}': {}", open.path, instead);
    HostFile file(::open(open.path.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK));
    if (file.fd() < 0)
        return error("cannot open disk image '{}'{}: {}", open.path, read_only ? "" : " for writing",
                     std::strerror(errno));
    auto size = size_of(file, open.path);
    if (!size) return size.failure();
    if (*size == 0) return error("disk image '{}' is empty", open.path);
    if (const Status s = check_format(file, *size, open); !s) return s.failure();
    if (!lock(file, !read_only))
        return error(
            "disk image '{}' is in use by another process (or attached twice); readonly=on or snapshot=on shares it",
            open.path);
    std::unique_ptr<BlockImage> image = std::make_unique<RawImage>(std::move(file), *size, read_only);
    if (open.snapshot) return make_overlay(std::move(image));
    return image;
}

}  // namespace twin86
