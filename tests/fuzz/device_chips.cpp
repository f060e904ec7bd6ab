// Chips that are driven by a few registers: firmware's, the display's, interrupts', timers'.
#include "devices/display/standard_modes.h"
#include "tests/fuzz/device_programs.h"
#include "tests/fuzz/device_values.h"

namespace twin86::fuzz {

namespace {

/// One byte at a port.
void poke(DeviceRig& rig, IoPort port, u64 value) {
    rig.out(port, 1, static_cast<u32>(value & 0xff));
}

u16 some_item(Random& r) {
    return static_cast<u16>(r.chance(900) ? r.below(0x28) : r.next());
}

void set_vbe(DeviceRig& rig, u32 index, u64 value) {
    rig.out(0x1ce, 2, index);
    rig.out(0x1cf, 2, static_cast<u32>(value & 0xffff));
}

void set_vbe_mode(DeviceRig& rig, Random& r) {
    set_vbe(rig, 4, 0);
    set_vbe(rig, 1, r.chance(900) ? 8 * r.below(200) : r.next());
    set_vbe(rig, 2, r.chance(900) ? r.below(1300) : r.next());
    set_vbe(rig, 3, r.chance(900) ? r.pick<u64>({4, 8, 15, 16, 24, 32}) : r.next());
    set_vbe(rig, 4, r.pick<u64>({0x41, 0x01, 0xc1, 0x61}));
    for (const u32 index : {5u, 6u, 8u, 9u})
        if (r.chance(400)) set_vbe(rig, index, some_value(r));
}

/// Sequencer, CRTC, graphics and attribute controllers of a standard mode, some of them changed.
void set_vga_mode(DeviceRig& rig, Random& r) {
    const u8 mode = r.pick<u8>({0x00, 0x01, 0x03, 0x04, 0x06, 0x07, 0x0d, 0x0e, 0x10, 0x11, 0x12, 0x13});
    const StandardMode* m = find_standard_mode(mode);
    if (m != nullptr) set_standard_mode(rig.vga().registers(), *m);
    for (u64 n = r.below(6); n-- > 0;) indexed_step(rig, r);
}

constexpr Gpa kLapicBase = 0xfee00000, kIoApicBase = 0xfec00000;

void ioapic_access(DeviceRig& rig, Random& r) {
    rig.write(kIoApicBase, 4, r.chance(950) ? r.below(0x40) : r.next());
    if (r.chance(200)) rig.read(kIoApicBase + 0x10, 4);
    else rig.write(kIoApicBase + 0x10, 4, r.chance(500) ? r.below(0x20000) : some_value(r));
    if (r.chance(200)) rig.write(kIoApicBase + 0x40, 4, r.below(256));
}

/// Where other devices are.
Gpa some_window(Random& r) {
    constexpr Gpa kHpet = 0xfed00000, kPciMemory = 0xc0000000, kVideo = 0xa0000;
    return r.pick<Gpa>({kIoApicBase, kHpet, kPciMemory, kVideo, 0});
}

void lapic_msr(DeviceRig& rig, Random& r) {
    Lapic& lapic = rig.board().lapic();
    u64 value = 0;
    const u32 index = 0x800 + static_cast<u32>(r.below(0x40));
    switch (r.below(5)) {
        case 0:
            lapic.write_apic_base(r.chance(800) ? (r.chance(800) ? kLapicBase : some_window(r)) | r.below(8) << 9 | 0x100 : some_value(r));
            return;
        case 1:
            return lapic.write_tsc_deadline(r.chance(700) ? rig.now_ns() * 2 + r.below(1000000) : some_value(r));
        case 2:
            lapic.read_msr(index, value);
            return;
        case 3:
            return lapic.set_cr8(static_cast<u8>(r.below(16)));
        default:
            lapic.write_msr(index, some_value(r));
    }
}

}  // namespace

void fw_cfg_step(DeviceRig& rig, Random& r) {
    if (r.chance(300)) {
        rig.out(0x510, 2, some_item(r));
        for (u64 n = r.below(100); n-- > 0;) rig.in(0x511, 1);
        return;
    }
    Structure descriptor(16);
    descriptor.set_big_endian(0, 4, u32{some_item(r)} << 16 | (r.chance(950) ? r.pick<u32>({2, 4, 8, 10, 12, 16, 24}) : r.next() & 0xffff));
    descriptor.set_big_endian(4, 4, r.chance(700) ? r.below(20000) : some_value(r));
    descriptor.set_big_endian(8, 8, some_address(r));
    const Gpa at = r.chance(900) ? some_place(r, 4) : some_address(r);
    rig.put(at, descriptor.bytes());
    rig.out(0x514, 4, __builtin_bswap32(static_cast<u32>(at >> 32)));
    rig.out(0x518, 4, __builtin_bswap32(static_cast<u32>(at)));
}

/// Intel 28F128J3, table 14: command, then what it wants.
void flash_step(DeviceRig& rig, Random& r) {
    const Gpa at = rig.flash_base() + r.below(4 * GiB - rig.flash_base());
    const u8 command = r.pick<u8>({0x10, 0x40, 0x20, 0xe8, 0x50, 0x60, 0x70, 0x90, 0x98, 0xd0, 0xff, 0x01, 0x00});
    rig.write(at, 1, r.chance(950) ? command : r.next() & 0xff);
    const u64 count = r.below(34);
    if (command == 0xe8) rig.write(at, 1, count);
    for (u64 n = command == 0xe8 ? count + 1 : r.below(2); n-- > 0;) rig.write(at + n, r.chance(950) ? 1 : 4, some_value(r));
    if (r.chance(700)) rig.write(at, 1, r.pick<u64>({0xd0, 0xff, 0x01}));
    rig.read(at, some_size(r, 8));
}

void vga_step(DeviceRig& rig, Random& r) {
    switch (r.below(8)) {
        case 0:
            return set_vbe_mode(rig, r);
        case 1:
            return set_vga_mode(rig, r);
        case 2:
            return set_vbe(rig, static_cast<u32>(r.below(12)), some_value(r));
        case 3:
            if (r.chance(100)) rig.look_at_screen();
            return;
        case 4:
        case 5:
            for (u64 n = r.below(30), at = r.below(0x20000); n-- > 0; ++at) {
                if (r.chance(300)) rig.read(0xa0000 + at, some_size(r, 8));
                else rig.write(0xa0000 + at, some_size(r, 8), r.next());
            }
            return;
        default:
            return indexed_step(rig, r);
    }
}

void input_step(DeviceRig& rig, Random& r) {
    if (r.chance(200)) return rig.type_and_point(r);
    if (r.chance(300)) return void(rig.in(r.chance(700) ? 0x60 : 0x64, 1));
    poke(rig, 0x64, r.chance(900) ? r.pick<u64>({0x20, 0x60, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xad, 0xae, 0xc0, 0xc1, 0xc2, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd4, 0xd4}) : r.next());
    poke(rig, 0x60, r.chance(800) ? 0xe6 + r.below(26) : r.next());
    if (r.chance(500)) poke(rig, 0x60, r.below(256));
}

void apic_step(DeviceRig& rig, Random& r) {
    switch (r.below(6)) {
        case 0:
            return ioapic_access(rig, r);
        case 1:
            return lapic_msr(rig, r);
        case 2:
            return poke(rig, r.pick<IoPort>({0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1}), some_value(r));
        case 3:
            return rig.take_interrupt();
        case 4:
            rig.read(kLapicBase + 16 * r.below(0x40), 4);
            return;
        default:
            return rig.write(kLapicBase + 16 * r.below(0x40), 4, r.chance(500) ? r.below(0x80000) : some_value(r));
    }
}

/// PIT, HPET, RTC, PM timer.
void timer_step(DeviceRig& rig, Random& r) {
    constexpr Gpa kHpetBase = 0xfed00000;
    switch (r.below(5)) {
        case 0:
            poke(rig, 0x43, r.next());
            return poke(rig, static_cast<IoPort>(0x40 + r.below(3)), r.below(8) == 0 ? r.next() : r.below(3));
        case 1:
            return poke(rig, 0x61, r.next());
        case 2:
            poke(rig, 0x70, r.below(16));
            return poke(rig, 0x71, r.chance(500) ? r.below(0x60) : r.next());
        case 3:
            return rig.write(kHpetBase + 8 * r.below(0x40), r.chance(500) ? 4 : 8, r.chance(500) ? r.below(0x200) : some_value(r));
        default:
            return rig.pass_time(r.below(200) == 0 ? r.below(100'000'000'000) : u64{1} << r.below(27));
    }
}

void serial_step(DeviceRig& rig, Random& r) {
    if (r.chance(200)) return rig.send_to_lines(r);
    const IoPort port = static_cast<IoPort>(r.pick<IoPort>({0x3f8, 0x2f8, 0x3e8, 0x2e8}) + r.below(8));
    if (r.chance(400)) rig.in(port, 1);
    else poke(rig, port, some_value(r));
}

/// edu, pci-testdev, pc-testdev, debug console.
void test_device_step(DeviceRig& rig, Random& r) {
    for (u8 devfn = 0x18; devfn < 0x28; devfn += 8) {
        const PciDevice* device = rig.board().pci().at(devfn);
        const auto base = device == nullptr ? std::nullopt : device->bar_base(0);
        if (!base || r.chance(400)) continue;
        const u64 offset = r.chance(800) ? r.below(0x100) & ~u64{3} : r.below(device->bar(0).size);
        if (r.chance(300)) rig.read(*base + offset, some_size(r, 8));
        else rig.write(*base + offset, r.chance(700) ? 4 : some_size(r, 8), r.chance(300) ? 0x40000 + r.below(0x1010) : some_value(r));
    }
    if (r.chance(300)) rig.out(static_cast<IoPort>(0x2000 + r.below(24)), some_size(r, 4), static_cast<u32>(some_value(r)));
    if (r.chance(300)) rig.out(static_cast<IoPort>(0xe0 + r.below(8)), some_size(r, 4), static_cast<u32>(some_value(r)));
}

}  // namespace twin86::fuzz
