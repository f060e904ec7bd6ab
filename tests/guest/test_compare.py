"""`twin86 compare`: runs small guests under several engines and reports."""
import json
import subprocess
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


if __name__ == "__main__":
    unittest.main()
