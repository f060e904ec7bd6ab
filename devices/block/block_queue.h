// BlockQueue: requests to an image, executed in order on a thread of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "devices/block/block_image.h"
#include "devices/core/deferred_work.h"

namespace twin86 {

/// Used with the machine's lock held. Results come through DeferredWork.
class BlockQueue {
  public:
    /// `data` is what was read; the receiver may take it.
    using Done = std::function<void(BlockStatus status, std::vector<u8>& data)>;

    BlockQueue(std::unique_ptr<BlockImage> image, DeferredWork& work);
    /// Finishes what was asked for, tells nobody.
    ~BlockQueue();
    BlockQueue(const BlockQueue&) = delete;
    BlockQueue& operator=(const BlockQueue&) = delete;

    u64 size() const { return size_; }
    bool read_only() const { return read_only_; }

    void read(u64 offset, std::size_t bytes, Done done);
    void write(u64 offset, std::vector<u8> data, Done done);
    void flush(Done done);
    void discard(u64 offset, u64 length, Done done);

    /// Nobody hears of what is under way any more; writes still happen.
    void forget() { ++*generation_; }

  private:
    enum class Kind { kRead, kWrite, kFlush, kDiscard };
    struct Request {
        Kind kind;
        u64 offset, length;
        std::vector<u8> data;
        Done done;
    };

    void add(Request request);
    void worker();
    BlockStatus execute(Request& request);

    std::unique_ptr<BlockImage> image_;
    const u64 size_;
    const bool read_only_;
    DeferredWork& work_;
    std::shared_ptr<u64> generation_ = std::make_shared<u64>(0);  // work in flight may outlive the queue

    std::mutex mutex_;  // guards what follows
    std::condition_variable added_;
    std::deque<Request> requests_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace twin86
