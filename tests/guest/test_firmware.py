"""Debian's firmware, unmodified: what it finds and what it does with it."""
import os
import unittest

import harness
import linux_guest
import monitor_screen
import test_disks

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


    def assert_reboots(self, name, *options):
        with harness.Emulator(name, ["-m", "64", "-nodefaults", "-no-reboot", *DEBUG, *options]) as emulator:
            emulator.expect("No bootable device")
            self.assertEqual(emulator.finish(60), 0)

    def test_reboots_when_nothing_boots(self):
        self.assert_reboots("seabios_reboot", "-boot", "reboot-timeout=100")

    def test_reads_a_file_of_fw_cfg(self):
        harness.OUT.mkdir(parents=True, exist_ok=True)
        wait = harness.OUT / "boot_fail_wait"
        wait.write_bytes((100).to_bytes(4, "little"))
        self.assert_reboots("seabios_fw_cfg", "-fw_cfg", f"name=etc/boot-fail-wait,file={wait}")

    def test_floppy_without_a_signature(self):
        image = test_disks.boot_image("no_signature")
        sector = bytearray(image.read_bytes())
        sector[510:512] = b"\0\0"
        floppy = harness.OUT / "no_signature.flp"
        floppy.write_bytes(sector.ljust(1440 * 1024, b"\0"))
        with harness.Emulator("fd_check", ["-fda", floppy, *DEBUG]) as emulator:
            emulator.expect("not a bootable disk")
        with harness.Emulator("fd_no_check", ["-fda", floppy, "-no-fd-bootchk", *DEBUG]) as emulator:
            emulator.expect("Booting from 0000:7c00")


class Identity(unittest.TestCase):
    """What the command line says of the machine, in Linux's /sys/class/dmi."""

    WORDS = {"product_uuid": "00112233-4455-6677-8899-aabbccddeeff", "bios_vendor": "Vend", "bios_release": "3.7",
             "sys_vendor": "Acme", "product_name": "Rocket", "product_serial": "S1", "product_sku": "K1",
             "board_vendor": "Boards", "board_asset_tag": "B7", "chassis_serial": "C8"}

    def assert_identity(self, name, *more):
        args = ["-uuid", self.WORDS["product_uuid"], "-smbios", "type=0,vendor=Vend,release=3.7",
                "-smbios", "type=1,manufacturer=Acme,product=Rocket,serial=S1,sku=K1",
                "-smbios", "type=2,manufacturer=Boards,asset=B7", "-smbios", "type=3,serial=C8", *more]
        with linux_guest.boot(name, extra=args) as emulator:
            shell = harness.Shell(emulator)
            text = shell.check("cd /sys/class/dmi/id && grep . " + " ".join(self.WORDS))
            self.assertEqual(dict(line.split(":", 1) for line in text.splitlines()), self.WORDS)
            self.assertIn("QEMU0002:00", shell.check("ls /sys/bus/acpi/devices"))

    def test_without_firmware(self):
        self.assert_identity("identity_direct")

    @unittest.skipUnless(os.path.exists("/usr/share/ovmf/OVMF.fd"), "Debian's package ovmf is not installed")
    def test_with_uefi(self):
        self.assert_identity("identity_uefi", "-bios", "OVMF.fd")


class Parts(unittest.TestCase):
    def test_without_hpet_and_with_four_serial_ports(self):
        ports = ["-serial", "mon:stdio", *["-serial", "null"] * 3]
        with linux_guest.boot("parts", extra=["-machine", "pc,hpet=off", *ports]) as emulator:
            shell = harness.Shell(emulator)
            self.assertNotIn("hpet", shell.check("cat /sys/devices/system/clocksource/clocksource0/available_clocksource"))
            self.assertNotIn("HPET", shell.check("ls /sys/firmware/acpi/tables"))
            self.assertEqual(shell.check("grep -c 16550A /proc/tty/driver/serial"), "4\n")


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

    def test_u_boot_of_32_bits_with_a_display(self):
        self.assert_u_boot_finds_the_disk("u-boot-x86.rom", "-global", "VGA.mmio=off")


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
