"""The library that emitted code calls with guest vector state live: it calls nothing, shares nothing, touches no vectors.

$LEAF_ARCHIVE names the static library (accel/jit/leaf).
"""
import os
import re
import subprocess
import unittest


def output(*command):
    return subprocess.run([*command, os.environ["LEAF_ARCHIVE"]], check=True, capture_output=True, text=True).stdout


class Leaf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.symbols = re.findall(r"^[0-9a-f ]{16} (\w) (\S+)$", output("nm"), re.M)

    def test_has_the_entry_points(self):
        entries = {"twin86_leaf_" + name for name in ("fill", "commit", "string", "elements", "transfer")}
        self.assertLessEqual(entries, {name for kind, name in self.symbols if kind == "T"})

    def test_calls_nothing_outside(self):
        defined = {name for kind, name in self.symbols if kind == "T"}
        self.assertEqual([name for kind, name in self.symbols if kind == "U" and name not in defined], [])

    def test_nothing_that_the_linker_could_replace(self):
        # A weak function may be merged with a copy that was compiled for vector registers.
        self.assertEqual([name for kind, name in self.symbols if kind in "WwVvu"], [])

    def test_touches_no_vector_or_x87_register(self):
        code = output("objdump", "-d", "--no-show-raw-insn")
        self.assertIn("<twin86_leaf_fill>:", code)
        self.assertEqual(re.findall(r".*%(?:[xyz]mm|mm|st|k)\d.*", code), [])


if __name__ == "__main__":
    unittest.main()
