"""Runs the cases of one Python file and ends with a summary line that tools/check adds up.

    python3 tests/lib/case_runner.py tests/guest/test_boot_linux.py [Class | Class.method ...]

Exit status 77 when all cases were skipped, as meson wants it.
"""
import importlib
import pathlib
import sys
import time
import unittest


class Result(unittest.TextTestResult):
    """Prints how long each case took, and counts cases rather than subtests."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.stream.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self.stream.writeln(f"    {time.monotonic() - self.started:.1f} s")

    def failed(self):
        """Cases with several failed subtests count once."""
        return len({getattr(case, "test_case", case).id() for case, _ in self.failures + self.errors})


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(path.parent))
    sys.dont_write_bytecode = True
    module = importlib.import_module(path.stem)
    loader = unittest.TestLoader()
    names = sys.argv[2:]
    tests = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(sys.stdout, verbosity=2, resultclass=Result).run(tests)
    failed, skipped = result.failed(), len(result.skipped)
    print(f"cases: {result.passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if failed or not (result.passed or skipped):
        return 1
    return 0 if result.passed else 77


if __name__ == "__main__":
    sys.exit(main())
