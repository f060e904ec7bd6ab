#include "devices/irq/coprocessor_error.h"

namespace twin86 {

void CoprocessorError::set_ferr(bool asserted) {
    if (asserted == ferr_) return;
    ferr_ = asserted;
    if (!asserted) ignored_ = false;
    irq_.set(asserted);
}

void CoprocessorError::io_write(u16, unsigned, u32) {
    ignored_ = ferr_;
    irq_.set(false);
}

void CoprocessorError::reset(ResetKind) {
    ferr_ = ignored_ = false;
    irq_.set(false);
}

void CoprocessorError::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.field(ferr_);
        archive.field(ignored_);
    });
}

}  // namespace twin86
