// The CMOS cells by which the firmware of a PC learns what the board has: memory, floppy drives, boot order.
#pragma once

#include <array>
#include <string>

#include "devices/timer/rtc_mc146818.h"

namespace twin86::pc {

struct CmosConfig {
    u64 low_ram = 0, high_ram = 0;
    unsigned cpus = 1;
    std::array<u8, 2> floppy_types{};  ///< 0: none, 4: 1.44 MB, 5: 2.88 MB
    std::string boot_order = "cad";    ///< a: floppy, c: hard disk, d: CD-ROM, n: network
    bool check_floppy_signature = true;
};

void fill_cmos(RtcMc146818& rtc, const CmosConfig& config);

}  // namespace twin86::pc
