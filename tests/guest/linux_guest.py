"""What the Linux tests share: the command line, and what the kernel's log must not hold."""
import re

import harness

APPEND = "console=ttyS0 panic=-1"

# Signs of an emulator that does not do what hardware does. Each is a message of Linux 6.1.
COMPLAINTS = re.compile(
    r"WARNING:|\bBUG:|Oops|Kernel panic|general protection|unchecked MSR|soft lockup|hard LOCKUP|rcu.*stall"
    r"|Marking clocksource|clocksource.*unstable|nobody cared|[Ss]purious.*interrupt|MP-BIOS bug|timer doesn't work"
    r"|do_IRQ.*No irq handler|Unexpected #|segfault at|trap invalid opcode|traps:|[Ll]ost.*interrupt|x86/fpu.*mismatch")

# A host so busy that the emulator did not run for milliseconds between two reads of a clock.
# The second counts ticks of the clock; that each of ours is delivered is seen by tests/unit/devices and tests/unit/accel_kvm.
BUSY_HOST = re.compile(r"timekeeping watchdog on CPU\d+: \S+ read-back delay|hpet: Lost \d+ RTC interrupts")

# What Linux 6.1 says at level warn on this machine under QEMU too, and on any machine whose host is busy.
KNOWN_WARNINGS = re.compile(r"fail to add MMCONFIG|Unable to calibrate against PIT|PIT calibration deviates")


def arguments(kernel, initrd, memory=512, append="", extra=()):
    return ["-m", str(memory), "-nographic", "-no-reboot", "-kernel", kernel, "-initrd", initrd,
            "-append", f"{APPEND} {append}".strip(), *extra]


def complaints(log):
    return [line for line in log.splitlines() if COMPLAINTS.search(line) and not BUSY_HOST.search(line)]


def warnings(raw_log):
    """Lines of level warn and above in what `dmesg -r` prints, but for the known ones."""
    lines = re.findall(r"(?m)^<[0-4]>.*$", raw_log)
    return [line for line in lines if not KNOWN_WARNINGS.search(line) and not BUSY_HOST.search(line)]


def boot(name, kernel="kernel-cloud", initrd="initrd-shell", script="guests.sh", **options):
    """Starts the emulator with a guest; returns it. A with statement at the caller ends it."""
    files = harness.guest_files(kernel)
    files += harness.guest_files(initrd, script=script)
    pty = options.pop("pty", False)
    return harness.Emulator(name, arguments(files[0], files[1], **options), pty=pty)
