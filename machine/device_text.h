// What the monitor's info topics about devices print.
#pragma once

#include <string>
#include <vector>

#include "devices/irq/gsi_router.h"
#include "devices/irq/ioapic.h"
#include "devices/irq/pic_8259.h"
#include "devices/pci/pci_bus.h"
#include "machine/pc/display.h"

namespace twin86 {

/// Each function with identity, interrupt, base address registers and where they are decoded.
/// The functions of a bus with this number, and of those behind its bridges.
std::string pci_text(const PciBus& bus, unsigned number = 0);
std::string irq_counts_text(const GsiRouter& gsi);
std::string interrupt_controllers_text(const PicPair& pic, const IoApic& ioapic);
std::string device_list_text(const std::vector<Device*>& devices);
std::string display_text(pc::Display& display);

}  // namespace twin86
