#include "devices/testdev/pci_testdev.h"

#include <cstring>

namespace twin86 {
namespace {

constexpr PciIdentity kIdentity{0x1b36, 0x0005, 0x00ff00, 0x00, 0x1af4, 0x1100};

// The header.
constexpr u64 kTest = 0, kWidth = 1, kOffset = 4, kData = 8, kCount = 12, kName = 16;
constexpr u32 kTarget = 0x80;   ///< the byte that a test writes
constexpr u8 kWantedData = 0xfa;
constexpr unsigned kTests = 3, kWildcard = 1, kDatamatch = 2;

constexpr const char* kMemoryNames[kTests] = {"mmio-no-eventfd", "mmio-wildcard-eventfd", "mmio-datamatch-eventfd"};
constexpr const char* kPortNames[kTests] = {"portio-no-eventfd", "portio-wildcard-eventfd", "portio-datamatch-eventfd"};

u8 byte_of(u32 value, u64 at) { return static_cast<u8>(value >> (8 * at)); }

}  // namespace

PciTestdev::PciTestdev()
    : PciDevice(kIdentity),
      memory_(kMemoryNames, [this] { doorbells_changed(memory_bar_); }),
      ports_(kPortNames, [this] { doorbells_changed(port_bar_); }) {
    add_memory_bar(0, kMemoryBytes, memory_bar_);
    add_io_bar(1, kPortBytes, port_bar_);
}

void PciTestdev::reset(ResetKind kind) {
    PciDevice::reset(kind);
    memory_.reset();
    ports_.reset();
}

void PciTestdev::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        visit_config(archive);
        memory_.visit(archive);
        ports_.visit(archive);
    });
}

/// A test beyond the last one has no width: that is how guests find the end.
u8 PciTestdev::Window::read(u64 at) {
    count_rings();
    const bool known = test_ < kTests;
    if (at == kWidth) return known ? 1 : 0;
    if (at >= kOffset && at < kOffset + 4) return byte_of(kTarget, at - kOffset);
    if (at >= kData && at < kData + 4) return byte_of(kWantedData, at - kData);
    if (at >= kCount && at < kCount + 4) return byte_of(count_, at - kCount);
    if (at < kName || !known || at - kName >= std::strlen(names_[test_])) return 0;
    return static_cast<u8>(names_[test_][at - kName]);
}

void PciTestdev::Window::start(u8 test) {
    count_rings();
    test_ = test;
    count_ = 0;
    test_changed_();
}

void PciTestdev::Window::visit(StateArchive& a) {
    count_rings();
    a.fields(test_, count_);
    if (a.loading()) test_changed_();
}

std::vector<Doorbell> PciTestdev::Window::doorbells() const {
    const bool rings = rings_.fd() >= 0 && (test_ == kWildcard || test_ == kDatamatch);
    if (!rings) return {};
    return {{.address = kTarget,
             .size = 1,
             .value = test_ == kDatamatch ? std::optional<u64>(kWantedData) : std::nullopt,
             .event_fd = rings_.fd()}};
}

/// The third test counts a single value alone.
void PciTestdev::Window::write(u64 at, unsigned size, u64 value) {
    if (at == kTest) {
        start(static_cast<u8>(value));
    } else if (at == kTarget && size == 1 && test_ < kTests && (test_ != kDatamatch || value == kWantedData)) {
        ++count_;
    }
}

u64 PciTestdev::MemoryBar::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{window.read(offset + i)} << (8 * i);
    return value;
}

u32 PciTestdev::PortBar::io_read(u16 offset, unsigned size) {
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u32{window.read(offset + i)} << (8 * i);
    return value;
}

}  // namespace twin86
