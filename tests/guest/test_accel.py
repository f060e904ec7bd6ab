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

    def test_all_modes_without_the_translator(self):
        self.run_modes("kvm_modes_alone", "kvm,fallback=off")

    def test_all_modes(self):
        self.run_modes("kvm_modes", "kvm")

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
