// Device ids: ACPI 6.4, 5.6.7, and the PNP id list. PIRQ registers: Intel 82371SB (PIIX3), 2.2.6 "PIRQRC[A:D]".
#include "bios/acpi_dsdt.h"

#include <fmt/core.h>

namespace twin86 {
namespace {

using namespace aml;

constexpr u8 kPirqDisabled = 0x80;                             // PIRQRC bit 7: routing disabled
constexpr u8 kPresentDisabled = 0x09, kPresentEnabled = 0x0b;  // _STA
constexpr std::string_view kLinks[4] = {"LNKA", "LNKB", "LNKC", "LNKD"};
constexpr std::string_view kPirqs[4] = {"PRQA", "PRQB", "PRQC", "PRQD"};

Code isa_device(std::string_view object, std::string_view id, Terms resources) {
    return device(object, join({name("_HID", eisa_id(id)), name("_STA", integer(kPresentEnabled | 4)),
                                name("_CRS", resource_template(resources))}));
}

Code serial_port(std::string_view object, u64 uid, u16 port, unsigned irq) {
    return device(object, join({name("_HID", eisa_id("PNP0501")), name("_UID", integer(uid)),
                                name("_STA", integer(kPresentEnabled | 4)),
                                name("_CRS", resource_template({io_ports(port, 8), irq_edge(irq)}))}));
}

/// PIIX3 function 0 with its routing registers and what hangs on the ISA bus.
Code isa_bridge(const AcpiConfig& c) {
    Code body = join({name("_ADR", integer(0x00010000)), operation_region("PIRQ", RegionSpace::kPciConfig, 0x60, 4),
                      byte_field("PIRQ", {{kPirqs[0], 8}, {kPirqs[1], 8}, {kPirqs[2], 8}, {kPirqs[3], 8}}),
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

/// INTA..INTD of a slot reach PIRQ (slot - 1 + pin) mod 4. Function 3 of slot 1 raises the SCI by itself.
Code interrupt_routing(const AcpiConfig& c) {
    std::vector<Code> routes;
    for (u32 slot = 1; slot < 32; ++slot) {
        for (u32 pin = 0; pin < 4; ++pin) {
            const Code address = integer(slot << 16 | 0xffff);
            if (slot == 1 && pin == 0)
                routes.push_back(package({address, integer(pin), integer(0), integer(c.sci_irq)}));
            else
                routes.push_back(package({address, integer(pin), path(kLinks[(slot - 1 + pin) & 3]), integer(0)}));
        }
    }
    return name("_PRT", package(routes));
}

Code host_bridge_windows(const AcpiConfig& c) {
    const Code low = join({bus_numbers(0, 0xff), io_ports(0xcf8, 8), io_window(0, 0xcf7), io_window(0xd00, 0xffff),
                           memory_window32(0xa0000, 0xbffff), memory_window32(c.pci_window_first, c.pci_window_last)});
    if (c.pci_window64_first == 0) return resource_template({low});
    return resource_template({low, memory_window64(c.pci_window64_first, c.pci_window64_last)});
}

/// Ports and registers that are nobody else's, so that an operating system places nothing over them.
Code motherboard(const AcpiConfig& c) {
    return device(
        "MBRD", join({name("_HID", eisa_id("PNP0C02")), name("_UID", integer(1)),
                      name("_CRS", resource_template({io_ports(c.pm1a_event, static_cast<u8>(c.pm_end - c.pm1a_event)),
                                                      io_ports(c.smi_command, 2), io_ports(0x4d0, 2), io_ports(0x92, 1),
                                                      memory32_fixed(c.ioapic_address, 0x1000),
                                                      memory32_fixed(c.lapic_address, 0x1000)}))}));
}

Code host_bridge(const AcpiConfig& c) {
    return device("PCI0", join({name("_HID", eisa_id("PNP0A03")), name("_UID", integer(0)), name("_BBN", integer(0)),
                                name("_CRS", host_bridge_windows(c)), interrupt_routing(c), isa_bridge(c)}));
}

/// The number of a link's only interrupt lies at byte 5 of its extended interrupt descriptor (6.4.3.6).
constexpr u64 kInterruptNumber = 5;

Code link_device(unsigned n) {
    const Code pirq = path(fmt::format("\\_SB.PCI0.ISA.{}", kPirqs[n]));
    const Code status =
        join({if_then(bit_and(pirq, integer(kPirqDisabled), no_target()), return_value(integer(kPresentDisabled))),
              return_value(integer(kPresentEnabled))});
    const Code current = join({create_dword_field(path("NOW"), kInterruptNumber, "PRRI"),
                               bit_and(pirq, integer(0x0f), path("PRRI")), return_value(path("NOW"))});
    const Code set = join({create_dword_field(argument(0), kInterruptNumber, "PRRI"), store(path("PRRI"), pirq)});
    return device(kLinks[n],
                  join({name("_HID", eisa_id("PNP0C0F")), name("_UID", integer(n + 1)),
                        name("_PRS", resource_template({interrupts_level_high_shared({5, 10, 11})})),
                        name("NOW", resource_template({interrupts_level_high_shared({0})})), method("_STA", 0, status),
                        method("_DIS", 0, bit_or(pirq, integer(kPirqDisabled), pirq)), method("_CRS", 0, current, true),
                        method("_SRS", 1, set, true)}));
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
    std::vector<Code> links;
    for (unsigned n = 0; n < 4; ++n) links.push_back(link_device(n));
    const Code soft_off =
        package({integer(config.s5_sleep_type), integer(config.s5_sleep_type), integer(0), integer(0)});
    return join({scope("\\_SB",
                       join({host_bridge(config), join(links), motherboard(config), hpet(config), processors(config)})),
                 name("\\_S5", soft_off)});
}

}  // namespace twin86
