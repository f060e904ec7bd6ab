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
    archive.fields(owed_, period_ns_, retry_ns_);
    timer_.visit(archive);
    if (!archive.loading() || (owed_ == 0 && !timer_.armed() && retry_ns_ == kFirstRetry_ns)) return;
    const bool possible = owed_ != 0 && timer_.armed() && period_ns_ >= kShortestPeriod_ns && owed_ <= most_owed();
    if (possible && retry_ns_ >= kFirstRetry_ns) return;
    archive.fail("timer: impossible number of ticks owed");
    clear();
}

}  // namespace twin86
