"""Debian's firmware, unmodified: what it finds and what it does with it."""
import os
import unittest

import harness
import monitor_screen

SEABIOS = "/usr/share/seabios/bios-256k.bin"
DEBUG = ["-display", "none", "-serial", "none", "-monitor", "none",
         "-chardev", "stdio,id=debug", "-device", "isa-debugcon,iobase=0x402,chardev=debug"]


@unittest.skipUnless(os.path.exists(SEABIOS), "Debian's package seabios is not installed")
class SeaBios(unittest.TestCase):
    def test_runs_to_no_bootable_device(self):
        with harness.Emulator("seabios", ["-m", "64", *DEBUG]) as emulator:
            emulator.expect(r"SeaBIOS \(version")
            emulator.expect(r"Running on QEMU \(i440fx\)")
            emulator.expect("QEMU fw_cfg DMA interface supported")
            emulator.expect(r"addr 0x0000000000000000 len 0x0000000004000000 \[RAM\]")
            emulator.expect("ACPI: parse DSDT at ")
            emulator.expect("PS2 keyboard initialized")
            emulator.expect("No bootable device")

    def test_memory_above_4_gib(self):
        with harness.Emulator("seabios_4g", ["-m", "4G", *DEBUG]) as emulator:
            emulator.expect(r"addr 0x0000000000000000 len 0x00000000c0000000 \[RAM\]")
            emulator.expect(r"addr 0x0000000100000000 len 0x0000000040000000 \[RAM\]")
            emulator.expect("No bootable device")

    def test_named_by_path_and_by_file_name(self):
        for name in (SEABIOS, "bios.bin"):
            with self.subTest(name), harness.Emulator("seabios_name", ["-bios", name, *DEBUG]) as emulator:
                emulator.expect("No bootable device")


class OtherFirmware(unittest.TestCase):
    def test_ipxe_rom_starts_to_its_command_line(self):
        rom = harness.guest_files("pxe-e1000.rom")[0]
        with monitor_screen.ScreenMonitor("ipxe", ["-m", "64", "-nodefaults", "-vga", "std", "-option-rom", rom]) as monitor:
            monitor.wait_text("Press Ctrl-B for the iPXE command line", 120)
            monitor.command("sendkey ctrl-b")
            monitor.wait_text("iPXE>", 60)
            monitor.command("type echo Twin86\\n")
            monitor.wait_text("iPXE> echo Twin86", 60)

    def assert_u_boot_finds_the_disk(self, rom, *more):
        image = harness.OUT / "uboot.img"
        harness.OUT.mkdir(parents=True, exist_ok=True)
        image.write_bytes(bytes(8 << 20))
        args = ["-m", "256", "-display", "none", "-monitor", "none", "-serial", "stdio", "-hda", image, *more]
        with harness.Emulator("uboot", [*args, "-bios", *harness.guest_files(rom)]) as emulator:
            emulator.expect("Hit any key to stop autoboot", 120)
            emulator.send("\n")
            emulator.expect("=> ")
            emulator.send("ide reset\n")
            emulator.expect(r"Device 0: Model: TWIN86.*\r?\n +Type: Hard Disk")
            emulator.send("poweroff\n")

    def test_u_boot_of_64_bits(self):
        self.assert_u_boot_finds_the_disk("u-boot-x86_64.rom")

    def test_u_boot_of_32_bits(self):
        self.assert_u_boot_finds_the_disk("u-boot-x86.rom", "-vga", "none")


class Refusals(unittest.TestCase):
    def assert_refused(self, args, *words):
        with harness.Emulator("firmware_refused", args) as emulator:
            self.assertEqual(emulator.finish(), 1, emulator.text())
            lines = [line for line in emulator.text().splitlines() if line.strip()]
            self.assertEqual(len(lines), 1, emulator.text())
            for word in words:
                self.assertIn(word, lines[0])

    def test_missing_image(self):
        self.assert_refused(["-nographic", "-bios", "/no/such/bios.bin"], "/no/such/bios.bin", "No such file")

    def test_image_of_an_odd_size(self):
        path = harness.OUT / "odd.bin"
        harness.OUT.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(1000))
        self.assert_refused(["-nographic", "-bios", path], "odd.bin", "64 KiB")

    def test_kernel_with_firmware(self):
        self.assert_refused(["-nographic", "-bios", SEABIOS, "-kernel", "/dev/null"], "-kernel and -bios")

    def test_boot_order(self):
        self.assert_refused(["-nographic", "-boot", "order=cx"], "'x'")


if __name__ == "__main__":
    unittest.main()
