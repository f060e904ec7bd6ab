"""-machine q35: Debian's kernels and firmware, unmodified, find PCI Express, SATA and power management there."""
import hashlib
import os
import re
import unittest

import harness
import linux_guest
import test_disks
import test_uefi

SEABIOS = "/usr/share/seabios/bios-256k.bin"
BOARD = {"0000:00:00.0": "0x8086 0x29c0", "0000:00:1f.0": "0x8086 0x2918", "0000:00:1f.2": "0x8086 0x2922",
         "0000:00:1f.3": "0x8086 0x2930"}
LIST_PCI = "cd /sys/bus/pci/devices; for d in *; do echo $d $(cat $d/vendor $d/device); done; cd"


def boot(name, kernel="kernel-cloud", initrd="initrd-shell", extra=(), **options):
    return linux_guest.boot(name, kernel=kernel, initrd=initrd, extra=["-M", "q35", *extra], **options)


def pci_functions(shell):
    return dict(line.split(" ", 1) for line in shell.check(LIST_PCI).splitlines())


class Linux(unittest.TestCase):
    def assert_boots(self, kernel):
        with boot(f"q35_{kernel}", kernel) as emulator:
            shell = harness.Shell(emulator)
            found = pci_functions(shell)
            self.assertEqual({k: found.get(k) for k in BOARD}, BOARD)
            log = shell.check("dmesg")
            self.assertRegex(log, r"PCI: MMCONFIG at \[mem 0xb0000000-0xbfffffff\] reserved")
            self.assertRegex(log, r"_OSC: OS now controls \[PCIeHotplug.* PCIeCapability")
            self.assertEqual(linux_guest.complaints(log), [])
            self.assertEqual(linux_guest.warnings(shell.check("dmesg -r")), [])
            emulator.send("poweroff -f\n")
            self.assertEqual(emulator.finish(), 0)

    def test_cloud_kernel(self):
        self.assert_boots("kernel-cloud")

    def test_generic_kernel(self):
        self.assert_boots("kernel-generic")

    def test_reboot(self):
        with boot("q35_reboot") as emulator:
            harness.Shell(emulator)
            emulator.send("reboot -f\n")
            self.assertEqual(emulator.finish(), 0)

    def test_memory_ends_below_configuration_space(self):
        with boot("q35_memory", memory=3072) as emulator:
            shell = harness.Shell(emulator)
            self.assertGreater(int(shell.check("awk '/MemTotal/ { print $2 }' /proc/meminfo")), 2800 * 1024)
            ends = re.findall(r"(?m)^[0-9a-f]+-([0-9a-f]+) : (.*)$", shell.check("cat /proc/iomem"))
            self.assertIn(("7fffffff", "ACPI Tables"), ends)  # below 4 GiB
            self.assertIn(("13fffffff", "System RAM"), ends)

    def test_devices_behind_root_ports(self):
        image = test_disks.random_image("q35_port", 8 << 20)
        ports = [f"pcie-root-port,id=rp{n},bus=pcie.0,chassis=1,slot={n}" for n in (1, 2, 3)]
        devices = [*ports, "edu,bus=rp1", "ahci,id=sata,bus=rp2", "ide-hd,drive=d,bus=sata.1"]
        extra = [word for d in devices for word in ("-device", d)] + ["-drive", f"if=none,id=d,file={image}"]
        with boot("q35_ports", "kernel-generic", "initrd-sata", extra, append="pci=nomsi") as emulator:
            shell = harness.Shell(emulator)
            found = pci_functions(shell)
            self.assertEqual(sum(ids == "0x1b36 0x000c" for ids in found.values()), 3)
            self.assertEqual(found["0000:01:00.0"], "0x1234 0x11e8")
            self.assertEqual(found["0000:02:00.0"], "0x8086 0x2922")
            shell.check("for m in $(cat /modules/order); do insmod /modules/$m || exit 1; done")
            shell.check("i=0; while [ ! -b /dev/sda ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done")
            self.assertIn(hashlib.md5(image.read_bytes()).hexdigest(), shell.check("md5sum /dev/sda", 300))
            self.assertRegex(shell.check("cat /proc/interrupts"), r"IO-APIC\s+\d+-fasteoi\s+ahci\[0000:02:00.0\]")
            self.assertEqual(linux_guest.complaints(shell.check("dmesg")), [])
            emulator.send("poweroff -f\n")
            self.assertEqual(emulator.finish(), 0)

    def test_root_port_interrupts_by_msi_x(self):
        ports = ["-device", "pcie-root-port,id=rp,slot=3", "-device", "edu,bus=rp"]
        with boot("q35_msix", extra=ports) as emulator:
            shell = harness.Shell(emulator)
            port, function = shell.check("for d in /sys/bus/pci/devices/*; do readlink -f $d; done | grep /0000:01:00.0").split("/")[-2:]
            self.assertEqual(shell.check(f"cat /sys/bus/pci/devices/{port.strip()}/msi_irqs/*").strip(), "msix")
            count = lambda: int(re.search(r"\d+:\s+(\d+)\s+PCI-MSI.* pciehp", shell.check("cat /proc/interrupts")).group(1))
            before = count()
            shell.check("echo 0 > /sys/bus/pci/slots/3/power")
            self.assertNotIn(function.strip(), shell.check("ls /sys/bus/pci/devices"))
            shell.check("echo 1 > /sys/bus/pci/slots/3/power")
            self.assertIn(function.strip(), shell.check("ls /sys/bus/pci/devices"))
            self.assertGreater(count(), before)
            self.assertEqual(linux_guest.complaints(shell.check("dmesg")), [])
            emulator.send("poweroff -f\n")
            self.assertEqual(emulator.finish(), 0)

    def test_default_drives_are_sata(self):
        image = test_disks.random_image("q35_disk", 8 << 20)
        iso = harness.guest_files("grub-rescue-cdrom.iso")[0]
        with boot("q35_drives", "kernel-generic", "initrd-sata", ["-hda", image, "-cdrom", iso]) as emulator:
            shell = harness.Shell(emulator)
            shell.check("for m in $(cat /modules/order); do insmod /modules/$m || exit 1; done")
            shell.check("i=0; while [ ! -b /dev/sr0 ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done; [ -b /dev/sda ]")
            self.assertIn(hashlib.md5(image.read_bytes()).hexdigest(), shell.check("md5sum /dev/sda", 300))
            self.assertRegex(shell.check("cat /proc/interrupts"), r"[1-9]\d*\s+PCI-MSI\S*\s+\d+-edge\s+ahci")
            shell.check("dd if=/dev/zero of=/dev/sda bs=1M count=2 seek=1 conv=fsync")
            emulator.send("poweroff -f\n")
            self.assertEqual(emulator.finish(), 0)
        self.assertEqual(image.read_bytes()[1 << 20:3 << 20], bytes(2 << 20))


