#include "devices/display/vga.h"

#include <algorithm>

namespace twin86 {
namespace {

/// Revision 2 tells drivers of the registers at 0x600 of BAR 2.
PciIdentity identity(bool register_page) {
    return {0x1234, 0x1111, 0x030000, static_cast<u8>(register_page ? 0x02 : 0x00), 0x1af4, 0x1100};
}

// The register page of BAR 2.
constexpr u64 kEdid = 0x000, kVgaPorts = 0x400, kVgaPortsEnd = 0x420, kVbe = 0x500;
constexpr u64 kVbeEnd = kVbe + 2 * VbeRegisters::kRegisters;
constexpr u64 kExtended = 0x600, kExtendedEnd = 0x608;  // its size, and the byte order of the frame buffer
constexpr u32 kLittleEndian = 0x1e1e1e1e;

}  // namespace

Vga::Vga(VideoMemory& memory, const Clock& clock, const VgaProfile& profile)
    : PciDevice(identity(profile.register_page)),
      memory_(memory),
      ports_(registers_, clock),
      window_(registers_, memory.bytes()),
      vbe_(memory.bytes().size()) {
    add_bar(
        0, PciBarKind::kMemory32, memory_.bytes().size(), [this](u64 base) { return memory_.show_at(base); }, true);
    if (profile.edid) edid_ = make_edid(profile.width, profile.height);
    if (profile.register_page) add_memory_bar(2, kRegisterBytes, register_page_);
    Vga::reset(ResetKind::kPowerOn);
}

void Vga::reset(ResetKind kind) {
    PciDevice::reset(kind);
    registers_ = VgaRegisters();
    vbe_.reset();
    vbe_index_ = 0;
    memory_.clear();
    written_ = true;
}

void Vga::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        visit_config(archive);
        registers_.visit(archive);
        vbe_.visit(archive);
        archive.field(vbe_index_);
        archive.raw(memory_.bytes().data(), memory_.bytes().size());
        written_ = true;
    });
}

bool Vga::take_written() {
    return std::exchange(written_, false);
}

// --- ports -----------------------------------------------------------------------------------------------------------

u32 Vga::LegacyPorts::io_read(u16 offset, unsigned) {
    return vga.ports_.read(static_cast<IoPort>(base + offset));
}

void Vga::LegacyPorts::io_write(u16 offset, unsigned, u32 value) {
    vga.ports_.write(static_cast<IoPort>(base + offset), static_cast<u8>(value));
}

/// Index at offset 0, data at 1 and, for machines that want their words aligned, at 2.
u32 Vga::VbePorts::io_read(u16 offset, unsigned) {
    return offset == 0 ? vga.vbe_index_ : vga.vbe_.read(vga.vbe_index_);
}

void Vga::VbePorts::io_write(u16 offset, unsigned, u32 value) {
    if (offset == 0)
        vga.vbe_index_ = static_cast<u16>(value);
    else
        vga.vbe_write(vga.vbe_index_, static_cast<u16>(value));
}

void Vga::vbe_write(u16 index, u16 value) {
    if (!vbe_.write(index, value)) return;
    const std::span<u8> bytes = memory_.bytes();
    const u64 shown = vbe_.line_bytes() * vbe_.height() * (vbe_.depth() == 4 ? 4 : 1);
    std::fill_n(bytes.begin(), std::min<u64>(shown, bytes.size()), u8{0});
    written_ = true;
}

// --- window at 0xa0000
// -------------------------------------------------------------------------------------------------

u8* Vga::banked_byte(u32 offset) {
    const u64 at = (u64{vbe_.bank()} << 16) + offset;
    const std::span<u8> bytes = memory_.bytes();
    return offset < 0x10000 && at < bytes.size() ? &bytes[at] : nullptr;
}

u8 Vga::window_read(u32 offset) {
    if (!linear_window()) return window_.read(offset, vbe_.enabled() ? vbe_.bank() : 0);
    const u8* byte = banked_byte(offset);
    return byte != nullptr ? *byte : 0xff;
}

void Vga::window_write(u32 offset, u8 value) {
    if (linear_window()) {
        u8* byte = banked_byte(offset);
        if (byte == nullptr) return;
        *byte = value;
        written_ = true;
        return;
    }
    written_ |= window_.write(offset, value, vbe_.enabled() ? vbe_.bank() : 0);
}

u64 Vga::WindowHandler::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{vga.window_read(static_cast<u32>(offset + i))} << (8 * i);
    return value;
}

void Vga::WindowHandler::mmio_write(u64 offset, unsigned size, u64 value) {
    for (unsigned i = 0; i < size; ++i)
        vga.window_write(static_cast<u32>(offset + i), static_cast<u8>(value >> (8 * i)));
}

// --- register page
// -----------------------------------------------------------------------------------------------------

u8 Vga::page_byte(u64 offset) {
    if (offset < kEdid + edid_.size()) return edid_[offset];
    if (offset >= kVgaPorts && offset < kVgaPortsEnd)
        return ports_.read(static_cast<IoPort>(0x3c0 + offset - kVgaPorts));
    if (offset >= kVbe && offset < kVbeEnd)
        return static_cast<u8>(vbe_.read(static_cast<u16>((offset - kVbe) / 2)) >> (offset % 2 * 8));
    if (offset >= kExtended && offset < kExtended + 4) return offset == kExtended ? kExtendedEnd - kExtended : 0;
    if (offset >= kExtended + 4 && offset < kExtendedEnd) return kLittleEndian & 0xff;
    return 0;
}

u64 Vga::RegisterPage::mmio_read(u64 offset, unsigned size) {
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i) value |= u64{vga.page_byte(offset + i)} << (8 * i);
    return value;
}

/// VBE registers change as words: a byte alone is no access to one.
void Vga::RegisterPage::mmio_write(u64 offset, unsigned size, u64 value) {
    if (offset >= kVbe && offset < kVbeEnd) {
        for (unsigned i = 0; i + 1 < size && offset % 2 == 0; i += 2)
            vga.vbe_write(static_cast<u16>((offset + i - kVbe) / 2), static_cast<u16>(value >> (8 * i)));
        return;
    }
    for (unsigned i = 0; i < size; ++i)
        if (offset + i >= kVgaPorts && offset + i < kVgaPortsEnd)
            vga.ports_.write(static_cast<IoPort>(0x3c0 + offset + i - kVgaPorts), static_cast<u8>(value >> (8 * i)));
}

}  // namespace twin86
