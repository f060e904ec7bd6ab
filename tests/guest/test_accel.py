"""The choice of an engine, and the KVM engine with small guests."""
import os
import re
import subprocess
import unittest

import harness
import stubs

HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)
NO_FALLBACK = ["-accel", "kvm,fallback=off"]


class Choice(unittest.TestCase):
    """Needs no KVM."""

    def test_unknown_engine_names_the_known(self):
        with harness.Emulator("accel_unknown", ["-accel", "kvn", "-kernel", "x"]) as emulator:
            self.assertEqual(emulator.finish(), 1)
            self.assertIn("'kvm'", emulator.text())

    def test_without_accel_one_line_says_which_and_why(self):
        with stubs.start("accel_default", "ECHO", "EXIT_CODE=3") as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(3))
            lines = re.findall(r"^twin86: engine: (\w+).*", emulator.text(), re.M)
            self.assertEqual(len(lines), 1, emulator.text())
            self.assertIn(lines[0], ("jit", "kvm"))

    @unittest.skipIf(HAS_KVM, "this host has KVM")
    def test_a_list_of_engines_goes_on_with_the_next(self):
        with stubs.start("accel_list", "EXIT_CODE=2", extra=["-machine", "accel=kvm:jit"]) as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(2))
            self.assertIn("using jit", emulator.text())


class LockStep(unittest.TestCase):
    """The translator against itself, and against KVM."""

    def run_stub(self, *accel):
        with stubs.start("lockstep", "ECHO", "UNMAPPED", "EXIT_CODE=3", extra=["-accel", *accel, "-d", "stats"]) as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(3), emulator.text())
            self.assertIn("stub is alive\n", emulator.text())
            return int(re.search(r"lock-step +(\d+) intervals compared, 0 not", emulator.text()).group(1))

    def test_no_difference(self):
        self.assertGreater(self.run_stub("lockstep,reference=jit"), 2000)    # each write to a port ends one
        self.run_stub("lockstep,reference=jit,blocks=1,mmu=soft,chain=off")
        self.run_stub("lockstep,reference=jit,unchecked=50")

    @unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
    def test_no_difference_from_kvm(self):
        self.assertGreater(self.run_stub("lockstep,reference=kvm"), 2000)

    @unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
    def test_no_difference_from_kvm_in_ring_3(self):
        loop = harness.ROOT / "tools" / "lib" / "ring3_loop.asm"
        for hz in (0, 1000):
            kernel = stubs.build("lockstep_ring3", "ROUNDS=3000", f"HZ={hz}", source=loop)
            args = [*stubs.DEVICES, "-debugcon", "stdio", "-kernel", kernel, "-accel", "lockstep,reference=kvm,blocks=50", "-d", "stats"]
            with harness.Emulator("lockstep_ring3", args) as emulator:
                self.assertEqual(emulator.finish(300), stubs.exit_status(0), emulator.text())
                by_kvm = re.search(r"reference +(\d+) instructions, (\d+) of them", emulator.text())
                self.assertGreater(int(by_kvm.group(2)), 3000 * 11)
                self.assertGreater(int(by_kvm.group(2)), 0.98 * int(by_kvm.group(1)))

    def test_unknown_property_names_the_known(self):
        with harness.Emulator("lockstep_unknown", ["-accel", "lockstep,referense=jit", "-kernel", "x"]) as emulator:
            self.assertEqual(emulator.finish(), 1)
            self.assertIn("'reference'", emulator.text())


class SplitIrqchip(unittest.TestCase):
    """Local APICs in the kernel."""

    def refusal(self, accel, *options):
        with harness.Emulator("split_refused", ["-accel", accel, *options, "-kernel", "x"]) as emulator:
            self.assertEqual(emulator.finish(), 1)
            return emulator.text()

    def test_not_with_a_translator_behind_it(self):
        self.assertIn("fallback=off", self.refusal("kvm,kernel-irqchip=split"))
        self.assertIn("split or off", self.refusal("kvm,kernel-irqchip=on"))
        self.assertIn("'split'", self.refusal("kvm,kernel-irqchip=splt"))
        self.assertIn("fallback=off", self.refusal("kvm", "-machine", "pc,kernel-irqchip=split"))

    @unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
    def test_stub(self):
        split = ["-accel", "kvm,fallback=off,kernel-irqchip=split"]
        with stubs.start("kvm_split", "ECHO", "EXIT_CODE=3", extra=split) as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(3))
            self.assertIn("stub is alive\n", emulator.text())


