"""32-bit guests: Debian's i386 kernels to a shell, and 32-bit programs on the 64-bit kernel."""
import gzip
import pathlib
import subprocess
import unittest

import harness
import linux_guest

HERE = pathlib.Path(__file__).resolve().parent


def assemble_program():
    """tests/guest/i386.asm as a static Linux program; returns its path."""
    harness.OUT.mkdir(parents=True, exist_ok=True)
    program = harness.OUT / "i386"
    relocatable = program.with_suffix(".o")
    subprocess.run(["nasm", "-f", "elf32", "-o", relocatable, HERE / "i386.asm"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-o", program, relocatable], check=True)
    return program


def cpio_entry(name, data, mode):
    """One member of a 'newc' archive (Linux, Documentation/driver-api/early-userspace/buffer-format.rst)."""
    name = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    header = b"070701" + b"".join(b"%08X" % f for f in fields)
    return b"".join(part + b"\0" * (-len(part) % 4) for part in (header + name, data))


def initrd_with_program(shell):
    """The shell's image with the program as /i386: the kernel unpacks archives that follow each other."""
    archive = cpio_entry("i386", assemble_program().read_bytes(), 0o100755) + cpio_entry("TRAILER!!!", b"", 0)
    image = harness.OUT / "i386.cpio.gz"
    image.write_bytes(pathlib.Path(shell).read_bytes() + gzip.compress(archive))
    return image


class I386:
    """One boot with 32-bit busybox; the cases run in the order of their names."""
    machine = "i686"

    @classmethod
    def setUpClass(cls):
        kernel, shell = harness.guest_files(cls.kernel, "initrd-shell-i386")
        cls.emulator = harness.Emulator(cls.__name__, linux_guest.arguments(kernel, initrd_with_program(shell)))
        cls.shell = harness.Shell(cls.emulator)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.__exit__()

    def test_1_machine(self):
        self.assertEqual(self.shell.check("uname -m").strip(), self.machine)

    def test_2_processes_and_files(self):
        text = self.shell.check("for i in $(seq 1 50); do (echo $i) & done | sort -n | awk '{ s += $1 } END { print s / 3 }'; "
                                "dd if=/dev/urandom of=/tmp/a bs=64k count=16 2>/dev/null; gzip -c /tmp/a | gunzip | cmp - /tmp/a && echo same")
        self.assertEqual(text, "425\nsame\n")

    def test_3_what_32_bit_programs_need_of_the_processor(self):
        lines = self.shell.check("/i386").splitlines()
        self.assertEqual([line for line in lines if not line.endswith(" ok")], [])
        self.assertEqual(len(lines), 12)

    def test_4_no_complaints_in_the_log(self):
        self.assertEqual(linux_guest.complaints(self.shell.check("dmesg | grep -v 'i386\\['")), [])

    def test_5_power_off(self):
        self.emulator.send("poweroff -f\n")
        self.assertEqual(self.emulator.finish(), 0)


class PaeKernel(I386, unittest.TestCase):
    kernel = "kernel-686-pae"


class PlainKernel(I386, unittest.TestCase):
    """Two levels of page tables."""
    kernel = "kernel-686"


class ProgramsOnCloudKernel(I386, unittest.TestCase):
    """Compatibility mode."""
    kernel = "kernel-cloud"
    machine = "x86_64"
