#include "accel/kvm/event_fds.h"

#include <algorithm>

namespace twin86::kvm {

void EventFds::set(std::span<const Doorbell> wanted) {
    std::erase_if(assigned_, [&](const Doorbell& d) {
        const bool goes = std::find(wanted.begin(), wanted.end(), d) == wanted.end();
        if (goes) (void)vm_.set_event_fd(d, false);
        return goes;
    });
    for (const Doorbell& d : wanted)
        if (std::find(assigned_.begin(), assigned_.end(), d) == assigned_.end() && vm_.set_event_fd(d, true) >= 0)
            assigned_.push_back(d);
}

}  // namespace twin86::kvm
