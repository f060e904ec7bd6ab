// Accesses that need no knowledge of a device: any register of any mapping, configuration space, index and data ports.
#include <algorithm>

#include "tests/fuzz/device_programs.h"
#include "tests/fuzz/device_values.h"

namespace twin86::fuzz {

namespace {

/// Registers lie at the start, or at the end, or anywhere.
u64 some_offset(Random& r, u64 size) {
    switch (r.below(4)) {
        case 0:
            return r.below(size);
        case 1:
            return size - 1 - r.below(std::min<u64>(size, 16));
        default:
            return r.below(std::min<u64>(size, 0x400)) & ~u64{r.chance(900) ? 3u : 0u};
    }
}

void any_port(DeviceRig& rig, Random& r) {
    std::vector<BusRange> ranges = rig.io().ranges();
    std::ranges::sort(ranges, {}, &BusRange::base);  // they come in the order in which they were mapped
    const BusRange& range = ranges[r.below(ranges.size())];
    const IoPort port = static_cast<IoPort>(r.chance(980) ? range.base + r.below(range.size) : r.next());
    const unsigned size = some_size(r, 4);
    for (u64 n = r.chance(50) ? r.below(600) : 1; n > 0; --n) {
        if (r.chance(400)) rig.in(port, size);
        else rig.out(port, size, static_cast<u32>(some_value(r)));
    }
}

void any_memory(DeviceRig& rig, Random& r) {
    const std::vector<BusRange> ranges = rig.mmio().ranges();
    const BusRange& range = ranges[r.below(ranges.size())];
    const Gpa address = r.chance(950) ? range.base + some_offset(r, range.size) : some_address(r);
    const unsigned size = r.chance(900) ? some_size(r, 8) : 1 + static_cast<unsigned>(r.below(8));
    if (r.chance(400)) rig.read(address, size);
    else rig.write(address, size, some_value(r));
}

/// Where firmware, operating systems and hostile drivers put base registers.
u32 some_base(Random& r) {
    switch (r.below(5)) {
        case 0:
            return ~0u;
        case 1:
            return static_cast<u32>(some_value(r));
        case 2:
            return 0xc0000000 + static_cast<u32>(r.below(64)) * 0x100000;
        case 3:
            return 0xc000 + static_cast<u32>(r.below(64)) * 0x20;
        default:
            return 0x80000000 | static_cast<u32>(r.next());
    }
}

u8 some_function(DeviceRig& rig, Random& r) {
    for (int n = 0; n < 100; ++n) {
        const u8 devfn = static_cast<u8>(r.chance(700) ? r.below(0x60) : 0xf8 + r.below(8));
        if (rig.board().pci().at(devfn) != nullptr) return devfn;
    }
    return static_cast<u8>(r.next());
}

constexpr IoPort kConfigAddress = 0xcf8, kConfigData = 0xcfc;

void select_register(DeviceRig& rig, Random& r, u8 devfn, u32 offset) {
    const u32 bus = r.chance(20) ? static_cast<u32>(r.below(256)) << 16 : 0;
    rig.out(kConfigAddress, 4, 0x80000000 | bus | u32{devfn} << 8 | (offset & 0xfc));
}

}  // namespace

void any_access(DeviceRig& rig, Random& r) {
    if (r.chance(500)) any_port(rig, r);
    else any_memory(rig, r);
}

void pci_step(DeviceRig& rig, Random& r) {
    const u8 devfn = some_function(rig, r);
    const u32 offset = static_cast<u32>(r.chance(600) ? kPciBar0 + 4 * r.below(7) : r.below(256));
    select_register(rig, r, devfn, offset);
    const IoPort data = static_cast<IoPort>(kConfigData + (offset & 3));
    if (r.chance(200)) rig.in(data, some_size(r, 4));
    else if (r.chance(600)) rig.out(kConfigData, 4, some_base(r));
    else rig.out(data, some_size(r, 4), static_cast<u32>(some_value(r)));
    if (!r.chance(400)) return;
    select_register(rig, r, devfn, kPciCommand);
    rig.out(kConfigData, 2, r.chance(700) ? 7 : static_cast<u32>(r.next()));
}

/// Functions behind root ports, and what the ports let through; a q35 has them. By memory, which may not be there.
void pci_express_step(DeviceRig& rig, Random& r) {
    constexpr Gpa kEcam = 0xb0000000;
    const auto& ports = rig.board().pci().bridges();
    if (ports.empty()) return pci_step(rig, r);
    const u8 devfn = rig.board().pci().devfn_of(*ports[r.below(ports.size())]);
    const bool behind = r.chance(400);
    const Gpa function = kEcam + (behind ? r.below(4) << 20 : u64{devfn} << 12);
    const u64 offset = behind ? (r.chance(700) ? kPciBar0 + 4 * r.below(6) : r.below(0x1000)) : 0x04 + r.below(0x80);
    const unsigned size = r.chance(900) ? 4 : some_size(r, 8);
    if (r.chance(200)) rig.read(function + offset, size);
    else if (r.chance(500)) rig.write(function + (offset & ~u64{3}), 4, some_base(r));
    else rig.write(function + offset, size, some_value(r));
    if (r.chance(500)) rig.write(function + kPciCommand, 2, 7);
}

/// VGA, RTC, VBE and others have a port that says which register the next one is.
void indexed_step(DeviceRig& rig, Random& r) {
    const IoPort index = r.pick<IoPort>({0x70, 0x72, 0x3c4, 0x3ce, 0x3d4, 0x3b4, 0x3c0, 0x1ce, 0x510});
    const unsigned size = index == 0x1ce || index == 0x510 ? 2 : 1;
    rig.out(index, size, static_cast<u32>(r.chance(900) ? r.below(0x30) : r.next()));
    const IoPort data = static_cast<IoPort>(index == 0x3c0 ? index : index + 1);
    if (r.chance(300)) rig.in(data, size);
    else rig.out(data, size, static_cast<u32>(some_value(r)));
    if (index == 0x3c0 && r.chance(500)) rig.in(0x3da, 1);
}

}  // namespace twin86::fuzz
