#include "tests/fuzz/device_programs.h"

namespace twin86::fuzz {

std::span<const DeviceProgram> device_programs() {
    static constexpr DeviceProgram kPrograms[] = {
        {"any", any_access},     {"pci", pci_step}, {"pci-express", pci_express_step},       {"indexed", indexed_step}, {"ide", ide_step},      {"ahci", ahci_step},
        {"floppy", floppy_step}, {"fw-cfg", fw_cfg_step}, {"flash", flash_step},     {"vga", vga_step},      {"input", input_step},
        {"apic", apic_step},     {"timer", timer_step},   {"serial", serial_step},   {"test", test_device_step},
    };
    return kPrograms;
}

}  // namespace twin86::fuzz
