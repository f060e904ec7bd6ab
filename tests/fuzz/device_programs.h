// What a hostile driver does to one kind of device: each call is one step of a few accesses that make sense to the device, or
// nearly do.
#pragma once

#include <span>
#include <string_view>

#include "tests/fuzz/device_rig.h"

namespace twin86::fuzz {

struct DeviceProgram {
    std::string_view name;
    void (*step)(DeviceRig& rig, Random& r);
};

/// All of them.
std::span<const DeviceProgram> device_programs();

// device_accesses.cpp
void any_access(DeviceRig& rig, Random& r);
void pci_step(DeviceRig& rig, Random& r);
void pci_express_step(DeviceRig& rig, Random& r);
void indexed_step(DeviceRig& rig, Random& r);
// device_disks.cpp
void ide_step(DeviceRig& rig, Random& r);
void ahci_step(DeviceRig& rig, Random& r);
void floppy_step(DeviceRig& rig, Random& r);
// device_chips.cpp
void fw_cfg_step(DeviceRig& rig, Random& r);
void flash_step(DeviceRig& rig, Random& r);
void vga_step(DeviceRig& rig, Random& r);
void input_step(DeviceRig& rig, Random& r);
void apic_step(DeviceRig& rig, Random& r);
void timer_step(DeviceRig& rig, Random& r);
void serial_step(DeviceRig& rig, Random& r);
void test_device_step(DeviceRig& rig, Random& r);

// drive_commands.cpp
/// A command of ATA, mostly one that drives know.
u8 some_ata_command(Random& r);
/// A packet of MMC.
std::array<u8, 12> some_packet(Random& r);

}  // namespace twin86::fuzz
