"""Builds variants of stub.asm and gives the command lines that go with them."""
import pathlib
import subprocess

import harness

HERE = pathlib.Path(__file__).resolve().parent
DEVICES = ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-display", "none"]


def build(name, *options, source="stub.asm"):
    """Assembles the source with the options (-D...); returns the path of the ELF file."""
    harness.OUT.mkdir(parents=True, exist_ok=True)
    image = harness.OUT / f"{name}.elf"
    relocatable = image.with_suffix(".o")
    subprocess.run(["nasm", "-f", "elf32", *[f"-D{o}" for o in options], "-o", relocatable, HERE / source],
                   check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-N", "--no-warn-rwx-segments", "-Ttext=0x100000", "-e", "_start", "-o", image,
                    relocatable], check=True)
    return image


def exit_status(code):
    """What isa-debug-exit makes of the value written to it."""
    return (code << 1 | 1) & 0xff


def start(name, *options, extra=(), pty=False, debug_console=True):
    console = ["-debugcon", "stdio"] if debug_console else []
    return harness.Emulator(name, [*DEVICES, *console, "-kernel", build(name, *options), *extra], pty=pty)
