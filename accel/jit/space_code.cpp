#include "accel/jit/space_code.h"

#include <algorithm>

namespace twin86::jit {

void SpaceCode::note(Gva page, Gpa physical) {
    const auto at = std::ranges::find(pages_, page, &Page::linear);
    if (at != pages_.end()) {
        at->physical = physical;
    } else if (pages_.size() < kMostPages) {
        pages_.push_back({page, physical});
    } else {
        too_many_ = true;
    }
}

bool SpaceCode::unchanged(const PagingContext& user, const PhysPages& phys) const {
    return !too_many_ && std::ranges::all_of(pages_, [&](const Page& p) {
        const WalkResult walk = peek(user, phys, p.linear);
        const Translation& t = walk.page;
        return walk.ok && t.user && t.executable && t.accessed && (t.physical & kPageMask) == p.physical;
    });
}

}  // namespace twin86::jit
