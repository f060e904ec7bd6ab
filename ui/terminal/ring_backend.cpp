#include "ui/terminal/ring_backend.h"

#include <algorithm>

namespace twin86 {

void RingBackend::write(std::span<const u8> bytes) {
    if (bytes.size() > size_) bytes = bytes.last(size_);
    const std::size_t excess = bytes_.size() + bytes.size();
    if (excess > size_) bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(excess - size_));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::string RingBackend::take(std::size_t count) {
    const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(std::min(count, bytes_.size()));
    std::string text(bytes_.begin(), end);
    bytes_.erase(bytes_.begin(), end);
    return text;
}

}  // namespace twin86
