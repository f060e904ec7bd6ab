"""Linux under KVM, and machines that change engines while they run."""
import hashlib
import os
import re
import unittest

import harness
import linux_guest

HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)

# Files, pipes, signals, timers, floating point; prints sums that do not depend on time.
LOAD = ("for i in 1 2 3 4 5 6; do seq 1 2000 | sort -rn | md5sum; dd if=/dev/zero of=/tmp/f bs=64k count=16 2>/dev/null; "
        "md5sum </tmp/f; usleep 2000; (sleep 5 & k=$!; kill -TERM $k; wait $k; echo $?) 2>/dev/null; done; "
        "awk 'BEGIN{for(i=1;i<20000;i++)s+=1/i/(i+.5);printf \"%.12f\\n\",s}'")

SEQ_500 = hashlib.md5("".join(f"{i}\n" for i in range(1, 501)).encode()).hexdigest() + "  -\n"


class LockStep(unittest.TestCase):
    """A boot is sampled; the first difference would end the machine. A kernel this slow may miss ticks while it checks the timer."""

    def test_the_translator_and_itself_to_the_shell(self):
        with linux_guest.boot("lockstep_jit", append="no_timer_check",
                              extra=["-accel", "lockstep,reference=jit,unchecked=5000,blocks=50"]) as emulator:
            self.assertEqual(harness.Shell(emulator).check("seq 1 500 | md5sum", 300), SEQ_500)

    @unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
    def test_the_translator_and_kvm_through_the_start_of_a_kernel(self):
        accel = ["-accel", "lockstep,reference=kvm,unchecked=20000,blocks=20"]
        with linux_guest.boot("lockstep_kvm", append="earlyprintk=ttyS0 no_timer_check", extra=accel) as emulator:
            emulator.expect(r"Memory: \d+K/\d+K available", 300)

    @unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
    def test_the_translator_and_kvm_in_programs(self):
        accel = ["-accel", "lockstep,reference=kvm,unchecked=20000,blocks=50", "-d", "stats"]
        with linux_guest.boot("lockstep_kvm_programs", append="no_timer_check", extra=accel) as emulator:
            shell = harness.Shell(emulator)
            self.assertEqual(shell.check("seq 1 500 | md5sum", 300), SEQ_500)
            shell.check("awk 'BEGIN{for(i=1;i<30000;i++)s+=1/i/(i+.5);printf \"%.12f\\n\",s}'", 300)
            emulator.send("poweroff -f\n")
            self.assertEqual(emulator.finish(), 0)
            every, by_kvm = map(int, re.search(r"reference +(\d+) instructions, (\d+) of them", emulator.text()).groups())
            self.assertGreater(by_kvm, 2000)
            self.assertGreater(by_kvm, 0.8 * every)
            self.assertNotIn("lock-step: after", emulator.text())


@unittest.skipUnless(HAS_KVM, "/dev/kvm is not there or not permitted")
class Linux(unittest.TestCase):
    def reference(self):
        with linux_guest.boot("accel_reference", extra=["-accel", "jit"]) as emulator:
            return harness.Shell(emulator).check(LOAD)

    def monitor(self, emulator, command):
        """Ctrl-A c, the command, Ctrl-A c; what the monitor says to it."""
        emulator.send("\x01c")
        emulator.expect(r"\(twin86\) ", 60)
        emulator.send(command + "\n")
        text = emulator.expect(r"(?s)(.*?)\(twin86\) ", 60).group(1).decode()
        emulator.send("\x01c")
        return text

    def test_boot_and_load_under_kvm_give_what_the_translator_gives(self):
        expected = self.reference()
        with linux_guest.boot("accel_kvm", extra=["-accel", "kvm"]) as emulator:
            shell = harness.Shell(emulator)
            runs = 0
            for _ in range(20):  # on a busy host KVM gets little
                self.assertEqual(shell.check(LOAD, 300), expected)
                runs = int(re.search(r"kvm runs +(\d+)", self.monitor(emulator, "info accel")).group(1))
                if runs >= 20:
                    break
            self.assertGreaterEqual(runs, 20)
            self.assertEqual(linux_guest.complaints(emulator.text()), [])

    def test_a_thousand_switches_change_nothing(self):
        expected = self.reference()
        with linux_guest.boot("accel_stress", extra=["-accel", "kvm,stress-switch=1000"]) as emulator:
            shell = harness.Shell(emulator)
            switches = runs = 0
            for _ in range(20):
                self.assertEqual(shell.check(LOAD, 300), expected)
                text = self.monitor(emulator, "info accel")
                switches = int(re.search(r"switches +(\d+)", text).group(1))
                runs = int(re.search(r"kvm runs +(\d+)", text).group(1))
                if switches >= 1000 and runs >= 200:
                    break
            self.assertGreaterEqual(switches, 1000)
            self.assertGreaterEqual(runs, 200)
            # The guest's watchdog compares the TSC with clocks that count interrupts.
            self.assertEqual(shell.check("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"), "tsc\n")
            self.assertEqual(linux_guest.complaints(emulator.text()), [])

    def test_restarts_by_the_guest_and_by_the_monitor(self):
        files = harness.guest_files("kernel-cloud") + harness.guest_files("initrd-shell")
        arguments = [a for a in linux_guest.arguments(*files, extra=["-accel", "kvm,stress-switch=1000"]) if a != "-no-reboot"]
        with harness.Emulator("accel_restart", arguments) as emulator:
            for _ in range(2):
                self.assertEqual(harness.Shell(emulator).check("seq 1 500 | md5sum"), SEQ_500)
                emulator.send("reboot -f\n")
            harness.Shell(emulator)
            self.monitor(emulator, "system_reset")
            self.assertEqual(harness.Shell(emulator).check("seq 1 500 | md5sum"), SEQ_500)
            self.assertEqual(linux_guest.complaints(emulator.text()), [])

    def test_the_monitor_changes_engines(self):
        with linux_guest.boot("accel_monitor", extra=["-accel", "kvm"]) as emulator:
            shell = harness.Shell(emulator)
            for engine in ["jit", "kvm"] * 3:
                self.monitor(emulator, f"accel {engine}")
                self.assertEqual(shell.check("echo $((6 * 7)); seq 1 500 | md5sum"), "42\n" + SEQ_500)
            self.assertIn("has kvm and jit", self.monitor(emulator, "accel tcg"))



if __name__ == "__main__":
    unittest.main()
