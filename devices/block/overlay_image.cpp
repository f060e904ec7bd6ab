#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/bits.h"
#include "devices/block/block_image.h"
#include "devices/block/host_file.h"

namespace twin86 {
namespace {

constexpr u64 kCluster = 64 * KiB;  ///< what is copied from the base at the first write to it

class OverlayImage : public BlockImage {
  public:
    OverlayImage(std::unique_ptr<BlockImage> base, HostFile file)
        : base_(std::move(base)), file_(std::move(file)), present_((base_->size() + kCluster - 1) / kCluster) {}

    u64 size() const override { return base_->size(); }
    bool read_only() const override { return false; }

    BlockStatus read(u64 offset, std::span<u8> to) override {
        return each_cluster(offset, to.size(), [&](u64 at, u64 done, u64 n) {
            const std::span<u8> piece = to.subspan(done, n);
            if (!present_[at / kCluster]) return base_->read(at, piece);
            return file_.read(at, piece) ? BlockStatus::kOk : BlockStatus::kHostError;
        });
    }
    BlockStatus write(u64 offset, std::span<const u8> from) override {
        return each_cluster(offset, from.size(), [&](u64 at, u64 done, u64 n) {
            if (const BlockStatus s = take_over(at, n); s != BlockStatus::kOk) return s;
            return file_.write(at, from.subspan(done, n)) ? BlockStatus::kOk : BlockStatus::kHostError;
        });
    }
    /// Nobody sees the temporary file after the end: nothing has to be stable.
    BlockStatus flush() override { return BlockStatus::kOk; }
    BlockStatus discard(u64 offset, u64 length) override {
        return each_cluster(offset, length, [&](u64 at, u64, u64 n) {
            if (const BlockStatus s = take_over(at, n); s != BlockStatus::kOk) return s;
            return file_.zero(at, n) ? BlockStatus::kOk : BlockStatus::kHostError;
        });
    }

  private:
    template <class Visit>
    BlockStatus each_cluster(u64 offset, u64 length, Visit visit) {
        if (offset > size() || length > size() - offset) return BlockStatus::kOutOfRange;
        for (u64 done = 0; done < length;) {
            const u64 at = offset + done;
            const u64 n = std::min(length - done, kCluster - at % kCluster);
            if (const BlockStatus s = visit(at, done, n); s != BlockStatus::kOk) return s;
            done += n;
        }
        return BlockStatus::kOk;
    }

    /// Brings the cluster's old content into the overlay, unless all of it is about to be replaced.
    BlockStatus take_over(u64 at, u64 n) {
        const u64 cluster = at / kCluster, start = cluster * kCluster;
        if (present_[cluster]) return BlockStatus::kOk;
        const u64 whole = std::min(kCluster, size() - start);
        if (n < whole) {
            std::vector<u8> old(whole);
            if (const BlockStatus s = base_->read(start, old); s != BlockStatus::kOk) return s;
            if (!file_.write(start, old)) return BlockStatus::kHostError;
        }
        present_[cluster] = true;
        return BlockStatus::kOk;
    }

    std::unique_ptr<BlockImage> base_;
    HostFile file_;
    std::vector<bool> present_;
};

}  // namespace

Result<std::unique_ptr<BlockImage>> make_overlay(std::unique_ptr<BlockImage> base) {
    const char* folder = std::getenv("TMPDIR");
    if (folder == nullptr || *folder == 0) folder = "/var/tmp";
    HostFile file(::open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    if (file.fd() < 0)
        return error("cannot make a temporary file for snapshot=on in {} ({}); TMPDIR chooses another folder", folder,
                     std::strerror(errno));
    return std::unique_ptr<BlockImage>(std::make_unique<OverlayImage>(std::move(base), std::move(file)));
}

}  // namespace twin86
