#include "accel/jit/region_code.h"

#include <cstring>

#include "accel/jit/frame.h"
#include "accel/jit/regs.h"
#include "mmu/window_area.h"

namespace twin86::jit {

namespace {

u8 decider(const RegionSite& site) {
    if (site.guest == kNoGpr) return kHostAddress;
    return in_memory(site.guest) ? kHostTemp : kHostOf[site.guest];
}

}  // namespace

RegionCode RegionCode::compare(const RegionSite& site) {
    const u8 from = decider(site), vex = from & 8 ? 0x43 : 0x63, modrm = static_cast<u8>(0xd0 | (from & 7));
    const u32 delta = window_offset(site.view, site.region);
    // clang-format off
    RegionCode code{{0xc4, vex, 0xfb, 0xf0, modrm, WindowArea::kRegionShift,  // rorx r10, decider, 39
                     0x66, 0x41, 0x81, 0xfa, 0, 0,              // cmp r10w, guess
                     0x0f, 0x85, 0, 0, 0, 0,                    // jne
                     0x4c, 0x8b, 0x94, 0x24, 0, 0, 0, 0}};      // mov r10, [rsp + delta of the guess]
    // clang-format on
    std::memcpy(code.bytes + 10, &site.region, sizeof site.region);
    std::memcpy(code.bytes + 22, &delta, sizeof delta);
    return code;
}

RegionCode RegionCode::select(const RegionSite& site) {
    const u8 from = decider(site), vex = static_cast<u8>(0x82 | (~from & 15) << 3);
    RegionCode code{{0xc4, 0x62, vex,  0xf5, 0x94, 0x24, 0, 0, 0, 0,  // pext r10, decider, [rsp + mask]
                     0x4e, 0x8b, 0x94, 0xd4, 0,    0,    0, 0,        // mov r10, [rsp + r10 * 8 + table]
                     0x0f, 0x1f, 0x84, 0,    0,    0,    0, 0}};      // nop
    const u32 mask = offsetof(JitFrame, window_index_mask), table = window_offset(site.view, 0);
    std::memcpy(code.bytes + 6, &mask, sizeof mask);
    std::memcpy(code.bytes + 14, &table, sizeof table);
    return code;
}

}  // namespace twin86::jit
