#include "devices/block/block_queue.h"

namespace twin86 {

BlockQueue::BlockQueue(std::unique_ptr<BlockImage> image, DeferredWork& work)
    : image_(std::move(image)), size_(image_->size()), read_only_(image_->read_only()), work_(work) {
    thread_ = std::thread([this] { worker(); });
}

BlockQueue::~BlockQueue() {
    forget();
    {
        const std::scoped_lock held(mutex_);
        ending_ = true;
    }
    added_.notify_one();
    thread_.join();
}

void BlockQueue::read(u64 offset, std::size_t bytes, Done done) {
    add({Kind::kRead, offset, bytes, {}, std::move(done)});
}

void BlockQueue::write(u64 offset, std::vector<u8> data, Done done) {
    const u64 length = data.size();
    add({Kind::kWrite, offset, length, std::move(data), std::move(done)});
}

void BlockQueue::flush(Done done) {
    add({Kind::kFlush, 0, 0, {}, std::move(done)});
}

void BlockQueue::discard(u64 offset, u64 length, Done done) {
    add({Kind::kDiscard, offset, length, {}, std::move(done)});
}

void BlockQueue::add(Request request) {
    request.done = [done = std::move(request.done), generation = generation_, mine = *generation_](
                       BlockStatus status, std::vector<u8>& data) {
        if (*generation == mine) done(status, data);
    };
    {
        const std::scoped_lock held(mutex_);
        requests_.push_back(std::move(request));
    }
    added_.notify_one();
}

void BlockQueue::worker() {
    for (;;) {
        std::unique_lock held(mutex_);
        added_.wait(held, [this] { return ending_ || !requests_.empty(); });
        if (requests_.empty()) return;
        Request request = std::move(requests_.front());
        requests_.pop_front();
        const bool ending = ending_;
        held.unlock();
        const BlockStatus status = execute(request);
        if (ending) continue;
        work_.post([status, done = std::move(request.done),
                    data = std::make_shared<std::vector<u8>>(std::move(request.data))] { done(status, *data); });
    }
}

BlockStatus BlockQueue::execute(Request& r) {
    switch (r.kind) {
        case Kind::kRead:
            r.data.resize(r.length);
            return image_->read(r.offset, r.data);
        case Kind::kWrite:
            return image_->write(r.offset, r.data);
        case Kind::kFlush:
            return image_->flush();
        case Kind::kDiscard:
            return image_->discard(r.offset, r.length);
    }
    return BlockStatus::kHostError;
}

}  // namespace twin86
