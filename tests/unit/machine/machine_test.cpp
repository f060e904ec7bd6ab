#include "guest.h"

#include "machine/monitor_target.h"

#include <catch2/catch.hpp>

using namespace twin86;
using namespace twin86::test;

namespace {

/// Writes 'A' to the serial port, then counts at kCounter for ever.
const std::vector<u8> kSpin{0x66, 0xba, 0xf8, 0x03,              // mov dx, 0x3f8
                            0xb0, 0x41, 0xee,                    // mov al, 'A'; out dx, al
                            0xff, 0x05, 0x00, 0x00, 0x20, 0x00,  // loop: inc dword [kCounter]
                            0xeb, 0xf8};                         // jmp loop
constexpr u64 kSpinLoop = kCodeBase + 7, kSpinEnd = kCodeBase + 15;

/// Counts its starts in a CMOS cell and resets through the keyboard controller until the fifth. Ends with 0x11, or with
/// 0x22 when RAM was not empty at a start.
const std::vector<u8> kReboot{0x83, 0x3d, 0x00, 0x00, 0x20, 0x00, 0x00,        // cmp dword [kCounter], 0
                              0x75, 0x2a,                                      // jne bad
                              0xff, 0x05, 0x00, 0x00, 0x20, 0x00,              // inc dword [kCounter]
                              0xb0, 0x40, 0xe6, 0x70, 0xe4, 0x71, 0xfe, 0xc0,  // read cell 0x40, add 1
                              0x88, 0xc4, 0xb0, 0x40, 0xe6, 0x70, 0x88, 0xe0, 0xe6, 0x71,
                              0x3c, 0x05, 0x73, 0x07,                          // cmp al, 5; jae done
                              0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd,        // out 0x64, 0xfe; hlt
                              0xb0, 0x11, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd,        // done: out 0xf4, 0x11
                              0xb0, 0x22, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd};       // bad: out 0xf4, 0x22

/// Master PIC with IRQ 0 alone; a thousand times: one-shot PIT, waits for OUT in the status byte, polls the PIC. Ends with
/// 0x11, or with 0x22 when OUT was high and the PIC had no request. Interrupts stay off.
const std::vector<u8> kPitPolled{
    0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x30, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21,  // ICW1-4
    0xb0, 0xfe, 0xe6, 0x21,                                                                          // mask
    0xb9, 0xe8, 0x03, 0x00, 0x00,                                      // mov ecx, 1000
    0xb0, 0x30, 0xe6, 0x43, 0xb0, 0x28, 0xe6, 0x40, 0xb0, 0x00, 0xe6, 0x40,  // next: mode 0, count 40
    0xb0, 0xe2, 0xe6, 0x43, 0xe4, 0x40, 0xa8, 0x80, 0x74, 0xf6,        // wait: status; test al, 0x80; jz wait
    0xb0, 0x0c, 0xe6, 0x20, 0xe4, 0x20, 0xa8, 0x80, 0x74, 0x0a,        // poll; test al, 0x80; jz bad
    0xb0, 0x20, 0xe6, 0x20, 0xe2, 0xda,                                // EOI; loop next
    0xb0, 0x11, 0xe6, 0xf4, 0xb0, 0x22, 0xe6, 0xf4};                   // out 0xf4, 0x11; bad: out 0xf4, 0x22

/// For each vector: TSC deadline 60000 ahead, waits for it by RDTSC, looks for the vector in IRR. Ends as above.
const std::vector<u8> kDeadlinePolled{
    0xbb, 0x00, 0x00, 0xe0, 0xfe, 0xc7, 0x83, 0xf0, 0x00, 0x00, 0x00, 0xff, 0x01, 0x00, 0x00,  // ebx = APIC; SVR on
    0xbf, 0x20, 0x00, 0x00, 0x00,                                                        // mov edi, 0x20
    0x89, 0xf8, 0x0d, 0x00, 0x00, 0x04, 0x00, 0x89, 0x83, 0x20, 0x03, 0x00, 0x00,        // next: LVT timer, deadline mode
    0x0f, 0x31, 0x05, 0x60, 0xea, 0x00, 0x00, 0x83, 0xd2, 0x00,                          // rdtsc; add 60000
    0x89, 0xc6, 0x89, 0xd5, 0xb9, 0xe0, 0x06, 0x00, 0x00, 0x0f, 0x30,                    // ebp:esi; wrmsr 0x6e0
    0x0f, 0x31, 0x29, 0xf0, 0x19, 0xea, 0x72, 0xf8,                                      // wait: rdtsc; until above
    0x89, 0xf8, 0xc1, 0xe8, 0x05, 0xc1, 0xe0, 0x04, 0x89, 0xf9,                          // eax = edi / 32 * 16
    0x8b, 0x84, 0x03, 0x00, 0x02, 0x00, 0x00, 0x0f, 0xa3, 0xc8, 0x73, 0x0d,              // bt [IRR], ecx; jnc bad
    0x47, 0x81, 0xff, 0x00, 0x01, 0x00, 0x00, 0x72, 0xb7,                                // inc edi; to 0xff; jb next
    0xb0, 0x11, 0xe6, 0xf4, 0xb0, 0x22, 0xe6, 0xf4};

const std::vector<u8> kTripleFault{0x0f, 0x0b};              // ud2, without an IDT
const std::vector<u8> kHalt{0xfa, 0xf4, 0xeb, 0xfd};         // cli; hlt; jmp
const std::vector<u8> kPowerOff{0x66, 0xba, 0xf8, 0x03, 0xb0, 0x41, 0xee,               // 'A'
                                0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef,  // out 0x604, 0x2000
                                0xf4, 0xeb, 0xfd};

Options with_debug_exit() {
    Options o;
    o.debug_exit = DebugExitOptions{0xf4, 1};
    return o;
}

}  // namespace

