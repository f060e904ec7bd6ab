"""The choice of an engine, and the KVM engine with small guests."""
import os
import re
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



if __name__ == "__main__":
    unittest.main()
