// Cells 0x10-0x31 as in IBM's PC AT technical reference; 0x34 on and the boot order as SeaBIOS and OVMF read them.
#include "machine/pc/cmos.h"

#include <algorithm>

namespace twin86::pc {
namespace {

void put_word(RtcMc146818& rtc, u8 at, u64 value) {
    rtc.set_cell(at, static_cast<u8>(value));
    rtc.set_cell(static_cast<u8>(at + 1), static_cast<u8>(value >> 8));
}

/// Sizes in KiB and in units of 64 KiB.
void put_memory(RtcMc146818& rtc, u64 low_ram, u64 high_ram) {
    put_word(rtc, 0x15, 640);
    const u64 extended_kib = low_ram > MiB ? std::min<u64>((low_ram - MiB) / KiB, 0xffff) : 0;
    put_word(rtc, 0x17, extended_kib);
    put_word(rtc, 0x30, extended_kib);
    put_word(rtc, 0x34, low_ram > 16 * MiB ? std::min<u64>((low_ram - 16 * MiB) / (64 * KiB), 0xffff) : 0);
    const u64 high_units = high_ram / (64 * KiB);
    put_word(rtc, 0x5b, high_units);
    rtc.set_cell(0x5d, static_cast<u8>(high_units >> 16));
}

/// Equipment byte: coprocessor, pointing device, number of floppy drives.
void put_equipment(RtcMc146818& rtc, const std::array<u8, 2>& types) {
    rtc.set_cell(0x10, static_cast<u8>(types[0] << 4 | types[1]));
    const int drives = (types[0] != 0) + (types[1] != 0);
    rtc.set_cell(0x14, static_cast<u8>(0x06 | (drives > 0 ? 0x01 | (drives - 1) << 6 : 0)));
}

u8 boot_code(char device) {
    switch (device) {
        case 'a':
            return 1;
        case 'c':
            return 2;
        case 'd':
            return 3;
        case 'n':
            return 4;
        default:
            return 0;
    }
}

/// First device in the low nibble of cell 0x3d, second in its high one, third in the high one of 0x38.
void put_boot_order(RtcMc146818& rtc, const CmosConfig& c) {
    const auto code = [&](std::size_t n) { return n < c.boot_order.size() ? boot_code(c.boot_order[n]) : 0; };
    rtc.set_cell(0x3d, static_cast<u8>(code(0) | code(1) << 4));
    rtc.set_cell(0x38, static_cast<u8>(code(2) << 4 | (c.check_floppy_signature ? 0 : 1)));
}

}  // namespace

void fill_cmos(RtcMc146818& rtc, const CmosConfig& c) {
    put_memory(rtc, c.low_ram, c.high_ram);
    put_equipment(rtc, c.floppy_types);
    put_boot_order(rtc, c);
    rtc.set_cell(0x5f, static_cast<u8>(c.cpus - 1));
}

}  // namespace twin86::pc
