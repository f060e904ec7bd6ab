"""tools/lib/count_cases.py: what it makes of the programs' output, and when it says that all is well."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib" / "count_cases.py"
GREEN = "===\nAll tests passed (12 assertions in 3 test cases)\n"
RED = "===\ntest cases: 5 | 3 passed | 2 failed\nassertions: 9 | 7 passed | 2 failed\n"


def count(*tests, steps=()):
    """Runs the tool over a log with the tests (output, result); returns (exit status, last line)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
        for number, (output, result) in enumerate(tests):
            log.write(json.dumps({"name": f"t{number}", "stdout": output, "result": result}) + "\n")
        log.flush()
        command = [sys.executable, TOOL, "--log", f"suite={log.name}"]
        for step in steps:
            command += ["--step", step]
        done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()[-1]


class CountCases(unittest.TestCase):
    def test_adds_cases_of_programs(self):
        self.assertEqual(count((GREEN, "OK"), (GREEN, "OK")), (0, "6 passed, 0 failed, 0 skipped"))

    def test_failed_cases(self):
        self.assertEqual(count((GREEN, "OK"), (RED, "FAIL")), (1, "6 passed, 2 failed, 0 skipped"))

    def test_expected_failures_are_not_failures(self):
        output = "test cases: 3 | 2 passed | 1 failed as expected\n"
        self.assertEqual(count((output, "OK")), (0, "2 passed, 0 failed, 0 skipped"))

    def test_crash_is_a_failure(self):
        for result in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT"):
            self.assertEqual(count(("", result), (GREEN, "OK")), (1, "3 passed, 1 failed, 0 skipped"))

    def test_crash_after_a_green_summary_is_a_failure(self):
        self.assertEqual(count((GREEN, "FAIL")), (1, "3 passed, 1 failed, 0 skipped"))

    def test_guest_summary(self):
        output = "cases: 4 passed, 0 failed, 2 skipped\n"
        self.assertEqual(count((output, "OK")), (0, "4 passed, 0 failed, 2 skipped"))

    def test_nothing_ran(self):
        self.assertEqual(count(), (1, "0 passed, 0 failed, 0 skipped"))
        self.assertEqual(count(("", "SKIP")), (1, "0 passed, 0 failed, 1 skipped"))

    def test_steps(self):
        self.assertEqual(count((GREEN, "OK"), steps=["lint=0"]), (0, "3 passed, 0 failed, 0 skipped"))
        self.assertEqual(count((GREEN, "OK"), steps=["build=1"]), (1, "3 passed, 1 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
