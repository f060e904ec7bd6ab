#include "devices/pci/pci_address_space.h"

#include <algorithm>

namespace twin86 {
namespace {

bool overlap(u64 base, u64 size, u64 other_base, u64 other_size) {
    return base <= other_base + (other_size - 1) && other_base <= base + (size - 1);
}

}  // namespace

void PciAddressSpace::remove(PciBar& bar) {
    bar.mapping.release();
    bar.mapped.reset();
    std::erase(bars_, &bar);
}

/// Base zero counts as 'not assigned', as firmware and operating systems use it.
bool PciAddressSpace::decodable(const PciBar& bar) const {
    if (!bar.wanted || *bar.wanted == 0) return false;
    const u64 last = *bar.wanted + (bar.size - 1);
    if (last < *bar.wanted) return false;
    if (bar.upstream != nullptr && !bar.upstream->forwards(bar.is_io(), *bar.wanted, last)) return false;
    if (bar.is_io()) return last <= 0xffff;
    return std::any_of(windows_.begin(), windows_.end(),
                       [&](const PciWindow& w) { return w.first <= *bar.wanted && last <= w.last; });
}

bool PciAddressSpace::free(const PciBar& bar) const {
    for (const PciBar* other : bars_)
        if (other->mapped && other->is_io() == bar.is_io() &&
            overlap(*bar.wanted, bar.size, *other->mapped, other->size))
            return false;
    if (!bar.is_io()) return mmio_.is_free(*bar.wanted, bar.size);
    return io_.is_free(static_cast<IoPort>(*bar.wanted), static_cast<u32>(bar.size));
}

bool PciAddressSpace::has_overlaps() const {
    return std::any_of(bars_.begin(), bars_.end(), [this](const PciBar* b) { return !b->mapped && decodable(*b); });
}

void PciAddressSpace::refresh() {
    for (PciBar* bar : bars_) {
        if (!bar->mapped || (bar->mapped == bar->wanted && decodable(*bar))) continue;
        bar->mapping.release();
        bar->mapped.reset();
    }
    for (PciBar* bar : bars_) {
        if (bar->mapped || !decodable(*bar)) continue;
        if (!free(*bar)) {
            if (log_)
                log_->write(kLogGuestError, "pci: a BAR at {:#x} + {:#x} overlaps another range", *bar->wanted,
                            bar->size);
            continue;
        }
        bar->mapped = bar->wanted;
        if (bar->map) bar->mapping = bar->map(*bar->wanted);
    }
}

}  // namespace twin86
