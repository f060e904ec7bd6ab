"""tools/lint: the rules for includes."""
import importlib.machinery
import importlib.util
import pathlib
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lint"


def load():
    loader = importlib.machinery.SourceFileLoader("lint", str(TOOL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader))
    loader.exec_module(module)
    return module


LINT = load()


def complaints(path, text):
    return [message for _, message in LINT.check_includes(pathlib.PurePosixPath(path), text, {})]


class Includes(unittest.TestCase):
    def test_up_the_order_is_fine(self):
        self.assertEqual(complaints("mmu/x.h", '#include "base/types.h"\n#include <vector>\n'), [])

    def test_down_the_order(self):
        self.assertEqual(complaints("base/x.h", '#include "devices/core/device.h"\n'),
                         ["base must not know devices/core: devices/core/device.h"])

    def test_subfolder_belongs_to_its_parent(self):
        self.assertEqual(LINT.unit_of(pathlib.PurePosixPath("accel/jit/leaf")), "accel/jit")

    def test_relative_missing_and_angled(self):
        self.assertEqual(len(complaints("mmu/x.h", '#include "../base/types.h"\n')), 1)
        self.assertEqual(len(complaints("base/x.h", '#include "types.h"\n')), 1)
        self.assertEqual(len(complaints("mmu/x.h", "#include <base/types.h>\n")), 1)

    def test_unknown_folder(self):
        self.assertEqual(len(complaints("misc/x.h", "")), 1)

    def test_cycle(self):
        self.assertIsNone(LINT.find_cycle({("a", "b"): "", ("b", "c"): "", ("a", "c"): ""}))
        self.assertEqual(LINT.find_cycle({("a", "b"): "", ("b", "c"): "", ("c", "b"): ""}), ["b", "c", "b"])


if __name__ == "__main__":
    unittest.main()
