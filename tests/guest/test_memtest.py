"""memtest86+ (Debian's package, unmodified) finds no error in 64 MiB, in each way to start it."""
import unittest

import fat_image
import harness
import monitor_screen

PASS_SECONDS = 1800


class Memtest(unittest.TestCase):
    def assert_passes(self, name, args):
        with monitor_screen.ScreenMonitor(name, args) as monitor:
            monitor.wait_text("Testing", 300)
            monitor.wait_text("Pass:  1", PASS_SECONDS)
            monitor.screendump(name)
            self.assertRegex(monitor.command("screen-text"), r"Pass: +1 +Errors: 0\b")

    def test_as_a_kernel(self):
        self.assert_passes("memtest_kernel", ["-m", "64", "-kernel", harness.guest_files("memtest86+x64.bin")[0]])

    def test_32_bit_build(self):
        self.assert_passes("memtest_ia32", ["-m", "64", "-kernel", harness.guest_files("memtest86+ia32.bin")[0]])

    def test_cdrom(self):
        self.assert_passes("memtest_cd", ["-m", "64", "-cdrom", harness.guest_files("memtest86+x64.iso")[0]])

    def test_cdrom_of_the_32_bit_build(self):
        self.assert_passes("memtest_cd_ia32", ["-m", "64", "-cdrom", harness.guest_files("memtest86+ia32.iso")[0]])

    def test_cdrom_with_uefi_firmware(self):
        firmware, iso = harness.guest_files("OVMF.fd", "memtest86+x64.iso")
        self.assert_passes("memtest_cd_uefi", ["-m", "64", "-bios", firmware, "-cdrom", iso])

    def test_uefi_program(self):
        firmware, program = harness.guest_files("OVMF.fd", "memtest86+x64.efi")
        disk = fat_image.make(harness.OUT / "memtest_disk.img", {"EFI/BOOT/BOOTX64.EFI": program})
        self.assert_passes("memtest_uefi", ["-m", "64", "-bios", firmware, "-hda", disk])


if __name__ == "__main__":
    unittest.main()
