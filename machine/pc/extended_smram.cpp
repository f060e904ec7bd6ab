#include "machine/pc/extended_smram.h"

#include "machine/pc/layout.h"

namespace twin86::pc {
namespace {

constexpr Gpa kHighSmram = 0xfeda0000;  ///< RAM that the display's memory hides otherwise

}  // namespace

ExtendedSmram::ExtendedSmram(PhysMap& phys, MmioBus& mmio, std::function<void()> on_refused)
    : phys_(phys), mmio_(mmio), on_refused_(std::move(on_refused)) {}

u64 ExtendedSmram::mmio_read(u64, unsigned) {
    on_refused_();
    return ~u64{0};
}

void ExtendedSmram::mmio_write(u64, unsigned, u64) {
    on_refused_();
}

/// A TSEG that is not wholly in RAM above 1 MiB is none: firmware has not set it up.
void ExtendedSmram::update(const Q35HostBridge& bridge) {
    const bool open = bridge.smram_open();
    auto tseg = bridge.tseg();
    if (tseg && (open || tseg->base < MiB || tseg->base + tseg->size > phys_.low_size())) tseg.reset();
    hide(tseg);
    const bool has_ram = phys_.low_size() >= kVideoHole + kVideoHoleSize;
    show_high(!bridge.high_smram() || !has_ram ? High::kNone : open ? High::kOpen : High::kHidden);
}

void ExtendedSmram::hide(std::optional<Q35HostBridge::Tseg> tseg) {
    if (tseg == hidden_) return;
    tseg_mapping_.release();
    if (hidden_) phys_.remap(hidden_->base, hidden_->size, Backing::kRam);
    hidden_ = tseg;
    if (!tseg) return;
    phys_.remap(tseg->base, tseg->size, Backing::kMmio);
    tseg_mapping_ = mmio_.map(tseg->base, tseg->size, *this, "tseg");
}

void ExtendedSmram::show_high(High high) {
    if (high == high_) return;
    high_mapping_.release();
    high_ = high;
    if (high == High::kHidden) high_mapping_ = mmio_.map(kHighSmram, kVideoHoleSize, *this, "high-smram");
    if (high == High::kOpen)
        high_mapping_ = phys_.map_memory(kHighSmram, kVideoHoleSize, phys_.ram().base() + kVideoHole, true, "high-smram");
}

}  // namespace twin86::pc
