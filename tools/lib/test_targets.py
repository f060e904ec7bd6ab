#!/usr/bin/env python3
"""Prints the ninja targets that the tests of some meson suites need: test_targets.py BUILD_DIR SUITE..."""
import json
import os
import pathlib
import subprocess
import sys


def main():
    tree, suites = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
    text = subprocess.run(["meson", "introspect", "--tests", "--targets", tree], check=True, capture_output=True).stdout
    everything = json.loads(text)
    needed = set()
    for test in everything["tests"]:
        # A suite is reported as 'project:suite'.
        if suites & {name.split(":")[-1] for name in test["suite"]}:
            needed |= set(test["depends"])
    for target in everything["targets"]:
        if target["id"] in needed:
            for name in target["filename"]:
                print(os.path.relpath(name, tree.resolve()))


if __name__ == "__main__":
    main()
