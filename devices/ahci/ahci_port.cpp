#include "devices/ahci/ahci_port.h"

#include <bit>
#include <cstring>

namespace twin86 {
namespace {

enum Register : u32 {
    kCommandList = 0x00,
    kCommandListHigh = 0x04,
    kFisBase = 0x08,
    kFisBaseHigh = 0x0c,
    kInterruptStatus = 0x10,
    kInterruptEnable = 0x14,
    kCommand = 0x18,
    kTaskFile = 0x20,
    kSignature = 0x24,
    kSataStatus = 0x28,
    kSataControl = 0x2c,
    kSataError = 0x30,
    kCommandIssue = 0x38,
};

// PxCMD.
constexpr u32 kStart = 1u << 0, kSpinUp = 1u << 1, kPowerOn = 1u << 2, kOverride = 1u << 3, kFisReceive = 1u << 4,
              kFisRunning = 1u << 14, kListRunning = 1u << 15, kAtapi = 1u << 24;
// PxIS.
constexpr u32 kRegisterFis = 1u << 0, kPioSetupFis = 1u << 1, kConnectChange = 1u << 6, kPhyChange = 1u << 22,
              kOverflow = 1u << 24, kHostBusFatal = 1u << 29, kTaskFileError = 1u << 30;
constexpr u32 kInterruptBits = 0xfdc000ff;
// PxSERR.DIAG: PhyRdy change, exchanged.
constexpr u32 kErrorPhy = 1u << 16, kErrorExchanged = 1u << 26;
// PxSSTS: device present and communicating, generation 1, active.
constexpr u32 kLinkUp = 0x113, kLinkOff = 0x004;
constexpr u32 kDetReset = 1, kDetOff = 4;

constexpr u8 kFromHost = 0x27, kToHost = 0x34, kPioSetup = 0x5f;  // FIS types
constexpr u64 kPioSetupAt = 0x20, kRegistersAt = 0x40;            // in the area of received FISes
constexpr u64 kPacketAt = 0x40, kRegionsAt = 0x80;                // in a command table
constexpr std::size_t kPacketBytes = 12;
constexpr u8 kFisInterrupt = 0x40, kFisToHost = 0x20, kFisIsCommand = 0x80;

void set_low(u64& base, u32 value, u32 alignment) {
    base = (base & ~u64{0xffffffff}) | (value & ~(alignment - 1));
}

void set_high(u64& base, u32 value) {
    base = (base & 0xffffffff) | u64{value} << 32;
}

}  // namespace

void AhciPort::plug(std::unique_ptr<AtaDevice> device) {
    device_ = std::move(device);
    device_->connect(*this, 0);
}

void AhciPort::reset() {
    list_ = received_ = 0;
    interrupts_ = interrupt_enable_ = control_ = errors_ = issued_ = 0;
    command_ = kSpinUp | kPowerOn;
    signature_ = ~u32{0};
    stop();
    link_up();
}

/// The link comes up and the drive sends its signature.
void AhciPort::link_up() {
    in_reset_ = false;
    if (!device_) return;
    device_->reset();
    errors_ |= kErrorPhy | kErrorExchanged;
    post_registers(false);
}

/// The command list stops: nobody waits for what is under way.
void AhciPort::stop() {
    issued_ = 0;
    slot_.reset();
    halted_ = false;
}

// ---- registers

u32 AhciPort::read(u32 offset) const {
    switch (offset) {
        case kCommandList:
            return static_cast<u32>(list_);
        case kCommandListHigh:
            return static_cast<u32>(list_ >> 32);
        case kFisBase:
            return static_cast<u32>(received_);
        case kFisBaseHigh:
            return static_cast<u32>(received_ >> 32);
        case kInterruptStatus:
            return interrupt_status();
        case kInterruptEnable:
            return interrupt_enable_;
        case kCommand: {
            const u32 running = (command_ & kStart ? kListRunning : 0) | (command_ & kFisReceive ? kFisRunning : 0);
            return command_ | running | u32{slot_.value_or(0)} << 8;
        }
        case kTaskFile:
            return task_file();
        case kSignature:
            return signature_;
        case kSataStatus:
            return (control_ & 0xf) == kDetOff ? kLinkOff : device_ && (control_ & 0xf) != kDetReset ? kLinkUp : 0;
        case kSataControl:
            return control_;
        case kSataError:
            return errors_;
        case kCommandIssue:
            return issued_;
        default:
            return 0;
    }
}

void AhciPort::write(u32 offset, u32 value) {
    switch (offset) {
        case kCommandList:
            return set_low(list_, value, 1024);
        case kCommandListHigh:
            return set_high(list_, value);
        case kFisBase:
            return set_low(received_, value, 256);
        case kFisBaseHigh:
            return set_high(received_, value);
        case kInterruptStatus:
            interrupts_ &= ~value;
            break;
        case kInterruptEnable:
            interrupt_enable_ = value & kInterruptBits;
            break;
        case kCommand:
            write_command(value);
            break;
        case kSataControl:
            write_control(value);
            break;
        case kSataError:
            errors_ &= ~value;
            break;
        case kCommandIssue:
            if ((command_ & kStart) != 0) issued_ |= value;
            work();
            break;
        default:
            return;
    }
    changed_();
}

/// Two bits follow PxSERR until that is cleared.
u32 AhciPort::interrupt_status() const {
    return interrupts_ | (errors_ & kErrorExchanged ? kConnectChange : 0) | (errors_ & kErrorPhy ? kPhyChange : 0);
}

u32 AhciPort::task_file() const {
    constexpr u32 kNobody = 0x7f;
    if (!device_) return kNobody;
    return device_->status() | u32{device_->read_register(ata::kErrorFeatures, false)} << 8;
}

void AhciPort::write_command(u32 value) {
    const bool started = (value & kStart) != 0, was_started = (command_ & kStart) != 0;
    const bool received = (value & kFisReceive) != 0, was_received = (command_ & kFisReceive) != 0;
    command_ = (value & (kStart | kFisReceive | kAtapi)) | kSpinUp | kPowerOn;
    if (was_started && !started) stop();
    // CLO: a drive that is still busy with what nobody waits for is made ready.
    if ((value & kOverride) != 0 && device_ && (device_->status() & (ata::kBusy | ata::kDataRequest)) != 0)
        device_->reset();
    if (received && !was_received && device_ && !slot_) post_registers(false);
    work();
}

/// COMRESET is asserted while DET is 1; the link comes up when it is 0 again (10.4.2).
void AhciPort::write_control(u32 value) {
    const u32 before = control_ & 0xf, now = value & 0xf;
    control_ = value & 0xfff;
    if (now == kDetReset && device_) {
        stop();
        device_->hold_in_reset();
    }
    if (before != 0 && now == 0) link_up();
}

// ---- commands

void AhciPort::interrupt(AtaDevice& device) {
    device.acknowledge();
    if (!inside_) work();
}

/// Goes as far as it gets without waiting for the image.
void AhciPort::work() {
    if (inside_ || !device_) return;
    inside_ = true;
    while (slot_ || start_next()) {
        if (!slot_) continue;
        const u8 status = device_->status();
        if ((status & ata::kBusy) != 0) break;
        if ((status & ata::kDataRequest) != 0)
            move_data();
        else
            finish();
    }
    inside_ = false;
    changed_();
}

/// False: nothing can start. A slot may be over when this returns.
bool AhciPort::start_next() {
    if (issued_ == 0 || halted_ || (command_ & kStart) == 0) return false;
    start(static_cast<unsigned>(std::countr_zero(issued_)));
    return true;
}

bool AhciPort::read_list(unsigned slot, Header& header) {
    u8 bytes[16];
    if (!memory_.dma_read(list_ + slot * 32, bytes)) return false;
    std::memcpy(&header.flags, bytes, 4);
    std::memcpy(&header.table, bytes + 8, 8);
    header.table &= ~u64{0x7f};
    return true;
}

void AhciPort::start(unsigned slot) {
    std::array<u8, 20> fis;
    if (!read_list(slot, header_) || !memory_.dma_read(header_.table, fis)) return bus_error();
    table_.start(header_.table + kRegionsAt, header_.regions());
    read_pio_ = false;
    if (fis[0] != kFromHost || (fis[1] & kFisIsCommand) == 0) {
        issued_ &= ~(1u << slot);
        if (fis[0] == kFromHost) control(fis[15]);
        return;
    }
    if (in_reset_) return bus_error();
    slot_ = static_cast<u8>(slot);
    load_task_file(fis);
    device_->command(fis[2]);
    const bool wants_packet = fis[2] == ata::kPacket && (device_->status() & ata::kDataRequest) != 0;
    if (wants_packet) feed_packet();
}

/// Software reset: the drive answers with its signature when SRST is released.
void AhciPort::control(u8 device_control) {
    const bool asserted = (device_control & ata::kSoftReset) != 0;
    if (asserted) device_->hold_in_reset();
    if (in_reset_ && !asserted) {
        device_->reset();
        post_registers(true);
    }
    in_reset_ = asserted;
}

/// Bytes of the FIS; the high-order byte of a register goes first.
void AhciPort::load_task_file(std::span<const u8> fis) {
    using namespace ata;
    static constexpr struct {
        u16 to;
        u8 from, high;
    } kBytes[] = {{kErrorFeatures, 3, 11}, {kSectorCount, 12, 13}, {kLbaLow, 4, 8}, {kLbaMid, 5, 9}, {kLbaHigh, 6, 10}};
    for (const auto& b : kBytes) {
        device_->write_register(b.to, fis[b.high]);
        device_->write_register(b.to, fis[b.from]);
    }
    device_->write_register(kDeviceReg, fis[7]);
}

void AhciPort::feed_packet() {
    std::array<u8, kPacketBytes> packet;
    if (!memory_.dma_read(header_.table + kPacketAt, packet)) return bus_error();
    for (std::size_t at = 0; at < packet.size(); at += 2) device_->write_data(2, packet[at] | u32{packet[at + 1]} << 8);
}

/// All that one DRQ offers or wants. What has no room is lost, and reported.
void AhciPort::move_data() {
    std::vector<u8> data(device_->pio_left());
    if (!device_->pio_to_host()) {
        if (table_.from_memory(data) < data.size()) interrupts_ |= kOverflow;
        for (std::size_t at = 0; at < data.size(); at += 2)
            device_->write_data(2, data[at] | (at + 1 < data.size() ? u32{data[at + 1]} << 8 : 0));
        return;
    }
    for (std::size_t at = 0; at < data.size(); at += 2) {
        const u32 word = device_->read_data(2);
        data[at] = static_cast<u8>(word);
        if (at + 1 < data.size()) data[at + 1] = static_cast<u8>(word >> 8);
    }
    if (table_.to_memory(data) < data.size()) interrupts_ |= kOverflow;
    read_pio_ = true;
}

void AhciPort::finish() {
    const unsigned slot = *slot_;
    slot_.reset();
    std::array<u8, 4> moved;
    const u32 count = table_.moved();
    std::memcpy(moved.data(), &count, sizeof count);
    memory_.dma_write(list_ + slot * 32 + 4, moved);
    const bool failed = (device_->status() & ata::kError) != 0;
    if (read_pio_) post_pio_setup();
    if (!read_pio_ || failed || header_.atapi()) post_registers(true);
    if (!failed) return void(issued_ &= ~(1u << slot));
    interrupts_ |= kTaskFileError;
    halted_ = true;
}

/// 6.1.3: the port stops.
void AhciPort::bus_error() {
    interrupts_ |= kHostBusFatal;
    halted_ = true;
    slot_.reset();
}

// ---- FISes to the host

AhciPort::Fis AhciPort::task_file_fis(u8 type) const {
    using namespace ata;
    const auto now = [&](u16 r) { return device_->read_register(r, false); };
    const auto high = [&](u16 r) { return device_->read_register(r, true); };
    return {type, 0, device_->status(), now(kErrorFeatures), now(kLbaLow), now(kLbaMid), now(kLbaHigh), now(kDeviceReg),
            high(kLbaLow), high(kLbaMid), high(kLbaHigh), 0, now(kSectorCount), high(kSectorCount)};
}

void AhciPort::post(u32 offset, const Fis& fis) {
    if ((command_ & kFisReceive) != 0) memory_.dma_write(received_ + offset, fis);
}

/// A register FIS with the signature also shows in PxSIG: it is one whenever no command is under way.
void AhciPort::post_registers(bool interrupt) {
    Fis fis = task_file_fis(kToHost);
    if (interrupt) {
        fis[1] = kFisInterrupt;
        interrupts_ |= kRegisterFis;
    }
    if (issued_ == 0) signature_ = u32{fis[6]} << 24 | u32{fis[5]} << 16 | u32{fis[4]} << 8 | fis[12];
    post(kRegistersAt, fis);
}

/// As if all had come by one transfer: drivers look at the ending status.
void AhciPort::post_pio_setup() {
    Fis fis = task_file_fis(kPioSetup);
    fis[1] = kFisInterrupt | kFisToHost;
    fis[15] = device_->status();
    fis[16] = static_cast<u8>(table_.moved());
    fis[17] = static_cast<u8>(table_.moved() >> 8);
    interrupts_ |= kPioSetupFis;
    post(kPioSetupAt, fis);
}

void AhciPort::visit(StateArchive& archive) {
    constexpr u8 kNone = 0xff;
    u8 slot = slot_.value_or(kNone);
    archive.fields(list_, received_, interrupts_, interrupt_enable_, command_, signature_, control_, errors_, issued_);
    archive.fields(halted_, in_reset_, read_pio_, slot, header_.flags, header_.table);
    table_.visit(archive);
    bool present = device_ != nullptr;
    archive.field(present);
    if (present != (device_ != nullptr)) return archive.fail("an AHCI port had another drive");
    if (archive.loading()) {
        slot_ = slot < kSlots ? std::optional(slot) : std::nullopt;
        if (slot != kNone && (!slot_ || !device_)) return archive.fail("an AHCI port executes a command that does not exist");
    }
    if (device_) device_->visit(archive);
}

}  // namespace twin86
