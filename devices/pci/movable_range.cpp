#include "devices/pci/movable_range.h"

namespace twin86 {

MovableRange::MovableRange(PciAddressSpace& space, u32 size, IoHandler& handler, const char* name) : space_(space) {
    bar_.kind = PciBarKind::kIo;
    bar_.size = size;
    bar_.map = [this, &handler, name](u64 base) {
        return space_.io().map(static_cast<IoPort>(base), static_cast<u32>(bar_.size), handler, name, IoBus::kAll);
    };
    space_.add(bar_);
}

MovableRange::MovableRange(PciAddressSpace& space, u64 size, MmioHandler& handler, const char* name) : space_(space) {
    bar_.kind = PciBarKind::kMemory64;
    bar_.size = size;
    bar_.map = [this, &handler, name](u64 base) { return space_.mmio().map(base, bar_.size, handler, name); };
    space_.add(bar_);
}

void MovableRange::move(std::optional<u64> base) {
    if (bar_.wanted == base) return;
    bar_.wanted = base;
    space_.refresh();
}

void MovableRange::resize(u64 size) {
    if (bar_.size == size) return;
    const std::optional<u64> base = bar_.wanted;
    move(std::nullopt);
    bar_.size = size;
    move(base);
}

}  // namespace twin86