TEST_CASE("a paused machine stands still wherever it was, and goes on") {
    Guest guest(kSpin);
    guest.start();
    guest.wait_for_text(1);
    for (int i = 0; i < 200; ++i) {
        u32 before = 0;
        {
            const std::scoped_lock held(guest.lock);
            guest.machine().pause();
            CHECK(guest.machine().run_state() == RunState::kPaused);
            const u64 rip = guest.machine().vcpu().state().rip;
            CHECK((rip >= kSpinLoop && rip < kSpinEnd));
            const u64 now = guest.machine().clock().now_ns();
            CHECK(guest.machine().clock().now_ns() == now);
        }
        before = guest.counter();
        std::this_thread::yield();
        CHECK(guest.counter() == before);
        {
            const std::scoped_lock held(guest.lock);
            guest.machine().resume();
            // Not yet running again: the next pause must not take the last stop for its own.
            if (i % 2 != 0) guest.machine().pause();
            if (i % 2 != 0) guest.machine().resume();
        }
        guest.wait_for_counter(before);
    }
}

TEST_CASE("two machines in one process do not touch each other") {
    Guest a(kSpin), b(kSpin);
    a.start();
    b.start();
    a.wait_for_text(1);
    b.wait_for_text(1);
    {
        const std::scoped_lock held(a.lock);
        a.machine().pause();
    }
    const u32 a_stopped = a.counter(), b_now = b.counter();
    b.wait_for_counter(b_now);
    CHECK(a.counter() == a_stopped);
    {
        const std::scoped_lock held(b.lock);
        b.machine().quit(7);
    }
    CHECK(b.wait() == 7);
    {
        const std::scoped_lock held(a.lock);
        a.machine().resume();
    }
    a.wait_for_counter(a_stopped);
}

TEST_CASE("a guest resets itself: RAM is empty again, CMOS is not") {
    Guest guest(kReboot, with_debug_exit());
    guest.start();
    CHECK(guest.wait() == (0x11 << 1 | 1));
}

TEST_CASE("a guest that sees a timer's time has its interrupt, whatever the main thread does") {
    for (const auto& program : {kPitPolled, kDeadlinePolled}) {
        Guest guest(program, with_debug_exit());
        guest.start();
        CHECK(guest.wait() == (0x11 << 1 | 1));
    }
}

TEST_CASE("resets from outside in any state start the kernel anew") {
    Guest guest(kSpin);
    guest.start();
    for (std::size_t starts = 1; starts <= 20; ++starts) {
        guest.wait_for_text(starts);
        const std::scoped_lock held(guest.lock);
        const bool paused = starts % 3 == 0;
        if (paused) guest.machine().pause();
        guest.machine().request_reset();
        if (paused) guest.machine().resume();
    }
    guest.wait_for_text(21);
    CHECK(guest.text().size() == 21);
}

