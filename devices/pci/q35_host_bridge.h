// DRAM controller and host bridge of the Q35: Intel 316966, 5.1 "Host bridge registers (D0:F0)".
#pragma once

#include "devices/pci/pam_host_bridge.h"

namespace twin86 {

class Q35HostBridge : public PamHostBridge {
  public:
    /// The memory through which configuration space is reached.
    struct Ecam {
        Gpa base;
        u64 size;
    };
    /// The top of RAM that is SMRAM.
    struct Tseg {
        Gpa base;
        u64 size;
        bool operator==(const Tseg&) const = default;
    };
    using OnEcam = std::function<void(std::optional<Ecam>)>;

    /// `on_pam` as I440fxHostBridge's; `on_ecam` is called with what PCIEXBAR says after each write to it and after a
    /// reset.
    explicit Q35HostBridge(std::function<void()> on_pam = {}, OnEcam on_ecam = {});

    /// Nothing: disabled.
    std::optional<Ecam> ecam() const;
    /// Programs and enables PCIEXBAR for 256 buses, as firmware would.
    void set_ecam(Gpa base);

    /// Nothing: disabled. Outside SMM it is hidden but when smram_open().
    std::optional<Tseg> tseg() const;
    /// SMRAM is at 0xFEDA0000 (H_SMRAME).
    bool high_smram() const override;
    /// Somebody has reached for hidden SMRAM (E_SMERR).
    void set_smram_error();

    std::string_view name() const override { return "q35-mch"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;
    void changed() override;

  private:
    void update();

    OnEcam on_ecam_;
};

}  // namespace twin86
