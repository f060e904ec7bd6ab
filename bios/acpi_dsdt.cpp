// Device ids: ACPI 6.4, 5.6.7, and the PNP id list.
#include "bios/acpi_dsdt.h"

#include <fmt/core.h>

#include "bios/acpi_pci_express.h"
#include "bios/acpi_pci_routing.h"

namespace twin86 {
namespace {

using namespace aml;

constexpr u8 kPresentEnabled = 0x0b;  // _STA
constexpr u32 kUpperWindow = 0xf0000000;
constexpr u32 kIsaBridgeOfPiix = 0x00010000, kIsaBridgeOfIch9 = 0x001f0000;  // _ADR: slot, function

Code isa_device(std::string_view object, std::string_view id, Terms resources) {
    return device(object, join({name("_HID", eisa_id(id)), name("_STA", integer(kPresentEnabled | 4)),
                                name("_CRS", resource_template(resources))}));
}

Code serial_port(std::string_view object, u64 uid, u16 port, unsigned irq) {
    return device(object, join({name("_HID", eisa_id("PNP0501")), name("_UID", integer(uid)),
                                name("_STA", integer(kPresentEnabled | 4)),
                                name("_CRS", resource_template({io_ports(port, 8), irq_edge(irq)}))}));
}

/// The ISA bridge with its routing registers and what hangs on the ISA bus.
Code isa_bridge(const AcpiConfig& c) {
    Code body = join({name("_ADR", integer(c.is_q35() ? kIsaBridgeOfIch9 : kIsaBridgeOfPiix)), pirq_registers(c),
                      isa_device("RTC", "PNP0B00", {io_ports(0x70, 2), irq_edge(8)}),
                      isa_device("PIT", "PNP0100", {io_ports(0x40, 4), irq_edge(0)}),
                      isa_device("PIC", "PNP0000", {io_ports(0x20, 2), io_ports(0xa0, 2), irq_edge(2)})});
    const auto add = [&body](const Code& more) { body.insert(body.end(), more.begin(), more.end()); };
    if (c.has_8042) {
        add(isa_device("KBD", "PNP0303", {io_ports(0x60, 1), io_ports(0x64, 1), irq_edge(1)}));
        add(isa_device("MOU", "PNP0F13", {irq_edge(12)}));
    }
    if (c.has_floppy) add(isa_device("FDC0", "PNP0700", {io_ports(0x3f2, 4), io_ports(0x3f7, 1), irq_edge(6)}));
    if (c.has_com1) add(serial_port("COM1", 1, 0x3f8, 4));
    if (c.has_com2) add(serial_port("COM2", 2, 0x2f8, 3));
    return device("ISA", body);
}

/// Device memory, but for configuration space's: always two windows, so that the table's length does not depend on
/// where firmware puts things.
Code memory_windows(const AcpiConfig& c) {
    if (!c.is_q35()) return memory_window32(c.pci_window_first, c.pci_window_last);
    const u32 ecam_end = static_cast<u32>(c.ecam_base + c.ecam_bytes());
    if (c.pci_window_first < c.ecam_base)
        return join(
            {memory_window32(c.pci_window_first, c.ecam_base - 1), memory_window32(ecam_end, c.pci_window_last)});
    return join({memory_window32(ecam_end, kUpperWindow - 1), memory_window32(kUpperWindow, c.pci_window_last)});
}

Code host_bridge_windows(const AcpiConfig& c) {
    const Code low = join({bus_numbers(0, 0xff), io_ports(0xcf8, 8), io_window(0, 0xcf7), io_window(0xd00, 0xffff),
                           memory_window32(0xa0000, 0xbffff), memory_windows(c)});
    if (c.pci_window64_first == 0) return resource_template({low});
    return resource_template({low, memory_window64(c.pci_window64_first, c.pci_window64_last)});
}

/// Ports and registers that are nobody else's, so that an operating system places nothing over them.
Code motherboard(const AcpiConfig& c) {
    Code resources = join({io_ports(c.pm1a_event, static_cast<u8>(c.pm_end - c.pm1a_event)), io_ports(c.smi_command, 2),
                           io_ports(0x4d0, 2), io_ports(0x92, 1), memory32_fixed(c.ioapic_address, 0x1000),
                           memory32_fixed(c.lapic_address, 0x1000)});
    if (c.is_q35())
        resources = join({resources, memory32_fixed(c.root_complex_base, 0x4000),
                          memory32_fixed(c.ecam_base, static_cast<u32>(c.ecam_bytes()))});
    return device("MBRD", join({name("_HID", eisa_id("PNP0C02")), name("_UID", integer(1)),
                                name("_CRS", resource_template({resources}))}));
}

Code host_bridge(const AcpiConfig& c) {
    const Code ids = c.is_q35()
                         ? join({name("_HID", eisa_id("PNP0A08")), name("_CID", eisa_id("PNP0A03")), express_control()})
                         : name("_HID", eisa_id("PNP0A03"));
    return device("PCI0", join({ids, name("_UID", integer(0)), name("_BBN", integer(0)),
                                name("_CRS", host_bridge_windows(c)), interrupt_routing(c), isa_bridge(c)}));
}

/// The ports of fw_cfg, by the name that QEMU's documentation gives them.
Code firmware_configuration() {
    return device("FWCF", join({name("_HID", string("QEMU0002")), name("_STA", integer(kPresentEnabled)),
                                name("_CRS", resource_template({io_ports(0x510, 12)}))}));
}

Code hpet(const AcpiConfig& c) {
    if (c.hpet_address == 0) return {};
    return device("HPET", join({name("_HID", eisa_id("PNP0103")), name("_UID", integer(0)),
                                name("_CRS", resource_template({memory32_fixed(c.hpet_address, 0x400)}))}));
}

Code processors(const AcpiConfig& c) {
    std::vector<Code> all;
    for (unsigned n = 0; n < c.cpus; ++n)
        all.push_back(
            device(fmt::format("C{:03X}", n), join({name("_HID", string("ACPI0007")), name("_UID", integer(n))})));
    return join(all);
}

}  // namespace

Code build_dsdt_body(const AcpiConfig& config) {
    const Code soft_off =
        package({integer(config.s5_sleep_type), integer(config.s5_sleep_type), integer(0), integer(0)});
    return join({interrupt_model(config),
                 scope("\\_SB", join({host_bridge(config), interrupt_links(config), motherboard(config), hpet(config),
                                      firmware_configuration(), processors(config)})),
                 name("\\_S5", soft_off)});
}

}  // namespace twin86
