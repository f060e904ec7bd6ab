#include "devices/pci/i440fx_host_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kPmccfg = 0x50;  // PMC configuration
constexpr u8 kDeturbo = 0x52, kDbc = 0x53, kAxc = 0x54, kDramTiming = 0x58;
constexpr u8 kPam0 = 0x59;
constexpr u8 kDrb0 = 0x60, kFdhc = 0x68, kMtt = 0x70, kSmram = 0x72, kErrcmd = 0x90;

constexpr u16 kDeviceId = 0x1237;

}  // namespace

I440fxHostBridge::I440fxHostBridge(std::function<void()> on_change)
    : PamHostBridge(kDeviceId, {kPam0, kSmram, kDClose | kGlobalSmram}, std::move(on_change)) {
    set_register(kPciCommand, 2, 0x0006, kPciCommandSerr | kPciCommandParity);  // memory and master are hard-wired
    set_register(kPciStatus, 2, 0x0280, 0, kPciStatusErrors);
    set_register(kPmccfg, 2, 0, 0xffff);
    set_register(kDeturbo, 1, 0, 0xff);
    set_register(kDbc, 1, 0x80, 0xff);
    set_register(kAxc, 1, 0, 0xff);
    set_register(kDramTiming, 1, 0, 0xff);
    for (u8 n = 0; n < 8; ++n) set_register(static_cast<u8>(kDrb0 + n), 1, 1, 0xff);
    set_register(kFdhc, 1, 0, 0xff);
    set_register(kMtt, 1, 0, 0xff);
    set_register(kErrcmd, 1, 0, 0xff);
}

}  // namespace twin86
