// An IDE channel with a disk or a CD-ROM drive, RAM for its bus master, and what a driver does with them.
#pragma once

#include <cstring>

#include "tests/unit/devices_block/disk_file.h"
#include "tests/unit/devices_block/manual_work.h"
#include "devices/ata/ata_disk.h"
#include "devices/ata/atapi_cdrom.h"
#include "devices/ata/ide_channel.h"

namespace twin86 {

struct RigRam : DmaView {
    bool inside(Gpa address, std::size_t n) const { return address <= bytes.size() && n <= bytes.size() - address; }
    bool dma_read(Gpa address, std::span<u8> to) override {
        if (!inside(address, to.size())) return false;
        std::memcpy(to.data(), &bytes[address], to.size());
        return true;
    }
    bool dma_write(Gpa address, std::span<const u8> from) override {
        if (!inside(address, from.size())) return false;
        std::memcpy(&bytes[address], from.data(), from.size());
        return true;
    }
    std::vector<u8> bytes = std::vector<u8>(1 * MiB, 0);
};

struct RigIrq : IrqSink {
    void set_level(unsigned, bool now) override { level = now; }
    bool level = false;
};

inline std::vector<u8> pattern(std::size_t size) {
    std::vector<u8> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<u8>(i * 7 + i / 512);
    return bytes;
}

/// What is left behind the first bytes.
inline std::vector<u8> without(std::vector<u8> bytes, long first) {
    bytes.erase(bytes.begin(), bytes.begin() + first);
    return bytes;
}

struct IdeRig {
    explicit IdeRig(const std::vector<u8>& content, bool cdrom = false, bool read_only = false) : file(content) {
        if (cdrom) {
            auto drive = std::make_unique<AtapiCdrom>("SERIAL");
            cd = drive.get();
            drive->change_medium(open(true));
            channel.plug(0, std::move(drive));
        } else {
            channel.plug(0, std::make_unique<AtaDisk>(open(read_only), "SERIAL"));
        }
    }
    std::unique_ptr<BlockQueue> open(bool read_only) {
        return std::make_unique<BlockQueue>(open_raw_image({file.path(), read_only, false}).take(), work);
    }

    void out(u16 reg, u32 value) { channel.command_ports().io_write(reg, 1, value); }
    u8 in(u16 reg) { return static_cast<u8>(channel.command_ports().io_read(reg, 1)); }
    u8 alternate_status() { return static_cast<u8>(channel.control_port().io_read(0, 1)); }
    u8 wait() {
        work.run_until([this] { return (alternate_status() & ata::kBusy) == 0; });
        return alternate_status();
    }
    void address(u64 lba, u16 count, bool ext) {
        if (ext) {
            out(ata::kSectorCount, count >> 8);
            out(ata::kLbaLow, static_cast<u8>(lba >> 24));
            out(ata::kLbaMid, static_cast<u8>(lba >> 32));
            out(ata::kLbaHigh, static_cast<u8>(lba >> 40));
        }
        out(ata::kSectorCount, count & 0xff);
        out(ata::kLbaLow, static_cast<u8>(lba));
        out(ata::kLbaMid, static_cast<u8>(lba >> 8));
        out(ata::kLbaHigh, static_cast<u8>(lba >> 16));
        out(ata::kDeviceReg, ata::kLbaMode | (ext ? 0 : lba >> 24 & 15));
    }
    void command(u8 value) { out(ata::kStatusCommand, value); }

    std::vector<u8> read_data(std::size_t bytes) {
        std::vector<u8> data;
        while (data.size() < bytes) {
            const u32 word = channel.command_ports().io_read(0, 2);
            data.push_back(static_cast<u8>(word));
            data.push_back(static_cast<u8>(word >> 8));
        }
        return data;
    }
    void write_data(std::span<const u8> data) {
        for (std::size_t i = 0; i < data.size(); i += 2)
            channel.command_ports().io_write(0, 2, data[i] | static_cast<u32>(data[i + 1]) << 8);
    }
    /// Descriptors at 0x100; starts the engine.
    void start_master(const std::vector<std::pair<u32, u16>>& regions, bool to_memory) {
        for (std::size_t i = 0; i < regions.size(); ++i) {
            const u32 entry[2] = {regions[i].first, regions[i].second | (i + 1 == regions.size() ? 0x80000000u : 0)};
            std::memcpy(&ram.bytes[0x100 + i * 8], entry, 8);
        }
        channel.write_bus_master(2, 0x06);
        for (u16 i = 0; i < 4; ++i) channel.write_bus_master(static_cast<u16>(4 + i), static_cast<u8>(0x100u >> 8 * i));
        channel.write_bus_master(0, to_memory ? 0x08 : 0x00);
        channel.write_bus_master(0, to_memory ? 0x09 : 0x01);
    }
    /// Something that looks like a packet to a CD-ROM drive, and like data to a disk.
    void packet_bytes(u32 opcode, u32 argument) {
        std::vector<u8> cdb(12);
        cdb[0] = static_cast<u8>(opcode);
        for (std::size_t i = 1; i < cdb.size(); ++i) cdb[i] = static_cast<u8>(argument >> i);
        write_data(cdb);
    }
    u8 master_status() { return channel.read_bus_master(2); }

    /// A packet with answer by PIO; what came, until the drive wants no more.
    std::vector<u8> packet(std::vector<u8> cdb, u16 limit = 0xfffe) {
        cdb.resize(12);
        out(ata::kErrorFeatures, 0);
        out(ata::kLbaMid, limit & 0xff);
        out(ata::kLbaHigh, limit >> 8);
        command(ata::kPacket);
        write_data(cdb);
        std::vector<u8> all;
        while ((wait() & ata::kDataRequest) != 0) {
            const std::size_t n = in(ata::kLbaMid) | static_cast<std::size_t>(in(ata::kLbaHigh)) << 8;
            std::vector<u8> piece = read_data((n + 1) / 2 * 2);
            all.insert(all.end(), piece.begin(), piece.begin() + static_cast<long>(n));
        }
        return all;
    }

    DiskFile file;
    ManualWork work;
    RigRam ram;
    RigIrq irq;
    bool may_master = true;
    AtapiCdrom* cd = nullptr;
    IdeChannel channel{"ide0", IrqLine(irq, 14), ram, [this] { return may_master; }};
};

}  // namespace twin86
