#include "accel/jit/restless_code.h"

namespace twin86::jit {

bool RestlessCode::note_drop(Gpa start, Gpa page, u64 now) {
    if (drops_.size() == kMostStarts && !drops_.contains(start)) drops_.clear();
    Drops& d = drops_[start];
    d.count = now - d.last < kInterval ? d.count + 1 : 1;
    d.last = now;
    if (d.count < kDrops) return false;
    drops_.erase(start);
    pages_[page & kPageMask] = now + kDuration;
    return true;
}

std::vector<Gpa> RestlessCode::settled(u64 now) {
    std::vector<Gpa> over;
    for (const auto& [page, until] : pages_)
        if (now >= until) over.push_back(page);
    for (const Gpa page : over) pages_.erase(page);
    if (pages_.empty()) immediates_.clear();
    return over;
}

void RestlessCode::clear() {
    drops_.clear();
    pages_.clear();
    immediates_.clear();
}

}  // namespace twin86::jit
