#include "devices/timer/ich9_pm.h"

#include <catch2/catch.hpp>

#include "tests/unit/devices_irq/irq_fakes.h"

using namespace twin86;

namespace {
struct Fixture {
    explicit Fixture(unsigned timer_bits = 24)
        : pm(queue, irq.line(9), timer_bits,
             {[this](u8 type) { sleeps.push_back(type); }, [this](u8 command) { commands.push_back(command); }}, log) {}
    Log log;
    ManualClock clock;
    TimerQueue queue{clock};
    RecordingSink irq;
    std::vector<u8> sleeps, commands;
    AcpiPm pm;

    void enable() { pm.smi_ports().io_write(0, 1, AcpiPm::kAcpiEnable); }
    void to(u64 ns) {
        clock.set(ns);
        queue.run_due();
    }
};
constexpr u16 kStatus = 0, kEnable = 2, kControl = 4, kTimer = 8, kGpeStatus = 12, kGpeEnable = 14;
constexpr u64 kSecond = 1'000'000'000;
}  // namespace

TEST_CASE("the PM timer counts 3.579545 MHz in 24 or 32 bits") {
    Fixture f, wide(32);
    f.clock.set(kSecond);
    CHECK(f.pm.io_read(kTimer, 4) == 3'579'545);
    f.clock.set(10 * kSecond);
    wide.clock.set(10 * kSecond);
    CHECK(f.pm.io_read(kTimer, 4) == (35'795'450 & 0xffffff));
    CHECK(wide.pm.io_read(kTimer, 4) == 35'795'450);
    CHECK(wide.pm.io_read(kTimer + 1, 1) == (35'795'450 >> 8 & 0xff));
    f.pm.io_write(kTimer, 4, 0);
    CHECK(f.pm.io_read(kTimer, 4) != 0);
}

TEST_CASE("overflow status comes with each change of the top bit, and interrupts when enabled") {
    Fixture f;
    const u64 half = (u64{1 << 23} * kSecond + 3'579'544) / 3'579'545;
    f.clock.set(half - 1);
    CHECK((f.pm.io_read(kStatus, 2) & 1) == 0);
    f.clock.set(half);
    CHECK((f.pm.io_read(kStatus, 2) & 1) == 1);
    f.enable();
    f.pm.io_write(kStatus, 2, 1);
    CHECK((f.pm.io_read(kStatus, 2) & 1) == 0);
    f.pm.io_write(kEnable, 2, 1);
    CHECK_FALSE(f.irq.levels[9]);
    CHECK(f.queue.next_deadline_ns() / 1000 == 2 * half / 1000);
    f.to(2 * half);
    CHECK(f.irq.levels[9]);
    f.pm.io_write(kStatus, 1, 1);
    CHECK_FALSE(f.irq.levels[9]);
}

TEST_CASE("the power button raises SCI as a level once ACPI is enabled") {
    Fixture f;
    f.pm.io_write(kEnable, 2, AcpiPm::kPowerButton);
    f.pm.press_power_button();
    CHECK_FALSE(f.irq.levels[9]);
    f.enable();
    CHECK((f.pm.io_read(kControl, 2) & 1) == 1);
    CHECK(f.irq.levels[9]);
    f.pm.io_write(kStatus + 1, 1, 0x01);
    CHECK_FALSE(f.irq.levels[9]);
    CHECK(f.pm.io_read(kStatus, 4) == u32{AcpiPm::kPowerButton} << 16);
    f.pm.smi_ports().io_write(0, 1, AcpiPm::kAcpiDisable);
    CHECK_FALSE(f.pm.acpi_enabled());
}

TEST_CASE("SLP_EN reports the sleep type and reads as zero") {
    Fixture f;
    f.enable();
    f.pm.io_write(kControl, 2, 5 << 10 | 1);
    CHECK(f.sleeps.empty());
    f.pm.io_write(kControl, 2, 1 << 13 | 5 << 10 | 1);
    CHECK(f.sleeps == std::vector<u8>{5});
    CHECK(f.pm.io_read(kControl, 2) == (5 << 10 | 1));
    f.pm.io_write(kControl + 1, 1, 0x20 | 3 << 2);  // by byte
    CHECK(f.sleeps == std::vector<u8>{5, 3});
    f.pm.woke_up();
    CHECK((f.pm.io_read(kStatus, 2) & AcpiPm::kWake) != 0);
}

