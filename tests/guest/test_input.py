"""The mouse as Linux's own driver sees it, moved by the monitor."""
import unittest

import harness
import linux_guest
import monitor_screen

SWITCH = "\x01c"  # the terminal, between console and monitor


class Mouse(unittest.TestCase):
    """Packets of /dev/input/mice: buttons and signs, movement to the right, movement upwards. Linux, mousedev.c."""

    def command(self, emulator, line):
        emulator.send(SWITCH)
        emulator.expect(monitor_screen.PROMPT)
        emulator.send(line + "\n")
        emulator.expect(monitor_screen.PROMPT)
        emulator.send(SWITCH)

    def test_movements_and_buttons_arrive(self):
        with linux_guest.boot("mouse", kernel="kernel-generic", initrd="initrd-mouse") as emulator:
            shell = harness.Shell(emulator)
            shell.check("for m in $(cat /modules/order); do insmod /modules/$m || exit 1; done")
            shell.check("i=0; while ! grep -q 'PS/2.*Mouse' /proc/bus/input/devices && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done")
            self.assertIn("ImExPS/2 Generic Explorer Mouse", shell.check("cat /proc/bus/input/devices"))
            shell.check("dd if=/dev/input/mice of=/tmp/packets bs=3 count=5 2>/dev/null &")
            shell.check("while ! ls -l /proc/$!/fd | grep -q /dev/input/mice; do usleep 10000; done")
            expected = []
            for line, packet in (("mouse_move 5 -3", "08 05 03"), ("mouse_move -100 20", "38 9c ec"), ("mouse_button 1", "09 00 00"),
                                 ("mouse_button 6", "0e 00 00"), ("mouse_button 0", "08 00 00")):
                self.command(emulator, line)
                expected += packet.split()
                shell.check(f"while [ $(stat -c %s /tmp/packets) -lt {len(expected)} ]; do usleep 10000; done")
                self.assertEqual(shell.check("od -A n -t x1 /tmp/packets").split(), expected)
            self.assertRegex(shell.check("cat /proc/interrupts"), r"12: +[1-9]\d* .*i8042")
            self.assertEqual(linux_guest.complaints(shell.check("dmesg")), [])


if __name__ == "__main__":
    unittest.main()
