#!/usr/bin/env python3
"""Adds up test cases over meson's JSON logs and prints 'N passed, N failed, N skipped' as the last line.

    count_cases.py [--step NAME=STATUS]... [--log NAME=FILE]...

Catch2 executables and tests/lib/case_runner.py state in their output how many cases they ran; any other test is one case.
A step (building, a lint) counts only when it failed. A program that failed without stating a failed case (a crash, a time limit) is one failed case more.
Exit status 0 only if something passed and nothing failed.
"""
import argparse
import json
import re
import sys

CATCH_ALL_PASSED = re.compile(r"^All tests passed \(.*? in (\d+) test cases?\)", re.M)
CATCH_SOME_FAILED = re.compile(r"^test cases:(.*)$", re.M)
PYTHON = re.compile(r"^cases: (\d+) passed, (\d+) failed, (\d+) skipped", re.M)
NUMBER_OF = r"(\d+) %s"
FAILURE = re.compile(r"FAILED:|^(FAIL|ERROR):|ERROR: \w+Sanitizer|runtime error:|internal error")


def stated_cases(output):
    """(passed, failed, skipped) as the program says, or None."""
    if match := list(PYTHON.finditer(output)):
        return tuple(int(n) for n in match[-1].groups())
    if match := CATCH_ALL_PASSED.search(output):
        return int(match.group(1)), 0, 0
    if match := list(CATCH_SOME_FAILED.finditer(output)):
        def number(word):
            found = re.search(NUMBER_OF % word, match[-1].group(1))
            return int(found.group(1)) if found else 0
        # "failed as expected" is Catch2's [!shouldfail]: what it should do.
        return number("passed"), number(r"failed(?! as)"), 0
    return None


def count(test):
    passed, failed, skipped = stated_cases(test.get("stdout") or "") or (0, 0, 0)
    result = test["result"]
    if result == "SKIP":
        return (0, 0, max(1, skipped))
    if result in ("OK", "EXPECTEDFAIL"):
        return (passed, failed, skipped) if passed + failed + skipped else (1, 0, 0)
    return (passed, max(1, failed), skipped)


def evidence(test, lines=8):
    """The first lines about the first failure, for a reader who sees only the end of a long output."""
    output = [line for line in ((test.get("stdout") or "") + (test.get("stderr") or "")).splitlines() if line.strip()]
    marked = (i for i, line in enumerate(output) if FAILURE.search(line))
    first = next(marked, max(0, len(output) - lines))
    return ["    " + line[:160] for line in output[first : first + lines]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", action="append", default=[])
    parser.add_argument("--log", action="append", default=[])
    arguments = parser.parse_args()
    total, failures, rows = [0, 0, 0], [], []
    for step in arguments.step:
        name, status = step.split("=")
        rows.append((name, (0, int(status != "0"), 0)))
        if status != "0":
            failures.append(name)
    for log in arguments.log:
        name, path = log.split("=", 1)
        sums = [0, 0, 0]
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                test = json.loads(line)
                counts = count(test)
                sums = [a + b for a, b in zip(sums, counts)]
                if counts[1]:
                    title = f"{name}: {test['name']} ({counts[1]} failed, {test['result']})"
                    failures.append("\n".join([title, *evidence(test)]))
        rows.append((name, sums))
    for name, counts in rows:
        total = [a + b for a, b in zip(total, counts)]
        print(f"{name:28} {counts[0]:6} passed {counts[1]:4} failed {counts[2]:4} skipped")
    for failure in failures:
        print("FAILED", failure)
    print("{} passed, {} failed, {} skipped".format(*total))
    return 0 if total[0] and not total[1] else 1


if __name__ == "__main__":
    sys.exit(main())
