// What the ACPI tables say about the machine; the wiring fills it in.
#pragma once

#include "base/types.h"

namespace twin86 {

struct AcpiConfig {
    unsigned cpus = 1;  ///< APIC ids are 0..cpus-1
    // Power management, ACPI 6.4, 4.8; the PIIX4 layout from its PMBASE on.
    u16 pm1a_event = 0x600;
    u16 pm1a_control = 0x604;
    u16 pm_timer = 0x608;
    bool pm_timer_32bit = true;
    u16 gpe0 = 0x620;
    u8 gpe0_length = 4;
    u16 pm_end = 0x640;  ///< end of the ports that pm1a_event starts
    u16 smi_command = 0xb2;
    u8 acpi_enable = 0xf1;
    u8 acpi_disable = 0xf0;
    u16 reset_port = 0xcf9;
    u8 reset_value = 0x0e;
    u8 s5_sleep_type = 0;  ///< SLP_TYP of soft-off
    // Interrupts.
    u8 sci_irq = 9;
    u32 lapic_address = 0xfee00000;
    u8 ioapic_id = 0;
    u32 ioapic_address = 0xfec00000;
    // Time.
    u32 hpet_address = 0xfed00000;  ///< 0: no HPET
    u32 hpet_block_id = 0x8086a201;
    u8 century_register = 0x32;  ///< CMOS index
    // Devices.
    bool has_8042 = true;
    bool has_floppy = false;
    bool has_com1 = true;
    bool has_com2 = false;
    bool has_vga = true;
    // Chipset. Without memory of configuration space: i440FX and PIIX; with: Q35 and ICH9.
    unsigned ecam_buses = 0;  ///< 0: none
    u32 ecam_base = 0;
    u32 root_complex_base = 0;  ///< the ICH9's configuration registers
    u64 ecam_bytes() const { return ecam_buses * MiB; }
    bool is_q35() const { return ecam_buses != 0; }
    // What the host bridge forwards to PCI, configuration space's memory among it.
    u32 pci_window_first = 0xc0000000;
    u32 pci_window_last = 0xfebfffff;
    u64 pci_window64_first = 0;  ///< 0: no window above 4 GiB
    u64 pci_window64_last = 0;
};

}  // namespace twin86
