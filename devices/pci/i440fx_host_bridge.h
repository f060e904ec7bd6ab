// Host bridge of the 440FX: Intel 82441FX (290549), section 3.2 "PCI configuration registers".
#pragma once

#include "devices/pci/pam_host_bridge.h"

namespace twin86 {

class I440fxHostBridge : public PamHostBridge {
  public:
    /// `on_change` is called after a write to the PAM or SMRAM registers and after a reset.
    explicit I440fxHostBridge(std::function<void()> on_change = {});

    std::string_view name() const override { return "i440fx"; }
};

}  // namespace twin86
