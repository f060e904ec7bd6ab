#include "devices/testdev/pc_testdev.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

PcTestdev::PcTestdev(IrqSink& lines, std::function<void(Gpa)> flush_page)
    : lines_(lines), flush_page_(std::move(flush_page)), memory_(kMemoryBytes) {}

void PcTestdev::reset(ResetKind) {
    for (unsigned n = 0; n < kIrqLines; ++n) lines_.set_level(n, false);
    value_ = 0;
    std::fill(memory_.begin(), memory_.end(), u8{0});
}

void PcTestdev::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.field(value_);
        archive.raw(memory_.data(), memory_.size());
    });
}

void PcTestdev::IrqPorts::io_write(u16 offset, unsigned, u32 value) { dev.lines_.set_level(offset, value != 0); }

u32 PcTestdev::ValuePorts::io_read(u16 offset, unsigned size) {
    return static_cast<u32>(truncate(dev.value_ >> (8 * offset), size));
}

void PcTestdev::ValuePorts::io_write(u16 offset, unsigned size, u32 value) {
    const u32 mask = static_cast<u32>(truncate(~u64{0}, size)) << (8 * offset);
    dev.value_ = (dev.value_ & ~mask) | (value << (8 * offset) & mask);
}

u64 PcTestdev::Memory::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{dev.memory_[(offset + i) % kMemoryBytes]} << (8 * i);
    return value;
}

void PcTestdev::Memory::mmio_write(u64 offset, unsigned size, u64 value) {
    for (unsigned i = 0; i < size; ++i) dev.memory_[(offset + i) % kMemoryBytes] = static_cast<u8>(value >> (8 * i));
}

}  // namespace twin86
