#include "machine/pc/display.h"

#include <algorithm>
#include <bit>

#include "devices/display/standard_modes.h"
#include "machine/pc/layout.h"

namespace twin86::pc {

Result<std::unique_ptr<Display>> Display::create(const DisplayConfig& config, PhysMap& phys, const Clock& clock) {
    std::unique_ptr<Display> display(new Display(clock));
    auto memory = VideoRam::create(phys, config.memory_bytes, "vram");
    if (!memory) return memory.failure();
    display->memory_ = memory.take();
    display->vga_ = std::make_unique<Vga>(*display->memory_, clock, config.profile);
    if (config.rom.empty()) return display;
    auto rom = HostPages::create(std::bit_ceil(align_up(config.rom.size(), kPageSize)), "VGA BIOS");
    if (!rom) return rom.failure();
    display->rom_ = rom.take();
    std::copy(config.rom.begin(), config.rom.end(), display->rom_.base());
    display->vga_->set_option_rom(display->rom_.size(), [rom = &display->rom_, &phys](u64 base) {
        return phys.map_memory(base, rom->size(), rom->base(), false, "vgabios");
    });
    if (const auto font = find_font(config.rom)) display->font_.assign(font->begin(), font->end());
    return display;
}

void Display::plug_into(Board& board, IoBus& io, MmioBus& mmio, PhysMap& phys) {
    const auto ports = [&](IoPort base, u32 size, IoHandler& handler) {
        mappings_.push_back(io.map(base, size, handler, "vga"));
    };
    // 0x3b0 to 0x3df, but for the parallel port that monochrome adapters had at 0x3bc.
    ports(VgaPorts::kBase, 0x0c, vga_->legacy_ports(0x00));
    ports(VgaPorts::kBase + 0x10, 0x20, vga_->legacy_ports(0x10));
    mappings_.push_back(io.map(Vga::kVbePort, Vga::kVbePorts, vga_->vbe_ports(), "vbe", IoBus::kWord));
    mappings_.push_back(mmio.map(VgaWindow::kBase, VgaWindow::kSize, vga_->window(), "vga-window"));
    // Shown when somebody looks; what a write does depends on registers, and ports come in order.
    mappings_.push_back(phys.allow_late_writes(VgaWindow::kBase, VgaWindow::kSize));
    mappings_.push_back(board.pci().attach(pci_devfn(board.chipset().display_slot(), 0), *vga_));
    board.add_device(*vga_);
}

void Display::leave_as_firmware_does() {
    vga_->config_write(kPciBar0, 4, kFrameBuffer);
    vga_->config_write(kPciBar0 + 8, 4, kDisplayRegisters);
    vga_->config_write(kPciCommand, 2, kPciCommandIo | kPciCommandMemory);
    set_standard_mode(vga_->registers(), *find_standard_mode(0x03));
    clear_text(vga_->memory());
    if (!font_.empty()) load_font(vga_->memory(), font_);
}

void Display::set_linear_mode(unsigned width, unsigned height, unsigned depth) {
    VbeRegisters& vbe = vga_->vbe();
    vbe.write(VbeRegisters::kWidth, static_cast<u16>(width));
    vbe.write(VbeRegisters::kHeight, static_cast<u16>(height));
    vbe.write(VbeRegisters::kDepth, static_cast<u16>(depth));
    vbe.write(VbeRegisters::kEnable, VbeRegisters::kEnabled | VbeRegisters::kLinear);
    memory_->clear();
}

VgaFrame Display::frame() const {
    return {vga_->registers(), vga_->vbe(), blink_phase(clock_.now_ns())};
}

}  // namespace twin86::pc
