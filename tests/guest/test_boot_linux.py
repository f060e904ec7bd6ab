"""Debian's kernels from the first line to power-off, in steps, so that the first failure says how far it came."""
import hashlib
import pathlib
import re
import unittest

import harness
import linux_guest


class Ladder:
    """Steps of one boot. The guest is started once; the cases run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        cls.emulator = linux_guest.boot(cls.__name__, kernel=cls.kernel)
        cls.shell_ = None

    @classmethod
    def tearDownClass(cls):
        cls.emulator.__exit__()

    @property
    def shell(self):
        if type(self).shell_ is None:
            type(self).shell_ = harness.Shell(self.emulator)
        return type(self).shell_

    def test_01_banner(self):
        self.emulator.expect(r"Linux version 6\.\d+", 120)

    def test_02_memory_map(self):
        text = self.emulator.expect(r"Memory: \d+K/(\d+)K available", 120)
        self.assertGreater(int(text.group(1)), 500 * 1024)

    def test_03_timer_calibration(self):
        # Without a working timer the kernel stays in calibrate_delay for ever.
        self.emulator.expect(r"Calibrating delay loop.*?(\d+\.\d+) BogoMIPS", 120)

    def test_04_runs_init(self):
        self.emulator.expect(r"Run /init as init process", 300)

    def test_05_reaches_user_space(self):
        self.assertEqual(self.shell.run("true")[0], 0)

    def test_06_exit_status(self):
        self.assertEqual(self.shell.run("(exit 42)")[0], 42)

    def test_07_echo(self):
        self.assertEqual(self.shell.check("echo one  'two  three' $((6 * 7))"), "one two  three 42\n")

    def test_08_pipes(self):
        self.assertEqual(self.shell.check("seq 1 1000 | grep 7 | sort -rn | head -3 | tr '\\n' ' '"), "997 987 979 ")

    def test_09_arithmetic_of_awk(self):
        text = self.shell.check(
            "awk 'BEGIN { for (i = 1; i <= 20000; i++) s += 1 / i / (i + 0.5); printf \"%.12f %.0f\\n\", s, 1099511627776 / 4 }'")
        self.assertEqual(text.split(), [f"{sum(1 / i / (i + .5) for i in range(1, 20001)):.12f}", str(2**40 // 4)])

    def test_10_digests(self):
        data = "".join(f"{i}\n" for i in range(1, 10001)).encode()
        for tool in ("md5sum", "sha1sum", "sha256sum", "sha512sum"):
            with self.subTest(tool):
                want = hashlib.new(tool[:-3], data).hexdigest()
                self.assertEqual(self.shell.check(f"seq 1 10000 | {tool}").split()[0], want)

    def test_11_files(self):
        text = self.shell.check("mkdir /tmp/d && cd /tmp/d && dd if=/dev/urandom of=a bs=64k count=32 2>/dev/null && "
                                "gzip -c a | gunzip >b && cmp a b && bzip2 -c a | bunzip2 | cmp a - && "
                                "tar c a b | tar t | wc -l; cd; rm -r /tmp/d")
        self.assertEqual(text.strip(), "2")

    def test_12_processes(self):
        text = self.shell.check("for i in $(seq 1 100); do (echo $i) & done | sort -n | awk '{ s += $1 } END { print s }'")
        self.assertEqual(text.strip(), "5050")

    def test_13_signals(self):
        self.assertEqual(self.shell.run("sh -c 'kill -SEGV $$'")[0], 128 + 11)
        self.assertIn("caught", self.shell.check("sh -c 'trap \"echo caught; exit 0\" USR1; kill -USR1 $$; sleep 1'"))

    def test_14_cpuinfo(self):
        text = self.shell.check("cat /proc/cpuinfo")
        self.assertEqual(len(re.findall(r"^processor", text, re.M)), 1)
        flags = re.search(r"^flags\s*:(.*)", text, re.M).group(1).split()
        for flag in "fpu tsc msr pae cx8 apic sep pge cmov pat fxsr sse sse2 syscall nx lm".split():
            self.assertIn(flag, flags)

    def test_15_interrupts_come(self):
        script = "awk '/LOC:|timer/ { s += $2 } END { print s }' /proc/interrupts"
        before = int(self.shell.check(script))
        self.shell.check("sleep 1")
        self.assertGreater(int(self.shell.check(script)), before)

    def test_16_time_goes_on(self):
        # In hundredths of a second, which the kernel rounds down.
        first, second = (round(100 * float(self.shell.check("cat /proc/uptime; sleep 2").split()[0])) for _ in range(2))
        self.assertGreaterEqual(second - first, 199)

    def test_17_top(self):
        text = self.shell.check("top -b -n1")
        self.assertIn("Load average:", text)
        self.assertRegex(text, r"(?m)^\s*1\s+0\s+root\b")

    def test_18_interrupt_key(self):
        self.shell.check("true")
        # Only when the command itself has spoken is the terminal set up for it.
        self.emulator.send("sh -c 'echo REA''DY; exec sleep 1000'\n")
        self.emulator.expect("READY")
        self.emulator.send(b"\x03")
        status, text = self.shell.run("echo alive")
        self.assertEqual((status, text), (0, "alive\n"))

    def test_19_long_output(self):
        text = self.shell.check("seq 1 5000")
        self.assertEqual(text, "".join(f"{i}\n" for i in range(1, 5001)))

    def test_20_no_complaints_in_the_log(self):
        self.assertEqual(linux_guest.complaints(self.shell.check("dmesg")), [])

    def test_20_no_warnings_beside_those_of_other_machines(self):
        log = self.shell.check("dmesg -r")
        self.assertIn("<6>", log)
        self.assertEqual(linux_guest.warnings(log), [])

    def test_21_power_off(self):
        self.shell.check("true")
        self.emulator.send("poweroff -f\n")
        self.assertEqual(self.emulator.finish(), 0)


class CloudKernel(Ladder, unittest.TestCase):
    kernel = "kernel-cloud"


class GenericKernel(Ladder, unittest.TestCase):
    kernel = "kernel-generic"


class FiveLevelPaging(unittest.TestCase):
    def test_programs_and_paths(self):
        # Paths are copied by code that asks whether an address is canonical.
        with linux_guest.boot("la57", extra=("-cpu", "max,+la57")) as emulator:
            shell = harness.Shell(emulator)
            self.assertRegex(shell.check("cat /proc/cpuinfo"), r"address sizes\s*: \d+ bits physical, 57 bits virtual")
            self.assertEqual(shell.check("cd /proc/self/net && pwd -P | tr -d 0-9; busybox readlink /proc/1/exe"),
                             "/proc//net\n/usr/bin/busybox\n")
            self.assertEqual(linux_guest.complaints(shell.check("dmesg")), [])


class Ends(unittest.TestCase):
    """The ways out of a machine."""

    def test_reboot_ends_with_no_reboot(self):
        with linux_guest.boot("reboot") as emulator:
            harness.Shell(emulator)
            emulator.send("reboot -f\n")
            self.assertEqual(emulator.finish(), 0)

    def test_panic_ends_with_no_reboot(self):
        with linux_guest.boot("panic", append="rdinit=/nowhere init=/nowhere") as emulator:
            emulator.expect("Kernel panic - not syncing", 300)
            self.assertEqual(emulator.finish(), 0)

    def test_damaged_initrd_is_named(self):
        kernel, initrd = harness.guest_files("kernel-cloud", "initrd-shell")
        whole = pathlib.Path(initrd).read_bytes()
        middle = len(whole) // 2
        changed = whole[:middle] + bytes([whole[middle] ^ 0x55]) + whole[middle + 1:]
        for name, data in (("truncated", whole[:middle]), ("changed", changed)):
            path = harness.OUT / f"initrd_{name}.gz"
            path.write_bytes(data)
            with self.subTest(name), harness.Emulator(f"initrd_{name}", linux_guest.arguments(kernel, path)) as emulator:
                self.assertEqual(emulator.finish(300), 1)
                self.assertRegex(emulator.text(), rf"twin86: the guest restarted; its initrd is damaged: \S*{path.name}: \w+")

    def test_escape_key_quits(self):
        with linux_guest.boot("escape", pty=True) as emulator:
            harness.Shell(emulator)
            emulator.send(b"\x01x")
            self.assertEqual(emulator.finish(), 0)

    def test_small_memory(self):
        with linux_guest.boot("memory", memory=160) as emulator:
            total = harness.Shell(emulator).check("awk '/MemTotal/ { print $2 }' /proc/meminfo")
            self.assertLess(int(total), 160 * 1024)

    def test_memory_above_4_gib(self):
        with linux_guest.boot("highmem", memory=5120) as emulator:
            shell = harness.Shell(emulator)
            self.assertGreater(int(shell.check("awk '/MemTotal/ { print $2 }' /proc/meminfo")), 4700 * 1024)
            self.assertEqual(linux_guest.complaints(shell.check("dmesg")), [])
