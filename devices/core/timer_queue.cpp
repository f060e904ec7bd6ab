#include "devices/core/timer_queue.h"

namespace twin86 {

void Timer::arm(u64 deadline_ns) {
    const u64 earliest = queue_.next_deadline_ns();
    cancel();
    deadline_ = deadline_ns;
    armed_ = true;
    queue_.armed_.emplace(deadline_ns, this);
    if (deadline_ns < earliest && queue_.on_earlier_) queue_.on_earlier_();
}

void Timer::cancel() {
    if (!armed_) return;
    queue_.armed_.erase({deadline_, this});
    armed_ = false;
}

void Timer::visit(StateArchive& archive) {
    u64 deadline = armed_ ? deadline_ : TimerQueue::kNever;
    archive.field(deadline);
    if (!archive.loading()) return;
    cancel();
    if (deadline != TimerQueue::kNever) arm(deadline);
}

void TimerQueue::run_due() {
    // The time is read once: a callback that re-arms in the past waits for the next call instead of looping here.
    const u64 now = now_ns();
    while (!armed_.empty() && armed_.begin()->first <= now) {
        Timer* timer = armed_.begin()->second;
        timer->cancel();
        timer->callback_();
        if (timer->armed_ && timer->deadline_ <= now) break;
    }
}

}  // namespace twin86
