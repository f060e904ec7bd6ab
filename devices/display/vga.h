// VGA with the Bochs VBE extensions, PCI 1234:1111: the registers and the memory; pictures come from vga_renderer.h.
//
// BAR 0 is the frame buffer, BAR 2 a page of registers: EDID at 0, the VGA's ports 0x3c0 to 0x3df at 0x400, the VBE
// registers at 0x500. The ports and the window at 0xa0000 are always decoded, as those of a primary VGA are.
#pragma once

#include "base/log.h"
#include "devices/core/clock.h"
#include "devices/display/edid.h"
#include "devices/display/vbe_registers.h"
#include "devices/display/vga_ports.h"
#include "devices/display/vga_window.h"
#include "devices/display/video_memory.h"
#include "devices/pci/pci_device.h"

namespace twin86 {

/// What kind of adapter, and what its monitor likes best.
struct VgaProfile {
    unsigned width = 1280, height = 800;
    bool register_page = true;  ///< BAR 2
    bool edid = true;           ///< the monitor says there what it is
};

class Vga : public PciDevice {
  public:
    static constexpr IoPort kVbePort = 0x1ce;
    static constexpr unsigned kVbePorts = 3;
    static constexpr u64 kRegisterBytes = 4 * KiB;

    Vga(VideoMemory& memory, const Clock& clock, const VgaProfile& profile);

    std::string_view name() const override { return "vga"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    /// The VGA BIOS that firmware finds through the expansion ROM register; once, before the adapter is plugged in.
    void set_option_rom(u64 bytes, std::function<Mapping(u64 base)> map) {
        add_bar(kRomBar, PciBarKind::kRom, bytes, std::move(map));
    }

    /// For ports from VgaPorts::kBase on (offset 0), or from kBase + 0x10 on.
    IoHandler& legacy_ports(u16 offset) { return offset == 0 ? mono_ports_ : colour_ports_; }
    IoHandler& vbe_ports() { return vbe_ports_; }
    /// For VgaWindow::kBase and kSize.
    MmioHandler& window() { return window_handler_; }

    const VgaRegisters& registers() const { return registers_; }
    const VbeRegisters& vbe() const { return vbe_; }
    std::span<const u8> memory() const { return memory_.bytes(); }
    /// For firmware that we stand in for.
    VgaRegisters& registers() { return registers_; }
    VbeRegisters& vbe() { return vbe_; }
    std::span<u8> memory() { return memory_.bytes(); }

    /// Was anything written through the window at 0xa0000 or cleared since the last call?
    bool take_written();

  private:
    struct LegacyPorts : IoHandler {
        LegacyPorts(Vga& v, IoPort first) : vga(v), base(first) {}
        u32 io_read(u16 offset, unsigned) override;
        void io_write(u16 offset, unsigned, u32 value) override;
        Vga& vga;
        IoPort base;
    };
    struct VbePorts : IoHandler {
        explicit VbePorts(Vga& v) : vga(v) {}
        u32 io_read(u16 offset, unsigned) override;
        void io_write(u16 offset, unsigned, u32 value) override;
        Vga& vga;
    };
    struct WindowHandler : MmioHandler {
        explicit WindowHandler(Vga& v) : vga(v) {}
        u64 mmio_read(u64 offset, unsigned size) override;
        void mmio_write(u64 offset, unsigned size, u64 value) override;
        Vga& vga;
    };
    struct RegisterPage : MmioHandler {
        explicit RegisterPage(Vga& v) : vga(v) {}
        u64 mmio_read(u64 offset, unsigned size) override;
        void mmio_write(u64 offset, unsigned size, u64 value) override;
        Vga& vga;
    };

    u8 window_read(u32 offset);
    void window_write(u32 offset, u8 value);
    /// Does the window show 64 KiB of a VBE mode's memory, instead of planes?
    bool linear_window() const { return vbe_.enabled() && vbe_.depth() != 4; }
    /// Null: beyond the memory, or the second half of the window.
    u8* banked_byte(u32 offset);
    void vbe_write(u16 index, u16 value);
    u8 page_byte(u64 offset);

    VideoMemory& memory_;
    std::array<u8, 128> edid_{};  ///< zeros: the monitor says nothing
    VgaRegisters registers_;
    VgaPorts ports_;
    VgaWindow window_;
    VbeRegisters vbe_;
    u16 vbe_index_ = 0;
    bool written_ = true;

    LegacyPorts mono_ports_{*this, VgaPorts::kBase}, colour_ports_{*this, VgaPorts::kBase + 0x10};
    VbePorts vbe_ports_{*this};
    WindowHandler window_handler_{*this};
    RegisterPage register_page_{*this};
};

}  // namespace twin86
