#include "tests/fuzz/fuzz_disk.h"

#include <algorithm>
#include <future>

namespace twin86::fuzz {

namespace {

/// No device asks for this: the case's own request, behind all that were made before it.
constexpr u64 kBarrier = ~u64{0};
/// More at once is what a guest's number became without a look at it.
constexpr u64 kLargestRequest = 64 * MiB;

}  // namespace

class FuzzImage : public BlockImage {
  public:
    /// `current` forgets the image when it goes: guests eject media.
    FuzzImage(std::vector<u8>& content, bool read_only, FuzzImage*& current)
        : content_(content), read_only_(read_only), current_(current) {
        current = this;
    }
    ~FuzzImage() override {
        if (current_ == this) current_ = nullptr;
    }

    u64 size() const override { return content_.size(); }
    bool read_only() const override { return read_only_; }
    BlockStatus read(u64 offset, std::span<u8> to) override {
        if (!begin(offset, to.size())) return BlockStatus::kOutOfRange;
        if (offset % kFaultEvery == kFaultAt) return BlockStatus::kHostError;
        std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
        return BlockStatus::kOk;
    }
    BlockStatus write(u64 offset, std::span<const u8> from) override {
        const bool inside = begin(offset, from.size());
        if (read_only_) return BlockStatus::kReadOnly;
        if (!inside) return BlockStatus::kOutOfRange;
        std::copy(from.begin(), from.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
        return BlockStatus::kOk;
    }
    BlockStatus flush() override { return ++accesses_, BlockStatus::kOk; }
    BlockStatus discard(u64 offset, u64 length) override {
        if (offset == kBarrier) return reached_.set_value(++accesses_), BlockStatus::kOk;
        if (!begin(offset, length)) return BlockStatus::kOutOfRange;
        if (read_only_) return BlockStatus::kReadOnly;
        std::fill_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), length, u8{0});
        return BlockStatus::kOk;
    }

    /// How many accesses there were when the next barrier, itself counted, is reached.
    std::future<u64> next_barrier() {
        reached_ = {};
        return reached_.get_future();
    }

  private:
    // The host cannot read some places.
    static constexpr u64 kFaultEvery = 61 * kSectorSize, kFaultAt = 60 * kSectorSize;

    bool begin(u64 offset, u64 length) {
        ++accesses_;
        CHECK(length <= kLargestRequest, "a request of {:#x} bytes", length);
        return offset <= content_.size() && length <= content_.size() - offset;
    }

    std::vector<u8>& content_;
    bool read_only_;
    FuzzImage*& current_;
    u64 accesses_ = 0;
    std::promise<u64> reached_;
};

void HeldWork::post(std::function<void()> work) {
    const std::scoped_lock held(mutex_);
    work_.push_back(std::move(work));
    posted_.notify_all();
}

void HeldWork::run_up_to(u64 count) {
    for (; done_ < count; ++done_) {
        std::unique_lock held(mutex_);
        posted_.wait(held, [this] { return !work_.empty(); });
        const std::function<void()> work = std::move(work_.front());
        work_.pop_front();
        held.unlock();
        work();
    }
}

std::unique_ptr<BlockImage> FuzzDisk::make_image() {
    content_.resize(bytes_);
    return std::make_unique<FuzzImage>(content_, read_only_, image_);
}

std::unique_ptr<BlockQueue> FuzzDisk::make_queue() {
    work_.push_back(std::make_unique<HeldWork>());
    auto queue = std::make_unique<BlockQueue>(make_image(), *work_.back());
    queue_ = queue.get();
    settled_ = 0;
    return queue;
}

bool FuzzDisk::settle() {
    if (queue_ == nullptr || image_ == nullptr) return false;
    std::future<u64> reached = image_->next_barrier();
    queue_->discard(kBarrier, 0, [](BlockStatus, std::vector<u8>&) {});
    const u64 count = reached.get();
    work_.back()->run_up_to(count);
    const bool had_some = count > settled_ + 1;
    settled_ = count;
    return had_some;
}

}  // namespace twin86::fuzz
