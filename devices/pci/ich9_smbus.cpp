#include "devices/pci/ich9_smbus.h"

namespace twin86 {
namespace {

constexpr u8 kHostc = 0x40;
constexpr u8 kHostEnable = 0x01;
constexpr unsigned kPortsBar = 4;

enum Register : u16 {
    kStatus = 0x00,
    kControl = 0x02,
    kCommand = 0x03,
    kAddress = 0x04,
    kData0 = 0x05,
    kData1 = 0x06,
    kBlock = 0x07,
    kPacketError = 0x08,
    kReceiveAddress = 0x09,
    kAuxiliaryStatus = 0x0c,
    kAuxiliaryControl = 0x0d,
    kSmlinkPins = 0x0e,
    kSmbusPins = 0x0f,
    kSlaveStatus = 0x10,
    kSlaveCommand = 0x11,
};

constexpr u8 kDeviceError = 0x04, kInUse = 0x40;
constexpr u8 kErrorsAndDone = 0x9e;  // BYTE_DONE, FAILED, BUS_ERR, DEV_ERR, INTR
constexpr u8 kStart = 0x40, kInterruptEnable = 0x01;
constexpr u8 kBuffer32 = 0x02;  // AUX_CTL: the block register is a buffer of 32 bytes
constexpr u8 kIdlePins = 0x07;  // clock and data are high, the clock runs free
constexpr u8 kDefaultReceiveAddress = 0x44;

}  // namespace

Ich9Smbus::Ich9Smbus()
    : PciDevice({.vendor_id = 0x8086,
                 .device_id = 0x2930,
                 .class_code = 0x0c0500,
                 .revision = 2,
                 .subsystem_vendor_id = 0x1af4,
                 .subsystem_id = 0x1100,
                 .interrupt_pin = 1}) {
    set_register(kPciStatus, 2, 0x0280, 0, kPciStatusErrors);
    set_register(kHostc, 1, 0, 0x07);
    add_io_bar(kPortsBar, kPorts, *this, IoBus::kByte);
    reset(ResetKind::kPowerOn);
}

void Ich9Smbus::reset(ResetKind kind) {
    PciDevice::reset(kind);
    registers_ = {};
    registers_[kReceiveAddress] = kDefaultReceiveAddress;
    block_ = {};
    block_at_ = 0;
}

bool Ich9Smbus::enabled() const {
    return (config_read(kHostc, 1) & kHostEnable) != 0;
}

void Ich9Smbus::update() {
    const bool asks = (registers_[kControl] & kInterruptEnable) != 0;
    set_interrupt(asks && (registers_[kStatus] & kErrorsAndDone) != 0);
}

/// Advances with each access; reading the control register starts again at the first byte.
u8& Ich9Smbus::block_byte() {
    if ((registers_[kAuxiliaryControl] & kBuffer32) == 0) return registers_[kBlock];
    u8& byte = block_[block_at_];
    block_at_ = static_cast<u8>((block_at_ + 1) % block_.size());
    return byte;
}

u32 Ich9Smbus::io_read(u16 offset, unsigned) {
    if (!enabled()) return 0xff;
    const u8 value = registers_[offset];
    switch (offset) {
        case kStatus:
            registers_[kStatus] |= kInUse;  // a semaphore: the first to read it has it
            return value;
        case kControl:
            block_at_ = 0;
            return value;
        case kBlock:
            return block_byte();
        case kSmlinkPins:
        case kSmbusPins:
            return kIdlePins;
        default:
            return value;
    }
}

void Ich9Smbus::write_control(u8 value) {
    registers_[kControl] = static_cast<u8>(value & ~kStart);
    if ((value & kStart) != 0) registers_[kStatus] |= kDeviceError;
}

void Ich9Smbus::io_write(u16 offset, unsigned, u32 wide) {
    if (!enabled()) return;
    const u8 value = static_cast<u8>(wide);
    switch (offset) {
        case kStatus:
        case kAuxiliaryStatus:
        case kSlaveStatus:
            registers_[offset] = static_cast<u8>(registers_[offset] & ~value);  // a one clears
            return update();
        case kControl:
            write_control(value);
            return update();
        case kBlock:
            block_byte() = value;
            return;
        case kAuxiliaryControl:
            registers_[offset] = value & 0x03;
            return;
        case kReceiveAddress:
            registers_[offset] = value & 0x7f;
            return;
        case kCommand:
        case kAddress:
        case kData0:
        case kData1:
        case kPacketError:
        case kSlaveCommand:
            registers_[offset] = value;
            return;
        default:
            return;
    }
}

void Ich9Smbus::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        visit_config(archive);
        archive.fields(registers_, block_, block_at_);
    });
    block_at_ = static_cast<u8>(block_at_ % block_.size());
}

}  // namespace twin86
