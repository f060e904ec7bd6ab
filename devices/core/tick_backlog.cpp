#include "devices/core/tick_backlog.h"

namespace twin86 {

void TickBacklog::due(u64 count, u64 period_ns) {
    if (period_ns < kShortestPeriod_ns) {
        clear();
        return edge_();
    }
    period_ns_ = period_ns;
    owed_ = std::min(owed_ + count, most_owed());
    deliver();
}

/// All at once into an input that is masked or not connected: there nobody counts them.
void TickBacklog::deliver() {
    while (owed_ != 0 && !waiting_()) {
        retry_ns_ = kFirstRetry_ns;
        --owed_;
        edge_();
    }
    if (owed_ == 0) return timer_.cancel();
    if (!timer_.armed()) timer_.arm(queue_.now_ns() + retry_ns_);
}

void TickBacklog::retry() {
    retry_ns_ = std::min(retry_ns_ * 2, period_ns_);
    deliver();
}

void TickBacklog::clear() {
    timer_.cancel();
    owed_ = 0;
    retry_ns_ = kFirstRetry_ns;
}

void TickBacklog::visit(StateArchive& archive) {
    archive.fields(owed_, period_ns_);
    if (!archive.loading()) return;
    timer_.cancel();
    retry_ns_ = kFirstRetry_ns;
    if (owed_ == 0) return;
    if (period_ns_ < kShortestPeriod_ns || owed_ > most_owed()) {
        archive.fail("timer: impossible number of ticks owed");
        owed_ = 0;
        return;
    }
    timer_.arm(queue_.now_ns() + retry_ns_);
}

}  // namespace twin86