TEST_CASE("a paused machine that is reset stays paused, at the kernel's entry") {
    Guest guest(kSpin);
    guest.start();
    guest.wait_for_counter(0);
    {
        const std::scoped_lock held(guest.lock);
        guest.machine().pause();
        guest.machine().request_reset();
    }
    while (guest.counter() != 0) std::this_thread::yield();
    const std::scoped_lock held(guest.lock);
    CHECK(guest.machine().run_state() == RunState::kPaused);
    CHECK(guest.machine().vcpu().state().rip == kCodeBase);
    CHECK(guest.serial.text == "A");
}

TEST_CASE("-no-reboot makes an end of a triple fault") {
    Options o;
    o.no_reboot = true;
    Guest guest(kTripleFault, o);
    guest.start();
    CHECK(guest.wait() == 0);
}

TEST_CASE("a guest that halted for good is paused, resumed, reset and ended") {
    Guest guest(kHalt);
    guest.start();
    for (int i = 0; i < 50; ++i) {
        const std::scoped_lock held(guest.lock);
        guest.machine().pause();
        CHECK(guest.machine().run_state() == RunState::kPaused);
        guest.machine().resume();
        if (i % 10 == 0) guest.machine().request_reset();
    }
    const std::scoped_lock held(guest.lock);
    guest.machine().quit(0);
}

TEST_CASE("-S waits for resume()") {
    Options o;
    o.start_stopped = true;
    Guest guest(kSpin, o);
    guest.start();
    guest.wait_for_state(RunState::kPaused);
    CHECK(guest.counter() == 0);
    {
        const std::scoped_lock held(guest.lock);
        guest.machine().resume();
    }
    guest.wait_for_counter(0);
}

TEST_CASE("power-off ends the machine, or stops it until a reset") {
    {
        Guest guest(kPowerOff);
        guest.start();
        CHECK(guest.wait() == 0);
    }
    Options o;
    o.no_shutdown = true;
    Guest guest(kPowerOff, o);
    guest.start();
    guest.wait_for_state(RunState::kShutdown);
    {
        const std::scoped_lock held(guest.lock);
        guest.machine().resume();
        CHECK(guest.machine().run_state() == RunState::kShutdown);
        guest.machine().request_reset();
        guest.machine().resume();
    }
    guest.wait_for_text(2);
    guest.wait_for_state(RunState::kShutdown);
    CHECK(guest.text() == "AA");
}

TEST_CASE("a kernel that cannot be read is a failure in one line") {
    Guest guest(std::vector<u8>{});
    Options o;
    o.kernel = "/no/such/kernel";
    std::mutex lock;
    EventLoop loop(lock);
    Log log;
    auto machine = Machine::create(o, lock, loop, {}, log);
    REQUIRE(bool(machine));
    CHECK((*machine)->run() == 1);
    CHECK((*machine)->failure().find("/no/such/kernel") != std::string::npos);
}

TEST_CASE("ports that are taken already are refused") {
    Options o;
    o.debug_exit = DebugExitOptions{0x5f, 4};
    std::mutex lock;
    EventLoop loop(lock);
    Log log;
    auto machine = Machine::create(o, lock, loop, {}, log);
    REQUIRE_FALSE(bool(machine));
    CHECK(machine.failure().message.find("i8042") != std::string::npos);
}

TEST_CASE("the monitor reads a running guest and leaves it running") {
    Guest guest(kSpin);
    Log log;
    MachineMonitor monitor(guest.machine(), log);
    guest.start();
    guest.wait_for_counter(0);
    const u32 before = guest.counter();
    {
        const std::scoped_lock held(guest.lock);
        CHECK(monitor.info_registers().find("\nEIP=00100") != std::string::npos);
        CHECK(monitor.info_mem() == "PG disabled\n");
        CHECK(monitor.info_mtree().find("03f8-03ff : serial0") != std::string::npos);
        const u64 rip = monitor.register_value("eip").value_or(0);
        CHECK((rip >= kSpinLoop && rip < kSpinEnd));
        u8 code[6];
        REQUIRE(monitor.read_virtual(kSpinLoop, code));
        const Disassembly line = monitor.disassemble(kSpinLoop, code);
        CHECK(line.length == 6);
        CHECK(line.text.find("inc") == 0);
        u8 beyond[16];
        CHECK_FALSE(monitor.read_physical(16 * MiB - 8, beyond));
        CHECK(monitor.run_state() == "running");
        monitor.stop();
        CHECK(monitor.run_state() == "paused");
        monitor.cont();
    }
    guest.wait_for_counter(before);
}
