#include "devices/input/ps2_device.h"

namespace twin86 {

u8 Ps2Device::take_output() {
    const bool event = replies_.empty();
    std::deque<u8>& queue = event ? events_ : replies_;
    const u8 byte = queue.front();
    queue.pop_front();
    last_sent_ = byte;
    if (event && queue.empty()) events_drained();
    return byte;
}

void Ps2Device::reply(std::initializer_list<u8> bytes) {
    replies_.assign(bytes);
    notify();
}

void Ps2Device::add_reply(u8 byte) {
    if (replies_.size() >= kMaxReplies) return;
    replies_.push_back(byte);
    notify();
}

bool Ps2Device::queue_event(const u8* bytes, std::size_t count, std::size_t capacity) {
    if (events_.size() + count > capacity) return false;
    events_.insert(events_.end(), bytes, bytes + count);
    notify();
    return true;
}

void Ps2Device::clear_output() {
    replies_.clear();
    events_.clear();
}

void Ps2Device::resend() {
    replies_.push_front(last_sent_);
    if (replies_.size() > kMaxReplies) replies_.pop_back();
    notify();
}

void Ps2Device::visit_queues(StateArchive& archive, std::size_t event_capacity) {
    archive.field(replies_, kMaxReplies);
    archive.field(events_, event_capacity);
    archive.field(last_sent_);
}

}  // namespace twin86
