// Disk controllers: commands with descriptors in guest RAM.
#include "machine/pc/layout.h"
#include "tests/fuzz/device_programs.h"
#include "tests/fuzz/device_values.h"

namespace twin86::fuzz {

namespace {

// ---- IDE: ATA/ATAPI-7 volume 2; bus master 1.0

/// Descriptors: address, count, end of table.
Gpa put_ide_table(DeviceRig& rig, Random& r) {
    const Gpa at = some_place(r, 4);
    const unsigned entries = 1 + static_cast<unsigned>(r.below(6));
    Structure table(entries * 8);
    for (unsigned n = 0; n < entries; ++n) {
        table.set(n * 8, 4, some_address(r));
        table.set(n * 8 + 4, 2, r.chance(700) ? 512 * r.below(128) : some_value(r));
        table.set(n * 8 + 6, 2, n + 1 == entries && r.chance(900) ? 0x8000 : 0);
    }
    rig.put(at, table.bytes());
    return at;
}

struct IdePorts {
    IoPort command, control;
    std::optional<IoPort> master;
};

IdePorts ide_ports(DeviceRig& rig, u64 channel) {
    const Piix3Ide* const ide = rig.board().chipset().ide();
    const auto bar = ide != nullptr ? ide->bar_base(4) : std::nullopt;
    return {pc::kIdeCommand[channel], pc::kIdeControl[channel], bar ? std::optional(static_cast<IoPort>(*bar + 8 * channel)) : std::nullopt};
}

void start_master(DeviceRig& rig, Random& r, const IdePorts& ports) {
    if (!ports.master) return;
    rig.out(static_cast<IoPort>(*ports.master + 4), 4, static_cast<u32>(r.chance(950) ? put_ide_table(rig, r) : some_address(r)));
    rig.out(static_cast<IoPort>(*ports.master + 2), 1, 6);
    rig.out(*ports.master, 1, r.chance(500) ? 9 : 1);
}

void ide_command(DeviceRig& rig, Random& r, const IdePorts& ports) {
    const auto reg = [&](unsigned n, u64 value) { rig.out(static_cast<IoPort>(ports.command + n), 1, static_cast<u32>(value & 0xff)); };
    reg(6, 0xa0 | (r.chance(500) ? 0x10 : 0) | (r.chance(800) ? 0x40 : 0));
    for (unsigned n = 1; n < 6; ++n)
        for (u64 twice = r.below(3); twice-- > 0;) reg(n, r.chance(500) ? r.below(20) : some_value(r));
    if (r.chance(500)) start_master(rig, r, ports);
    reg(7, some_ata_command(r));
}

void move_ide_data(DeviceRig& rig, Random& r, const IdePorts& ports) {
    const unsigned size = some_size(r, 4);
    for (u64 n = r.below(600); n-- > 0;) {
        if (r.chance(500)) rig.in(ports.command, size);
        else rig.out(ports.command, size, static_cast<u32>(some_value(r)));
    }
}

void send_packet(DeviceRig& rig, Random& r, const IdePorts& ports) {
    const std::array<u8, 12> packet = some_packet(r);
    rig.out(static_cast<IoPort>(ports.command + 7), 1, 0xa0);
    for (unsigned n = 0; n < packet.size(); n += 2) rig.out(ports.command, 2, packet[n] | u32{packet[n + 1]} << 8);
}

// ---- AHCI 1.3.1

/// A register FIS from the host with a command, or what looks like one.
void put_command_fis(Structure& table, Random& r, u8 command) {
    table.set(0, 1, r.chance(980) ? 0x27 : r.next());
    table.set(1, 1, r.chance(900) ? 0x80 : r.next());
    table.set(2, 1, command);
    for (std::size_t n = 3; n < 14; ++n) table.set(n, 1, r.chance(600) ? r.below(4) : r.next());
    table.set(7, 1, r.chance(900) ? 0x40 : r.next());
    table.set(15, 1, r.chance(900) ? 0 : some_value(r));
}

Gpa put_command_table(DeviceRig& rig, Random& r, u8 command, unsigned regions) {
    Structure table(0x80 + 16 * regions);
    put_command_fis(table, r, command);
    const std::array<u8, 12> packet = some_packet(r);
    for (std::size_t n = 0; n < packet.size(); ++n) table.set(0x40 + n, 1, packet[n]);
    for (unsigned n = 0; n < regions; ++n) {
        table.set(0x80 + 16 * n, 8, some_address(r));
        table.set(0x80 + 16 * n + 12, 4, r.chance(800) ? 512 * r.below(64) - 1 : some_value(r));
    }
    const Gpa at = r.chance(980) ? some_place(r, 128) : some_address(r);
    rig.put(at, table.bytes());
    return at;
}

void put_command_header(DeviceRig& rig, Random& r, Gpa list, unsigned slot) {
    const u8 command = some_ata_command(r);
    const unsigned regions = static_cast<unsigned>(r.below(8));
    const Gpa table = put_command_table(rig, r, command, regions);
    Structure header(32);
    header.set(0, 2, r.chance(900) ? 5u | (command == 0xa0 ? 0x20u : 0u) | (r.chance(400) ? 0x40u : 0u) : r.next());
    header.set(2, 2, r.chance(950) ? regions : r.next());
    header.set(8, 8, table);
    rig.put(list + slot * 32, header.bytes());
}

enum AhciRegister : u32 { kList = 0x00, kFis = 0x08, kStatus = 0x10, kEnable = 0x14, kCommand = 0x18, kControl = 0x2c, kErrors = 0x30, kIssue = 0x38 };

struct AhciPortAccess {
    DeviceRig& rig;
    Gpa base;
    void set(u32 offset, u64 value) const { rig.write(base + offset, 4, value & 0xffffffff); }
    u64 get(u32 offset) const { return rig.read(base + offset, 4); }
};

/// Lists of several ports may be the same: the case may say so.
void issue_commands(const AhciPortAccess& port, Random& r) {
    const Gpa list = r.chance(970) ? some_place(r, 1024) : some_address(r);
    u32 slots = 0;
    for (u64 n = 1 + r.below(3); n-- > 0;) {
        const unsigned slot = static_cast<unsigned>(r.below(32));
        put_command_header(port.rig, r, list, slot);
        slots |= 1u << slot;
    }
    const Gpa received = r.chance(970) ? some_place(r, 256) : some_address(r);
    for (const auto& [offset, value] : {std::pair{kList, list}, std::pair{kFis, received}}) {
        port.set(offset, value);
        port.set(offset + 4, value >> 32);
    }
    port.set(kEnable, ~0u);
    port.set(kCommand, r.chance(950) ? 0x11 : r.next());
    port.set(kIssue, r.chance(950) ? slots : r.next());
}

void ahci_registers(const AhciPortAccess& port, Random& r) {
    switch (r.below(6)) {
        case 0:
            return port.set(kControl, r.chance(700) ? r.below(5) : r.next());
        case 1:
            return port.set(kCommand, r.chance(500) ? 0x10 : r.next());
        case 2:
            port.set(kStatus, ~0u);
            return port.set(kErrors, ~0u);
        case 3:
            return port.set(kIssue, r.next());
        case 4:
            port.get(static_cast<u32>(r.below(0x80)) & ~3u);
            return;
        default:
            return port.set(static_cast<u32>(r.below(0x80)) & ~3u, some_value(r));
    }
}

// ---- floppy: 82077AA with channel 2 of the 8237A

void program_dma(DeviceRig& rig, Random& r) {
    const Gpa at = some_address(r);
    const u32 count = static_cast<u32>(r.chance(700) ? 512 * r.below(40) - 1 : r.next());
    rig.out(0x0a, 1, 6);
    rig.out(0x0b, 1, r.chance(900) ? r.pick<u32>({0x46, 0x4a, 0x42, 0x56, 0x66}) : static_cast<u32>(r.next() & 0xff));
    rig.out(0x0c, 1, 0);
    for (const u64 byte : {at, at >> 8}) rig.out(0x04, 1, byte & 0xff);
    for (const u32 byte : {count, count >> 8}) rig.out(0x05, 1, byte & 0xff);
    rig.out(0x81, 1, static_cast<u32>(at >> 16 & 0xff));
    rig.out(0x0a, 1, 2);
}

void floppy_command(DeviceRig& rig, Random& r) {
    constexpr u8 kFloppyCommands[] = {0x03, 0x04, 0xc5, 0xe6, 0x46, 0x45, 0x07, 0x08, 0x49, 0x4a, 0x4c, 0x4d,
                                      0x0e, 0x0f, 0x10, 0x12, 0x13, 0x14, 0x94, 0x16, 0x18, 0x8f, 0xcf};
    rig.out(0x3f5, 1, r.chance(970) ? kFloppyCommands[r.below(std::size(kFloppyCommands))] : static_cast<u32>(r.next() & 0xff));
    const u8 bytes[] = {static_cast<u8>(r.below(4) | (r.chance(400) ? 4 : 0)), static_cast<u8>(r.below(3)), static_cast<u8>(r.below(2)),
                        static_cast<u8>(1 + r.below(18)), 2, static_cast<u8>(1 + r.below(19)), 0x1b, 0xff};
    for (u64 n = 0, end = r.below(10); n < end && n < std::size(bytes); ++n)
        rig.out(0x3f5, 1, r.chance(950) ? bytes[n] : static_cast<u32>(r.next() & 0xff));
}

}  // namespace

void ide_step(DeviceRig& rig, Random& r) {
    const IdePorts ports = ide_ports(rig, r.below(2));
    switch (r.below(8)) {
        case 0:
            return rig.out(ports.control, 1, r.chance(500) ? 0 : static_cast<u32>(r.next() & 0xff));
        case 1:
            return start_master(rig, r, ports);
        case 2:
            return move_ide_data(rig, r, ports);
        case 3:
            return send_packet(rig, r, ports);
        case 4:
            rig.in(static_cast<IoPort>(ports.command + r.below(8)), 1);
            return;
        default:
            return ide_command(rig, r, ports);
    }
}

void ahci_step(DeviceRig& rig, Random& r) {
    const auto base = rig.adapter(r.below(DeviceRig::kAdapters)).bar_base(5);
    if (!base) return pci_step(rig, r);
    if (r.chance(50)) return rig.write(*base + 4 * r.below(12), 4, r.chance(500) ? 0x80000002 : some_value(r));
    const AhciPortAccess port{rig, *base + 0x100 + 0x80 * r.below(AhciController::kPorts)};
    if (r.chance(600)) issue_commands(port, r);
    else ahci_registers(port, r);
}

void floppy_step(DeviceRig& rig, Random& r) {
    switch (r.below(8)) {
        case 0:
            return rig.out(0x3f2, 1, r.chance(900) ? 0x3c | static_cast<u32>(r.below(4)) : static_cast<u32>(r.next() & 0xff));
        case 1:
        case 2:
            return program_dma(rig, r);
        case 3:
            for (int n = 0; n < 10; ++n) rig.in(0x3f5, 1);
            return;
        case 4:
            return rig.out(static_cast<IoPort>(0x3f0 + r.below(8)), 1, static_cast<u32>(r.next() & 0xff));
        default:
            return floppy_command(rig, r);
    }
}

}  // namespace twin86::fuzz
