#include "accel/jit/code_pages.h"

namespace twin86::jit {

u16 CodePages::number_of(Gpa page) {
    const auto found = numbers_.find(page);
    if (found != numbers_.end()) return found->second;
    if (pages_.size() == kMost) return kNone;
    const u16 number = static_cast<u16>(pages_.size());
    pages_.push_back(page);
    numbers_.emplace(page, number);
    return number;
}

void CodePages::clear() {
    numbers_.clear();
    pages_.resize(1);
}

}  // namespace twin86::jit
