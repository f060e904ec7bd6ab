// FuzzDisk: a disk image in memory behind a BlockQueue whose results arrive when the case says so, in the same order in each
// run although a thread makes them.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "devices/block/block_queue.h"

namespace twin86::fuzz {

/// Holds what the image's thread posts, and counts it: a request is one access to the image and then one post.
class HeldWork : public DeferredWork {
  public:
    void post(std::function<void()> work) override;
    /// Runs posts in order until `count` have been run since the beginning; waits for those that have not come yet.
    void run_up_to(u64 count);

  private:
    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::function<void()>> work_;
    u64 done_ = 0;
};

class FuzzImage;

class FuzzDisk {
  public:
    FuzzDisk(u64 bytes, bool read_only) : bytes_(bytes), read_only_(read_only) {}

    /// For a device that has a queue of its own.
    std::unique_ptr<BlockImage> make_image();
    /// For a device: a new queue; the content stays.
    std::unique_ptr<BlockQueue> make_queue();
    /// The queue's results so far reach the device. What that asks for in turn comes with the next call. True when there
    /// was anything.
    bool settle();
    /// While neither disk has anything to do.
    void copy_content(const FuzzDisk& from) { content_ = from.content_; }

  private:
    u64 bytes_;
    bool read_only_;
    std::vector<u8> content_;
    std::vector<std::unique_ptr<HeldWork>> work_;  // posts of a queue may outlive it
    BlockQueue* queue_ = nullptr;
    FuzzImage* image_ = nullptr;  ///< null: nobody has it
    u64 settled_ = 0;
};

}  // namespace twin86::fuzz
