"""The command line of people who write kernels: -kernel of an ELF file, debug console, debug exit."""
import unittest

import stubs


class Stub(unittest.TestCase):
    def test_prints_and_exits(self):
        with stubs.start("stub_echo", "ECHO", "EXIT_CODE=3") as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(3))
            self.assertIn("stub is alive\n", emulator.text())

    def test_exit_status_is_the_code_written(self):
        for code in (0, 1, 0x10, 0x3f):
            with self.subTest(code=code), stubs.start("stub_exit", f"EXIT_CODE={code}") as emulator:
                self.assertEqual(emulator.finish(), stubs.exit_status(code))

    def test_command_line_reaches_the_kernel(self):
        with stubs.start("stub_append", "MODULE", "EXIT_CODE=1", extra=["-append", "one two=three"]) as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(1))
            self.assertIn("one two=three", emulator.text())

    def test_unmapped_ports_do_no_harm(self):
        with stubs.start("stub_unmapped", "UNMAPPED", "ECHO", "EXIT_CODE=4") as emulator:
            self.assertEqual(emulator.finish(), stubs.exit_status(4))

    def test_triple_fault_resets_and_no_reboot_ends(self):
        with stubs.start("stub_triple", "TRIPLE", extra=["-no-reboot"]) as emulator:
            self.assertEqual(emulator.finish(), 0)


if __name__ == "__main__":
    unittest.main()
