"""tools/divergence: finds nothing where nothing is wrong, and whatever is put into a trace."""
import re
import subprocess
import unittest

import harness
import stubs

TOOL = harness.ROOT / "tools" / "divergence"
ONE_INSN = ["-accel", "jit,one-insn-per-block=on"]
TRACE = ["-d", "exec,blocks,int,nochain", "-D"]
RESULT = 0x15    # what walk.asm ends with when all is well


def machine(image):
    return [*harness.emulator_command(), *stubs.DEVICES, "-kernel", str(image)]


def find(*args):
    """Exit status and output of the finder."""
    done = subprocess.run([TOOL, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


class TwoMachines(unittest.TestCase):
    def test_one_instruction_blocks_change_nothing(self):
        status, text = find("--", *machine(stubs.build("walk", source="walk.asm")))
        self.assertEqual(status, 0, text)
        self.assertGreater(int(re.search(r"\((\d+) instructions\)", text).group(1)), 5000)

    def test_different_bytes_are_found_where_they_are_loaded(self):
        image = stubs.build("walk_echo", "MODULE", "EXIT_CODE=1")
        status, text = find("--first=-append onetwo", f"--second=-append onexwo {' '.join(ONE_INSN)}", "--",
                            *machine(image))
        self.assertEqual(status, 1, text)
        rax = re.search(r"rax +first 0x(\w+), second 0x(\w+)", text)
        self.assertEqual([int(v, 16) & 0xff for v in rax.groups()], [ord("t"), ord("x")])
        self.assertRegex(text, r"lodsb +\| \+\w+ ")    # the block to look at, guest and host code

    def test_nothing_to_compare_is_an_error(self):
        status, text = find("--", *harness.emulator_command(), "-no-such-option")
        self.assertEqual(status, 2, text)


class Mutations(unittest.TestCase):
    """Two recorded traces, one of them changed at one place."""

    @classmethod
    def setUpClass(cls):
        image = stubs.build("walk", source="walk.asm")
        cls.files = [harness.OUT / "walk_blocks.trace", harness.OUT / "walk_insns.trace"]
        for file, options in zip(cls.files, ([], ONE_INSN)):
            ended = subprocess.run([*machine(image), *options, *TRACE, file], stdin=subprocess.DEVNULL).returncode
            if ended != stubs.exit_status(RESULT):
                raise AssertionError(f"walk.asm ended with {ended}")

    def compare(self, which, change):
        """The finder's answer when change(lines, indices of entries) was applied to one trace."""
        lines = self.files[which].read_text().splitlines()
        change(lines, [n for n, line in enumerate(lines) if line.startswith("0x")])
        changed = harness.OUT / "walk_changed.trace"
        changed.write_text("\n".join(lines) + "\n")
        pair = list(self.files)
        pair[which] = changed
        return find("--traces", *pair)

    def test_the_recorded_traces_agree(self):
        status, text = self.compare(0, lambda lines, entries: None)
        self.assertEqual(status, 0, text)

    def test_a_changed_register_is_named(self):
        for part, register in ((0.02, "rbp"), (0.1, "fl"), (0.9, "rsi"), (1, "rsp")):
            at = []

            def change(lines, entries):
                n = entries[int(part * (len(entries) - 1))]
                at.append(int(lines[n].split()[0], 16))
                lines[n] = re.sub(rf"(?<= {register}=)\w+", lambda m: f"{int(m.group(), 16) ^ 0x40:x}", lines[n])

            with self.subTest(register=register):
                status, text = self.compare(0, change)
                self.assertEqual(status, 1, text)
                self.assertIn(f"at {at[0]:#x}:", text)
                self.assertEqual(re.findall(r"(?m)^  (\w+) +first 0x", text), [register], text)

    def test_a_register_that_is_wrong_from_one_instruction_on_is_found(self):
        def change(lines, entries):
            for n in entries[len(entries) // 2:]:
                lines[n] = re.sub(r"(?<= r9=)\w+", "1", lines[n])

        status, text = self.compare(1, change)
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"r9 +first 0x0, second 0x1")

    def test_a_jump_to_elsewhere_is_found(self):
        def change(lines, entries):
            n = entries[len(entries) // 3]
            lines[n] = "0x1234567 " + lines[n].split(" ", 1)[1]

        status, text = self.compare(0, change)
        self.assertEqual(status, 1, text)
        self.assertIn("at 0x1234567:", text)
        self.assertIn("does not come here", text)

    def test_a_machine_that_stops_early_is_found(self):
        for which in (0, 1):
            with self.subTest(which=which):
                status, text = self.compare(which, lambda lines, entries: lines.__delitem__(slice(entries[len(entries) // 2], None)))
                self.assertEqual(status, 1, text)
                self.assertIn("goes on", text)

    def test_ignored_registers_are_not_compared(self):
        def change(lines, entries):
            lines[entries[200]] = re.sub(r"(?<= rbp=)\w+", "1", lines[entries[200]])

        self.assertEqual(self.compare(0, change)[0], 1)
        changed = harness.OUT / "walk_changed.trace"
        status, text = find("--ignore=rbp", "--traces", changed, self.files[1])
        self.assertEqual(status, 0, text)


if __name__ == "__main__":
    unittest.main()