TEST_CASE("general purpose events") {
    Fixture f;
    f.enable();
    f.pm.raise_gpe(3);
    CHECK_FALSE(f.irq.levels[9]);
    f.pm.io_write(kGpeEnable, 1, 0x08);
    CHECK(f.irq.levels[9]);
    CHECK(f.pm.io_read(kGpeStatus, 4) == 0x0008'0008);
    f.pm.io_write(kGpeStatus, 1, 0x08);
    CHECK_FALSE(f.irq.levels[9]);
}

TEST_CASE("other SMI commands reach the machine; registers read back") {
    Fixture f;
    f.pm.smi_ports().io_write(0, 1, 0x42);
    f.pm.smi_ports().io_write(1, 1, 0x17);
    CHECK(f.commands == std::vector<u8>{0x42});
    CHECK((f.pm.smi_ports().io_read(0, 1) == 0x42 && f.pm.smi_ports().io_read(1, 1) == 0x17));
    f.pm.io_write(kEnable, 2, 0xffff);
    CHECK(f.pm.io_read(kEnable, 2) == 0x0721);
    f.pm.io_write(0x20, 4, 1);
    CHECK(f.pm.io_read(0x20, 4) == 0);
}

TEST_CASE("ACPI state survives save and load with the overflow armed") {
    Fixture a, b;
    a.enable();
    a.pm.io_write(kEnable, 2, 0x101);
    a.pm.press_power_button();
    a.to(kSecond);
    b.clock.set(kSecond);
    copy_state(a.pm, b.pm);
    CHECK(b.queue.next_deadline_ns() == a.queue.next_deadline_ns());
    CHECK(b.queue.next_deadline_ns() != TimerQueue::kNever);
    b.to(3 * kSecond);
    CHECK(b.irq.levels[9]);
    b.pm.reset(ResetKind::kWarm);
    CHECK_FALSE(b.irq.levels[9]);
    check_truncations(b.pm);
}

TEST_CASE("in the ICH9's block GPE0 has 64 status and enable bits at 0x20, and SMI_EN lies behind") {
    Log log;
    ManualClock clock;
    TimerQueue queue{clock};
    RecordingSink irq;
    AcpiPm acpi(queue, irq.line(9), 32, {}, log, kIch9PmLayout);
    Ich9Pm pm(acpi);
    acpi.smi_ports().io_write(0, 1, AcpiPm::kAcpiEnable);
    acpi.raise_gpe(40);
    pm.io_write(0x0c, 4, ~0u);  // nothing here
    CHECK_FALSE(irq.levels[9]);
    pm.io_write(0x28 + 5, 1, 0x01);
    CHECK(irq.levels[9]);
    CHECK(pm.io_read(0x24, 4) == 0x100);
    CHECK(pm.io_read(0x2c, 4) == 0x100);
    pm.io_write(0x20, 4, ~0u);  // other bits
    CHECK(irq.levels[9]);
    pm.io_write(0x24, 4, 0x100);
    CHECK_FALSE(irq.levels[9]);

    CHECK(pm.io_read(0x30, 4) == 0x20);  // APMC_EN
    pm.io_write(0x30, 4, 0xffffffff);
    CHECK(pm.io_read(0x30, 4) == 0x7e87d);
    pm.io_write(0x31, 1, 0);
    CHECK(pm.io_read(0x30, 2) == 0x007d);
    AcpiPm acpi_copy(queue, irq.line(9), 32, {}, log, kIch9PmLayout);
    Ich9Pm copy(acpi_copy);
    copy_state(acpi, acpi_copy);
    copy_state(pm, copy);
    CHECK(copy.io_read(0x2c, 4) == 0x100);
    check_truncations(copy);
    pm.reset(ResetKind::kWarm);
    CHECK(pm.io_read(0x30, 4) == 0x20);
}
