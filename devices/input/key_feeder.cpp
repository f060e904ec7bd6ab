#include "devices/input/key_feeder.h"

namespace twin86 {

bool KeyFeeder::press_together(std::span<const Key> keys, u64 hold_ns) {
    if (keys.empty()) return true;
    if (steps_.size() + 2 * keys.size() > kMaxWaiting) return false;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const bool last = i + 1 == keys.size();
        steps_.push_back({keys[i], true, last ? hold_ns : kStrokeNs});
    }
    for (std::size_t i = keys.size(); i-- > 0;) steps_.push_back({keys[i], false, kStrokeNs});
    if (!timer_.armed()) next();
    return true;
}

void KeyFeeder::clear() {
    steps_.clear();
    timer_.cancel();
}

/// The timer stays armed after the last step, so that what follows keeps its distance.
void KeyFeeder::next() {
    if (steps_.empty()) return;
    // A guest that is slow to read gets its time; one that does not read at all loses keys, as with any keyboard.
    if (keyboard_.has_output() && waited_ < kPatience) {
        ++waited_;
        return timer_.arm(timers_.now_ns() + kStrokeNs);
    }
    waited_ = 0;
    const Step step = steps_.front();
    steps_.pop_front();
    keyboard_.press(step.key, step.down);
    timer_.arm(timers_.now_ns() + step.pause_ns);
}

}  // namespace twin86
