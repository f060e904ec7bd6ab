#include "devices/pci/ich9_chipset_registers.h"

#include "base/check.h"

namespace twin86 {
namespace {

constexpr u64 kD31ip = 0x3100;                 // which pins the functions of slot 31 use
constexpr u32 kD31ipValue = 1 << 12 | 1 << 8;  // SMBus and SATA: INTA
constexpr u64 kD31ir = 0x3140, kD30ir = 0x3142, kD29ir = 0x3144, kD28ir = 0x3146, kD27ir = 0x3148, kD26ir = 0x314c;
constexpr u64 kD25ir = 0x3150, kOic = 0x31ff, kHptc = 0x3404, kGcs = 0x3410;
constexpr u64 kRouteRegisters[] = {kD25ir, kD26ir, kD27ir, kD28ir, kD29ir, kD30ir, kD31ir};
constexpr u16 kRouteBits = 0x7777;

constexpr u32 kHpetEnabled = 0x80;  // at 0xfed00000, for good
constexpr u32 kNoReboot = 0x20;     // the strap that keeps the TCO timer, of which there is none, from resetting

u8 byte_of(u32 value, u64 n) {
    return static_cast<u8>(value >> (8 * n));
}

}  // namespace

unsigned Ich9ChipsetRegisters::pirq(unsigned slot, unsigned pin) const {
    CHECK(slot < kFirstRouted + kRouted && pin >= 1 && pin <= 4, "slot {}, pin {}", slot, pin);
    if (slot < kFirstRouted) return 4 + ((slot + pin - 1) & 3);
    return routes_[slot - kFirstRouted] >> (4 * (pin - 1)) & 7;
}

u8 Ich9ChipsetRegisters::read_byte(u64 offset) const {
    for (unsigned n = 0; n < kRouted; ++n)
        if ((offset & ~u64{1}) == kRouteRegisters[n]) return byte_of(routes_[n], offset & 1);
    switch (offset & ~u64{3}) {
        case kD31ip:
            return byte_of(kD31ipValue, offset & 3);
        case kOic & ~u64{3}:
            return offset == kOic ? other_interrupts_ : 0;
        case kHptc:
            return byte_of(kHpetEnabled, offset & 3);
        case kGcs:
            return byte_of(kNoReboot, offset & 3);
        default:
            return 0;
    }
}

void Ich9ChipsetRegisters::write_byte(u64 offset, u8 value) {
    if (offset == kOic) other_interrupts_ = value & 0x03;
    for (unsigned n = 0; n < kRouted; ++n) {
        if ((offset & ~u64{1}) != kRouteRegisters[n]) continue;
        const unsigned shift = 8 * (offset & 1);
        const u32 written = (routes_[n] & ~(0xffu << shift)) | u32{value} << shift;
        routes_[n] = static_cast<u16>(written & kRouteBits);
        if (on_route_) on_route_();
    }
}

u64 Ich9ChipsetRegisters::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{read_byte(offset + i)} << (8 * i);
    return value;
}

void Ich9ChipsetRegisters::mmio_write(u64 offset, unsigned size, u64 value) {
    for (unsigned i = 0; i < size; ++i) write_byte(offset + i, static_cast<u8>(value >> (8 * i)));
}

void Ich9ChipsetRegisters::reset(ResetKind) {
    routes_ = all_default();
    other_interrupts_ = 0;
    if (on_route_) on_route_();
}

void Ich9ChipsetRegisters::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.fields(routes_, other_interrupts_); });
    for (u16& route : routes_) route &= kRouteBits;
}

}  // namespace twin86
