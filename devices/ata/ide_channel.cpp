#include "devices/ata/ide_channel.h"

namespace twin86 {

using namespace ata;

IdeChannel::IdeChannel(std::string name, IrqLine irq, DmaView& memory, std::function<bool()> may_master)
    : name_(std::move(name)), irq_(irq), may_master_(std::move(may_master)), master_(memory) {}

void IdeChannel::plug(unsigned number, std::unique_ptr<AtaDevice> device) {
    CHECK(number < 2 && devices_[number] == nullptr, "{} device {}", name_, number);
    devices_[number] = std::move(device);
    devices_[number]->connect(*this, number);
    devices_[number]->reset();
}

void IdeChannel::reset(ResetKind) {
    for (const auto& d : devices_)
        if (d) d->reset();
    master_.reset();
    selected_ = 0;
    control_ = 0;
    waiting_ = nullptr;
    update_irq();
}

void IdeChannel::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        u8 selected = static_cast<u8>(selected_);
        archive.fields(selected, control_);
        selected_ = selected & 1;
        master_.visit(archive);
        if (archive.loading()) waiting_ = nullptr;  // devices ask again
        std::array<bool, 2> present{devices_[0] != nullptr, devices_[1] != nullptr};
        const std::array<bool, 2> here = present;
        archive.field(present);
        if (present != here) return archive.fail("the saved machine has other drives on " + name_);
        for (const auto& d : devices_)
            if (d) d->visit(archive);
    });
}

u32 IdeChannel::CommandPorts::io_read(u16 offset, unsigned size) {
    if (offset == kData) {
        AtaDevice* device = owner.selected();
        const u32 value = device != nullptr ? device->read_data(size) : 0;
        owner.update_irq();
        return value;
    }
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u32{owner.read_register(static_cast<u16>(offset + i))} << 8 * i;
    return value;
}

void IdeChannel::CommandPorts::io_write(u16 offset, unsigned size, u32 value) {
    if (offset == kData) {
        if (AtaDevice* device = owner.selected()) device->write_data(size, value);
        return;
    }
    for (unsigned i = 0; i < size; ++i)
        owner.write_register(static_cast<u16>(offset + i), static_cast<u8>(value >> 8 * i));
}

/// Registers of a device that is not there read as zero; software finds out because they do not keep what it writes.
u8 IdeChannel::read_register(u16 offset) {
    AtaDevice* device = selected();
    if (device == nullptr) return 0;
    const u8 value = device->read_register(offset, (control_ & kHighOrderByte) != 0);
    if (offset == kStatusCommand) {
        device->acknowledge();
        update_irq();
    }
    return value;
}

void IdeChannel::write_register(u16 offset, u8 value) {
    control_ = static_cast<u8>(control_ & ~kHighOrderByte);
    if (offset == kStatusCommand) return write_command(value);
    if (offset == kDeviceReg) selected_ = (value & kDeviceSelect) != 0 ? 1 : 0;
    for (const auto& d : devices_)
        if (d) d->write_register(offset, value);
    update_irq();
}

void IdeChannel::write_command(u8 value) {
    AtaDevice* device = selected();
    AtaDevice* other = devices_[1 - selected_].get();
    if (value == kExecuteDiagnostic && device != nullptr && other != nullptr) {
        forget_request(other);
        other->reset();
    }
    if (device != nullptr && device->takes(value)) {
        forget_request(device);
        device->command(value);
    }
    update_irq();
}

/// Of DMA.
void IdeChannel::forget_request(const AtaDevice* device) {
    if (waiting_ == device) waiting_ = nullptr;
}

/// Alternate status: the same without acknowledging.
u32 IdeChannel::ControlPort::io_read(u16, unsigned) {
    AtaDevice* device = owner.selected();
    return device != nullptr ? device->status() : 0;
}

void IdeChannel::ControlPort::io_write(u16, unsigned, u32 value) {
    owner.write_control(static_cast<u8>(value));
}

void IdeChannel::write_control(u8 value) {
    const bool was_reset = (control_ & kSoftReset) != 0, is_reset = (value & kSoftReset) != 0;
    control_ = value & (kNoInterrupt | kSoftReset | kHighOrderByte);
    if (is_reset != was_reset) {
        waiting_ = nullptr;
        for (const auto& d : devices_)
            if (d) is_reset ? d->hold_in_reset() : d->reset();
        if (!is_reset) selected_ = 0;
    }
    update_irq();
}

void IdeChannel::update_irq() {
    const AtaDevice* device = selected();
    irq_.set(device != nullptr && device->interrupting() && (control_ & kNoInterrupt) == 0);
}

void IdeChannel::interrupt(AtaDevice& device) {
    device.raise();
    master_.interrupt();
    update_irq();
}

void IdeChannel::request_dma(AtaDevice& device) {
    waiting_ = &device;
    start_waiting();
}

void IdeChannel::start_waiting() {
    if (waiting_ == nullptr || !engine_runs()) return;
    AtaDevice* device = std::exchange(waiting_, nullptr);
    device->dma_started();
}

void IdeChannel::write_bus_master(u16 offset, u8 value) {
    if (master_.write(offset, value)) start_waiting();
}

void IdeChannel::master_enable_changed() {
    start_waiting();
}

std::size_t IdeChannel::dma_to_memory(std::span<const u8> from) {
    return engine_runs() ? master_.to_memory(from) : 0;
}

std::size_t IdeChannel::dma_from_memory(std::span<u8> to) {
    return engine_runs() ? master_.from_memory(to) : 0;
}

}  // namespace twin86
