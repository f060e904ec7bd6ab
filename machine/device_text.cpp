#include "machine/device_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "devices/pci/pci_bridge.h"

namespace twin86 {
namespace {

std::string bar_text(const PciDevice& device, unsigned n) {
    const PciBar& bar = device.bar(n);
    if (bar.kind == PciBarKind::kNone) return {};
    const char* kind = bar.is_io() ? "I/O" : bar.kind == PciBarKind::kRom ? "ROM" : "memory";
    const std::string where = bar.mapped ? fmt::format("at {:#x}", *bar.mapped) : "not decoded";
    return fmt::format("      BAR{}: {} of {:#x} bytes {}{}\n", n, kind, bar.size, bar.prefetchable ? "(prefetchable) " : "",
                       where);
}

std::string function_text(const PciDevice& d, unsigned bus, unsigned devfn) {
    const u32 id = d.config_read(kPciVendorId, 4);
    std::string text =
        fmt::format("  Bus {:2}, device {:3}, function {}: {:04x}:{:04x} class {:06x} {}\n", bus, devfn >> 3, devfn & 7,
                    id & 0xffff, id >> 16, d.config_read(kPciRevision, 4) >> 8, d.name());
    if (d.interrupt_pin() != 0)
        text += fmt::format("      IRQ {}, pin {:c}\n", d.config_read(kPciInterruptLine, 1), 'A' + d.interrupt_pin() - 1);
    for (unsigned n = 0; n <= PciDevice::kRomBar; ++n) text += bar_text(d, n);
    return text;
}

const char* kind_text(ScreenKind kind) {
    switch (kind) {
        case ScreenKind::kText:
            return "text";
        case ScreenKind::kPlanar:
            return "VGA graphics";
        case ScreenKind::kLinear:
            return "VBE frame buffer";
        case ScreenKind::kBlank:
            break;
    }
    return "off";
}

template <std::size_t N>
std::string bytes_text(const char* name, const std::array<u8, N>& bytes) {
    return fmt::format("{:<10} {:02x}\n", name, fmt::join(bytes, " "));
}

}  // namespace

std::string pci_text(const PciBus& bus, unsigned number) {
    std::string text;
    for (unsigned devfn = 0; devfn < PciBus::kFunctions; ++devfn)
        if (const PciDevice* d = bus.at(static_cast<u8>(devfn))) text += function_text(*d, number, devfn);
    for (const PciBridge* b : bus.bridges()) text += pci_text(b->bus(), b->secondary());
    return text;
}

std::string irq_counts_text(const GsiRouter& gsi) {
    std::string text;
    for (unsigned n = 0; n < GsiRouter::kGsis; ++n)
        if (gsi.count(n) != 0) text += fmt::format("{:2}: {}\n", n, gsi.count(n));
    return text;
}

std::string interrupt_controllers_text(const PicPair& pic, const IoApic& ioapic) {
    std::string text;
    for (const auto& [name, chip] : {std::pair{"pic0", &pic.master()}, {"pic1", &pic.slave()}})
        text += fmt::format("{}: irr={:02x} imr={:02x} isr={:02x} elcr={:02x}\n", name, chip->irr(), chip->imr(),
                            chip->isr(), chip->elcr());
    for (unsigned pin = 0; pin < IoApic::kPins; ++pin)
        text += fmt::format("ioapic pin {:2}: {:016x}\n", pin, ioapic.redirection(pin));
    return text;
}

std::string device_list_text(const std::vector<Device*>& devices) {
    std::string text;
    for (const Device* d : devices) text += fmt::format("dev: {}\n", d->name());
    return text;
}

std::string display_text(pc::Display& display) {
    const VgaFrame frame = display.frame();
    const ScreenGeometry g = frame.geometry();
    const VgaRegisters& r = frame.registers;
    std::string text = fmt::format("{} {}x{}", kind_text(g.kind), g.width, g.height);
    if (g.kind == ScreenKind::kLinear) text += fmt::format(", {} bits, {} bytes a line", g.depth, g.line_bytes);
    return text + fmt::format("\nmisc output {:02x}\n", r.misc_output) + bytes_text("sequencer", r.sequencer) +
           bytes_text("crtc", r.crtc) + bytes_text("graphics", r.graphics) + bytes_text("attribute", r.attribute);
}

}  // namespace twin86