@unittest.skipUnless(os.geteuid() == 0, "only root can take /dev/kvm away")
class KvmTakenAway(unittest.TestCase):
    """In a mount namespace, as another user, with too few file descriptors: one line, and the translator where allowed."""

    ABSENT = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev; mknod /dev/null c 1 3; mknod /dev/zero c 1 5; "
              'mknod /dev/urandom c 1 9; exec "$@"', "sh"]
    OTHER_DEVICE = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /mnt; mknod /mnt/kvm c 1 3; touch /dev/kvm; '
                    'mount --bind /mnt/kvm /dev/kvm; exec "$@"', "sh"]
    OTHER_USER = ["setpriv", "--reuid=65534", "--clear-groups"]

    def run_stub(self, prefix, *accel):
        kernel = stubs.build("kvm_away", "ECHO", "EXIT_CODE=3")
        command = [*prefix, *harness.emulator_command(), *stubs.DEVICES, "-debugcon", "stdio", "-kernel", kernel, *accel]
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        return done.returncode, done.stdout.splitlines()

    def check_all(self, prefix, *words):
        status, lines = self.run_stub(prefix, "-accel", "kvm")
        self.assertEqual((status, len(lines)), (1, 1), lines)
        for word in words:
            self.assertIn(word, lines[0])
        for accel, start in (["-machine", "accel=kvm:jit"], "twin86: -accel kvm: "), ([], "twin86: engine: jit ("):
            status, lines = self.run_stub(prefix, *accel)
            self.assertEqual((status, len(lines), lines[1]), (stubs.exit_status(3), 2, "stub is alive"), lines)
            self.assertTrue(lines[0].startswith(start), lines)
            self.assertIn(words[0], lines[0])

    def test_absent(self):
        self.check_all(self.ABSENT, "/dev/kvm does not exist", "kvm_amd")

    def test_something_else(self):
        self.check_all(self.OTHER_DEVICE, "no KVM that is known here")

    @unittest.skipUnless(HAS_KVM, "this host has no KVM")
    def test_not_permitted(self):
        allowed = subprocess.run([*self.OTHER_USER, "test", "-x", harness.emulator_command()[0]]).returncode == 0
        if not allowed or os.stat("/dev/kvm").st_mode & 0o006:
            self.skipTest("another user cannot run this program, or may use /dev/kvm")
        self.check_all(self.OTHER_USER, "no permission", "group 'kvm'")

    @unittest.skipUnless(HAS_KVM, "this host has no KVM")
    def test_no_locked_memory_is_needed(self):
        status, lines = self.run_stub(["prlimit", "--memlock=0"], "-accel", "kvm,fallback=off")
        self.assertEqual((status, lines), (stubs.exit_status(3), ["stub is alive"]))

    def test_memory_that_may_not_be_locked(self):
        locked = ["-overcommit", "mem-lock=on"]
        user = ["prlimit", "--memlock=65536", *self.OTHER_USER]
        if subprocess.run([*self.OTHER_USER, "test", "-x", harness.emulator_command()[0]]).returncode != 0:
            self.skipTest("another user cannot run this program")
        status, lines = self.run_stub(user, "-accel", "jit", *locked)
        self.assertEqual((status, len(lines)), (1, 1), lines)
        self.assertIn("cannot lock 128 MiB of guest memory", lines[0])
        self.assertIn("the limit is 64 KiB: raise 'ulimit -l'", lines[0])
        self.assertEqual(self.run_stub([], "-accel", "jit", *locked), (stubs.exit_status(3), ["stub is alive"]))

    @unittest.skipUnless(HAS_KVM, "this host has no KVM")
    def test_too_few_descriptors_at_any_point_of_the_start(self):
        endings = set()
        for limit in range(10, 24):
            status, lines = self.run_stub(["prlimit", f"--nofile={limit}"], "-accel", "kvm,fallback=off")
            self.assertIn(status, (1, stubs.exit_status(3)), lines)
            endings.add(status)
            if status == 1:
                self.assertTrue(all(line.startswith("twin86: ") for line in lines), lines)
                self.assertIn("Too many open files", lines[-1])
        self.assertEqual(len(endings), 2, "the limits do not reach over the start")


@unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
class KvmFails(unittest.TestCase):
    """From any of its first calls on: one line, and the translator where it may go on."""

    def run_stub(self, shim, call, *accel):
        command = [*harness.emulator_command(), *stubs.DEVICES, "-debugcon", "stdio", "-kernel",
                   stubs.build("kvm_fails", "ECHO", "EXIT_CODE=3"), *accel]
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60,
                              stderr=subprocess.STDOUT, env=os.environ | {"LD_PRELOAD": str(shim), "KVM_FAILS_FROM": str(call)})
        return done.returncode, done.stdout.splitlines()

    def test_at_any_call(self):
        harness.OUT.mkdir(parents=True, exist_ok=True)
        shim = harness.OUT / "failing_kvm.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, stubs.HERE / "failing_kvm.c"], check=True)
        for call in [*range(1, 50, 4), *range(50, 75)]:
            with self.subTest(call):
                status, lines = self.run_stub(shim, call, "-accel", "kvm,fallback=off")
                self.assertEqual((status, lines[-1][:8]), (1, "twin86: "), lines)
                status, lines = self.run_stub(shim, call, "-machine", "accel=kvm:jit")
                self.assertEqual((status, lines[-1]), (stubs.exit_status(3), "stub is alive"), lines)
                self.assertLessEqual(len(lines), 2)


@unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
class SmallGuests(unittest.TestCase):
    """Nothing of these goes to the translator."""

    def test_prints_and_exits(self):
        with stubs.start("kvm_echo", "ECHO", "EXIT_CODE=3", extra=NO_FALLBACK) as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(3))
            self.assertIn("stub is alive\n", emulator.text())

    def test_command_line_and_unmapped_ports(self):
        with stubs.start("kvm_module", "MODULE", "UNMAPPED", "EXIT_CODE=1", extra=NO_FALLBACK + ["-append", "one two"]) as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(1))
            self.assertIn("one two", emulator.text())

    def test_triple_fault(self):
        with stubs.start("kvm_triple", "TRIPLE", extra=NO_FALLBACK + ["-no-reboot"]) as emulator:
            self.assertEqual(emulator.finish(), 0)


SEABIOS = "/usr/share/seabios/bios-256k.bin"
FIRMWARE_LOG = ["-chardev", "stdio,id=debug", "-device", "isa-debugcon,iobase=0x402,chardev=debug"]


@unittest.skipUnless(HAS_KVM and os.path.exists(SEABIOS), "/dev/kvm or Debian's package seabios is not there")
class Firmware(unittest.TestCase):
    """SeaBIOS, and what it boots: modes.asm, through every mode to ring 3."""

    def run_modes(self, name, accel, *options):
        harness.OUT.mkdir(parents=True, exist_ok=True)
        image = harness.OUT / f"{name}.img"
        subprocess.run(["nasm", "-f", "bin", *[f"-D{o}" for o in options], "-o", image, stubs.HERE / "modes.asm"], check=True)
        args = ["-m", "16", "-no-reboot", *stubs.DEVICES, "-debugcon", "stdio", "-hda", image, "-accel", accel]
        with harness.Emulator(name, args) as emulator:
            self.assertEqual(emulator.finish(120), stubs.exit_status(0x31), emulator.text())
            self.assertIn("RPLU", emulator.text())

    def test_seabios_to_its_boot_prompt_without_the_translator(self):
        args = ["-m", "64", "-display", "none", "-serial", "none", "-monitor", "none", *FIRMWARE_LOG, *NO_FALLBACK]
        with harness.Emulator("kvm_seabios", args) as emulator:
            emulator.expect("No bootable device", 300)

    def test_seabios_with_local_apics_in_the_kernel(self):
        args = ["-m", "64", "-display", "none", "-serial", "none", "-monitor", "none", *FIRMWARE_LOG,
                "-accel", "kvm,fallback=off,kernel-irqchip=split"]
        with harness.Emulator("kvm_split_seabios", args) as emulator:
            emulator.expect("No bootable device", 300)

    def test_all_modes_without_the_translator(self):
        self.run_modes("kvm_modes_alone", "kvm,fallback=off")

    def test_all_modes(self):
        self.run_modes("kvm_modes", "kvm")

    def ring(self, rounds, accel):
        harness.OUT.mkdir(parents=True, exist_ok=True)
        image = harness.OUT / "doorbell.img"
        subprocess.run(["nasm", "-f", "bin", f"-DROUNDS={rounds}", "-o", image, stubs.HERE / "doorbell.asm"], check=True)
        args = ["-m", "16", "-no-reboot", *stubs.DEVICES, "-device", "pci-testdev", "-hda", image, "-accel", accel, "-d", "stats"]
        with harness.Emulator("doorbell", args) as emulator:
            self.assertEqual(emulator.finish(120), stubs.exit_status(0x31), emulator.text())
            return emulator.text()

    def test_doorbells_cost_kvm_no_exits(self):
        for accel in ("jit", "kvm"):
            self.ring(100, accel)
        exits = [int(re.search(r"kvm exits .*\bport (\d+)", self.ring(n, "kvm,fallback=off")).group(1)) for n in (100, 5100)]
        # Of four writes in each round the one that matches nothing comes out.
        self.assertLess(exits[1] - exits[0], 7500)
        self.assertGreater(exits[1] - exits[0], 4000)

    def test_int_from_ring_3(self):
        self.run_modes("kvm_modes_int", "kvm", "INT")

    def test_syscall_from_ring_3(self):
        self.run_modes("kvm_modes_syscall", "kvm", "SYSCALL")

    def test_all_modes_while_engines_change(self):
        for what in ([], ["INT"], ["SYSCALL"]):
            with self.subTest(what):
                self.run_modes("kvm_modes_stress", "kvm,stress-switch=200", "LOOPS=200000000", *what)



if __name__ == "__main__":
    unittest.main()
