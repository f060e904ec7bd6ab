"""Runs one test module and ends with a summary line that tools/check adds up. Exit status 77: all were skipped.

    python3 tests/guest/runner.py test_boot_linux [Class | Class.method ...]
"""
import importlib
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness  # noqa: E402


class Result(unittest.TextTestResult):
    """Prints a line per case; a guest file that cannot be had skips the case."""

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def addError(self, test, err):
        if issubclass(err[0], harness.Unavailable):
            self.addSkip(test, str(err[1]))
        else:
            super().addError(test, err)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.stream.writeln(f"    {time.monotonic() - self.started:.1f} s")


def main():
    module = importlib.import_module(sys.argv[1])
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(sys.argv[2:], module) if sys.argv[2:] else loader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(sys.stdout, verbosity=2, resultclass=Result).run(tests)
    # A case with several failed subtests is one failed case.
    failed = len({getattr(case, "test_case", case).id() for case, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    passed = max(0, result.testsRun - failed - skipped)
    print(f"guest cases: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if failed or result.testsRun + skipped == 0:
        return 1
    return 0 if passed else 77


if __name__ == "__main__":
    sys.exit(main())
