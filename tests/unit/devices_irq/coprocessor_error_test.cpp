// FERR#, IRQ 13 and port 0xf0. PIIX3 data sheet, 2.5.7; SDM vol. 1, D.2.
#include "devices/irq/coprocessor_error.h"
#include "tests/unit/devices_irq/irq_fakes.h"

namespace twin86 {

TEST_CASE("an x87 error is IRQ 13 until it is acknowledged, and ignored until it is gone") {
    RecordingSink pic;
    CoprocessorError device(pic.line(13));
    device.io_write(0, 1, 0);
    CHECK(!device.ignne());  // there is nothing to ignore

    device.set_ferr(true);
    device.set_ferr(true);
    CHECK(pic.rises[13] == 1);
    CHECK(!device.ignne());

    device.io_write(0, 1, 0);
    CHECK(!pic.levels[13]);
    CHECK(device.ignne());

    device.set_ferr(false);
    CHECK(!device.ignne());
    device.set_ferr(true);
    CHECK(pic.rises[13] == 2);
    CHECK(!device.ignne());

    device.reset(ResetKind::kWarm);
    CHECK(!pic.levels[13]);
}

}  // namespace twin86
