// x87 errors while CR0.NE is clear: the processor asserts FERR# and waits before the instruction for an interrupt, unless
// IGNNE# lets it go on. SDM vol. 1, D.2; vol. 3, 9.2.
#include "accel/jit/jit_vcpu.h"
#include "cpu/semantics/xsave_image.h"

namespace twin86::jit {

namespace {

constexpr u16 kErrorFlags = 0x80ff;  ///< exception flags, SF, ES and B

}  // namespace

/// Instead of #MF, at the waiting instruction. What is ignored counts as handled: the flags go.
void JitVcpu::signal_x87_error() {
    CpuState& s = frame_.cpu;
    x87_error_ = true;
    env_.set_x87_error(true);
    if (!env_.ignores_x87_errors()) {
        s.activity = Activity::kHalted;
        return;
    }
    XsaveImage image(cpu_);
    image.write16(kXsaveFsw, image.read16(kXsaveFsw) & static_cast<u16>(~kErrorFlags));
}

/// FERR# falls when the guest has cleared its errors. It does that in handlers, and they end with a slow path.
void JitVcpu::follow_x87_error() {
    XsaveImage image(cpu_);
    image.normalize(kXfeatureX87);
    if (image.read16(kXsaveFsw) & kFswErrorSummary) return;
    x87_error_ = false;
    env_.set_x87_error(false);
}

}  // namespace twin86::jit
