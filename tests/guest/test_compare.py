"""`twin86 compare`: runs small guests under several engines and reports."""
import json
import os
import signal
import subprocess
import time
import unittest

import harness
import stubs


class Compare(unittest.TestCase):
    def compare(self, name, *options, text="stub is alive"):
        """Exit status, what it printed, the measurements and the page."""
        kernel = stubs.build(name, "ECHO", "EXIT_CODE=1")
        machine = [*stubs.DEVICES, "-debugcon", "stdio", "-kernel", kernel]
        page, data = harness.OUT / f"{name}.html", harness.OUT / f"{name}.json"
        for file in (page, data):
            file.unlink(missing_ok=True)
        command = [*harness.emulator_command(), "compare", "--html", page, "--json", data, "--until", text, *options, "--", *machine]
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertTrue(data.exists(), done.stdout)
        return done.returncode, done.stdout, json.loads(data.read_text()), page.read_text()

    def test_table_data_and_page_name_every_engine(self):
        status, printed, data, page = self.compare("compare", "--engines", "jit;jit,mmu=soft")
        self.assertEqual(status, 0, printed)
        self.assertEqual([d["engine"] for d in data], ["jit", "jit,mmu=soft"])
        for d in data:
            self.assertEqual(list(d["marks"]), ["text"])
            self.assertGreater(d["counters"]["guest"]["instructions"], 10)
            self.assertGreater(d["peak_kib"], 1000)
            self.assertIn(d["engine"], printed)
            self.assertIn(d["engine"], page)
        self.assertIn("<svg", page)
        self.assertNotIn("<script", page)
        self.assertNotIn("http", page.replace("http-equiv", ""))  # self-contained

    def test_an_engine_that_does_not_finish_is_named(self):
        status, printed, data, page = self.compare("compare_fails", "--engines", "jit", text="stub is dead")
        self.assertEqual(status, 1, printed)
        self.assertIn("never said 'stub is dead'", printed)
        self.assertFalse(data[0]["ok"])
        self.assertIn("never said", page)

    @unittest.skipUnless(os.access("/dev/kvm", os.R_OK | os.W_OK), "/dev/kvm is not there or not permitted")
    def test_kvm_shows_exits_and_switches(self):
        status, printed, data, page = self.compare("compare_kvm", "--engines", "kvm;kvm,fallback=off")
        self.assertEqual(status, 0, printed)
        both, alone = (d["counters"] for d in data)
        self.assertEqual(list(both["switches"]), ["switches", "s in the first engine", "s in the translator"])
        self.assertGreater(alone["kvm exits"]["port"], 3)
        self.assertGreater(alone["kvm runs"]["kvm runs"], 3)
        for title in ("Exits of KVM, by reason", "Entries of KVM"):
            self.assertIn(title, page)
        # The page leaves out what never happened, and on a quick machine this guest is over before it moves.
        self.assertEqual("Moves between engines" in page, any(both["switches"].values()))

    def processes_of(self, kernel):
        found = subprocess.run(["pgrep", "-f", f"twin86.*{kernel}"], stdout=subprocess.PIPE, text=True)
        return found.stdout.split()

    def test_a_guest_that_hangs_is_ended(self):
        kernel = stubs.build("compare_hangs", "ECHO", "HALT")
        command = [*harness.emulator_command(), "compare", "--engines", "jit", "--limit", "2", "--html", harness.OUT / "hangs.html",
                   "--until", "nothing", "--", *stubs.DEVICES, "-debugcon", "stdio", "-kernel", kernel]
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not done within 2 s", done.stdout)
        self.assertEqual(self.processes_of(kernel), [])

    def test_an_interrupt_ends_everything_without_a_trace(self):
        kernel = stubs.build("compare_interrupted", "ECHO", "HALT")
        command = [*harness.emulator_command(), "compare", "--engines", "jit", "--html", harness.OUT / "interrupted.html",
                   "--until", "nothing", "--", *stubs.DEVICES, "-debugcon", "stdio", "-kernel", kernel]
        tool = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        limit = time.monotonic() + 60
        while len(self.processes_of(kernel)) < 2 and time.monotonic() < limit:  # the tool and the emulator
            time.sleep(0.1)
        tool.send_signal(signal.SIGINT)
        printed, _ = tool.communicate(timeout=60)
        self.assertEqual((tool.returncode, printed), (1, "compare: interrupted\n"))
        self.assertEqual(self.processes_of(kernel), [])


if __name__ == "__main__":
    unittest.main()
