// PIRQ registers: Intel 82371SB (PIIX3), 2.2.6 "PIRQRC[A:D]"; Intel 316972 (ICH9), 13.1 "PIRQ[n]_ROUT".
#include "bios/acpi_pci_routing.h"

#include <fmt/core.h>

namespace twin86 {
namespace {

using namespace aml;

constexpr u8 kPirqDisabled = 0x80;                             // bit 7 of a register: routing disabled
constexpr u8 kPresentDisabled = 0x09, kPresentEnabled = 0x0b;  // _STA
constexpr std::string_view kLinks[] = {"LNKA", "LNKB", "LNKC", "LNKD", "LNKE", "LNKF", "LNKG", "LNKH"};
constexpr std::string_view kPirqs[] = {"PRQA", "PRQB", "PRQC", "PRQD", "PRQE", "PRQF", "PRQG", "PRQH"};
constexpr unsigned kSlots = 32, kPins = 4, kFirstSlotOfIch9 = 25, kFirstPirqGsi = 16;
constexpr std::string_view kUsesApic = "PICF";

unsigned link_count(const AcpiConfig& c) {
    return c.is_q35() ? 8 : 4;
}

/// On the 440FX INTA..INTD (0-3) of a slot reach PIRQ (slot - 1 + pin) mod 4; on the Q35 E to H in the same way but for
/// the ICH9's own slots, whose routing registers nobody changes.
unsigned pirq_of(const AcpiConfig& c, u32 slot, u32 pin) {
    if (!c.is_q35()) return (slot - 1 + pin) & 3;
    return slot < kFirstSlotOfIch9 ? 4 + ((slot + pin) & 3) : pin;
}

Code route(u32 slot, u32 pin, const Code& source, u32 index) {
    return package({integer(slot << 16 | 0xffff), integer(pin), source, integer(index)});
}

template <class Route>
Code routing_table(Route&& route_of) {
    std::vector<Code> routes;
    for (u32 slot = 1; slot < kSlots; ++slot)
        for (u32 pin = 0; pin < kPins; ++pin) routes.push_back(route_of(slot, pin));
    return package(routes);
}

/// Function 3 of the PIIX's slot raises the SCI by itself.
Code table_by_links(const AcpiConfig& c) {
    return routing_table([&](u32 slot, u32 pin) {
        if (!c.is_q35() && slot == 1 && pin == 0) return route(slot, pin, integer(0), c.sci_irq);
        return route(slot, pin, path(kLinks[pirq_of(c, slot, pin)]), 0);
    });
}

Code table_by_gsis(const AcpiConfig& c) {
    return routing_table(
        [&](u32 slot, u32 pin) { return route(slot, pin, integer(0), kFirstPirqGsi + pirq_of(c, slot, pin)); });
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

}  // namespace

Code pirq_registers(const AcpiConfig& c) {
    if (!c.is_q35())
        return join({operation_region("PIRQ", RegionSpace::kPciConfig, 0x60, 4),
                     byte_field("PIRQ", {{kPirqs[0], 8}, {kPirqs[1], 8}, {kPirqs[2], 8}, {kPirqs[3], 8}})});
    return join({operation_region("PIRQ", RegionSpace::kPciConfig, 0x60, 12), byte_field("PIRQ", {{kPirqs[0], 8},
                                                                                                  {kPirqs[1], 8},
                                                                                                  {kPirqs[2], 8},
                                                                                                  {kPirqs[3], 8},
                                                                                                  {"", 32},
                                                                                                  {kPirqs[4], 8},
                                                                                                  {kPirqs[5], 8},
                                                                                                  {kPirqs[6], 8},
                                                                                                  {kPirqs[7], 8}})});
}

/// The ICH9's PIRQs have pins of their own at the I/O APIC.
Code interrupt_routing(const AcpiConfig& c) {
    if (!c.is_q35()) return name("_PRT", table_by_links(c));
    const Code body = join({if_then(path(kUsesApic), return_value(path("PRTA"))), return_value(path("PRTP"))});
    return join({name("PRTP", table_by_links(c)), name("PRTA", table_by_gsis(c)), method("_PRT", 0, body)});
}

Code interrupt_links(const AcpiConfig& c) {
    std::vector<Code> links;
    for (unsigned n = 0; n < link_count(c); ++n) links.push_back(link_device(n));
    return join(links);
}

Code interrupt_model(const AcpiConfig& c) {
    if (!c.is_q35()) return {};
    return join({name(kUsesApic, integer(0)), method("_PIC", 1, store(argument(0), path(kUsesApic)))});
}

}  // namespace twin86