@unittest.skipUnless(os.path.exists(SEABIOS), "Debian's package seabios is not installed")
class SeaBios(unittest.TestCase):
    def test_sees_the_board_and_boots_each_port(self):
        image = test_disks.boot_image("q35_boot")
        for drive in (["-hda", image], ["-drive", f"file={image},index=5"],
                      ["-drive", f"if=none,id=d,file={image}", "-device", "ide-hd,drive=d,bus=ide.3,bootindex=0"]):
            with self.subTest(drive), harness.Emulator("q35_boot", ["-M", "q35", *test_disks.DEBUG, *drive]) as emulator:
                emulator.expect(r"Running on QEMU \(q35\)")
                emulator.expect("PCIe: using q35 mmconfig at 0xb0000000")
                emulator.expect("boot sector runs")
                emulator.expect("second sector read")

    def test_boots_a_disk_behind_a_root_port(self):
        image = test_disks.boot_image("q35_boot_port")
        args = ["-device", "pcie-root-port,id=rp", "-device", "ahci,id=sata,bus=rp", "-drive", f"if=none,id=d,file={image}",
                "-hda", test_disks.random_image("q35_boot_other", 1 << 20), "-device", "ide-hd,drive=d,bus=sata.0,bootindex=0"]
        with harness.Emulator("q35_boot_port", ["-M", "q35", *test_disks.DEBUG, *args]) as emulator:
            emulator.expect("boot sector runs")
            emulator.expect("second sector read")

    def test_grub_cdrom(self):
        iso = harness.guest_files("grub-rescue-cdrom.iso")[0]
        args = ["-M", "q35", "-m", "128", "-nographic", "-cdrom", iso]
        with harness.Emulator("q35_grub", args, pty=True) as emulator:
            emulator.expect(harness.over_terminal("before booting or `c' for a command-line"), 300)
            emulator.send("c")
            emulator.expect(harness.over_terminal("grub> "), 300)
            emulator.send("ls\r")
            emulator.expect(harness.over_terminal("(cd)"), 300)


class Ovmf(unittest.TestCase):
    def assert_lists_functions(self, name, args):
        with test_uefi.UefiShell(name, ["-M", "q35", *args]) as shell:
            shell.run("pci", "Vendor 8086 Device 29C0")
            shell.send("reset -s\r")
            self.assertEqual(shell.finish(), 0)

    def test_one_image_by_bios(self):
        self.assert_lists_functions("q35_uefi", ["-bios", harness.guest_files("OVMF.fd")[0]])

    def test_flash_chips(self):
        code, template = harness.guest_files("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
        self.assert_lists_functions("q35_uefi_4m", test_uefi.flash(code, test_uefi.fresh_variables("q35_uefi_4m", template)))


if __name__ == "__main__":
    unittest.main()
