"""Disks and CD-ROMs: booted by Debian's SeaBIOS, read and written by Linux's drivers."""
import hashlib
import os
import pathlib
import random
import re
import signal
import subprocess
import unittest

import harness
import linux_guest
import monitor_screen
import stubs

SEABIOS = "/usr/share/seabios/bios-256k.bin"
DEBUG = ["-display", "none", "-serial", "none", "-monitor", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
         "-chardev", "stdio,id=debug", "-device", "isa-debugcon,iobase=0x402,chardev=debug"]


def boot_image(name, size=1 << 20, source="boot_sector.asm"):
    """A disk image that starts with what the source says."""
    harness.OUT.mkdir(parents=True, exist_ok=True)
    image = harness.OUT / f"{name}.img"
    source = os.path.join(os.path.dirname(__file__), source)
    subprocess.run(["nasm", "-f", "bin", "-o", image, source], check=True)
    os.truncate(image, size)
    return image


def random_image(name, size):
    """An image of bytes that are the same in each run."""
    harness.OUT.mkdir(parents=True, exist_ok=True)
    image = harness.OUT / f"{name}.img"
    image.write_bytes(random.Random(name).randbytes(size))
    return image


def digest(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@unittest.skipUnless(os.path.exists(SEABIOS), "Debian's package seabios is not installed")
class BootSector(unittest.TestCase):
    def assert_boots(self, name, *args):
        with harness.Emulator(name, [*DEBUG, *args]) as emulator:
            emulator.expect("boot sector runs")
            emulator.expect("second sector read")
            self.assertEqual(emulator.finish(), stubs.exit_status(0x21))

    def test_bare_image_boots(self):
        self.assert_boots("boot_bare", boot_image("boot_bare"))

    def test_each_ide_position(self):
        image = boot_image("boot_position")
        for option in ("-hda", "-hdb", "-hdc", "-hdd"):
            with self.subTest(option):
                self.assert_boots("boot_position", option, image)

    def test_a20_gate(self):
        image = boot_image("boot_a20", source="a20.asm")
        for engine in ("jit", "jit,one-insn-per-block=on", "kvm"):
            if engine == "kvm" and not os.access("/dev/kvm", os.W_OK):
                continue
            with self.subTest(engine), harness.Emulator("boot_a20", [*DEBUG, "-accel", engine, image]) as emulator:
                self.assertEqual(emulator.finish(), stubs.exit_status(0x21))

    def test_smram_and_local_apic_window(self):
        image = boot_image("boot_smram", source="smram.asm")
        for engine in ("jit", "jit,one-insn-per-block=on", "kvm"):
            if engine == "kvm" and not os.access("/dev/kvm", os.W_OK):
                continue
            for board in ("pc", "q35"):
                args = [*DEBUG, "-m", "128", "-M", board, "-accel", engine, "-hda", image]
                with self.subTest(f"{engine} {board}"), harness.Emulator("boot_smram", args) as emulator:
                    self.assertEqual(emulator.finish(), stubs.exit_status(0x21))

    def test_floppy(self):
        image = boot_image("boot_floppy", 1440 << 10)
        self.assert_boots("boot_floppy", "-fda", image, "-boot", "a")
        self.assert_boots("boot_floppy", "-drive", f"file={image},if=floppy,readonly=on", "-boot", "a")

    def test_read_only_and_snapshot(self):
        image = boot_image("boot_drive")
        for more in ("readonly=on", "snapshot=on", "index=3,media=disk,format=raw"):
            with self.subTest(more):
                self.assert_boots("boot_drive", "-drive", f"file={image},{more}")

    def test_sata_port_and_boot_index(self):
        image, other = boot_image("boot_sata"), random_image("boot_other", 1 << 20)
        sata = ["-device", "ahci,id=sata", "-drive", f"if=none,id=disk,format=raw,file={image}",
                "-device", "ide-hd,drive=disk,bus=sata.3,bootindex=0"]
        self.assert_boots("boot_sata", *sata)
        self.assert_boots("boot_sata_first", "-hda", other, *sata)
        self.assert_boots("boot_ide_first", "-hda", other, "-drive", f"if=none,id=disk,file={image}",
                          "-device", "ide-hd,drive=disk,bus=ide.1,unit=1,bootindex=7")

    def test_disk_is_named_in_the_error(self):
        for args in (["-hda", "/no/such/disk.img"], ["-drive", "file=/no/such/disk.img,readonly=on"]):
            with harness.Emulator("boot_missing", args) as emulator:
                self.assertEqual(emulator.finish(), 1)
                self.assertIn("/no/such/disk.img", emulator.text())
                self.assertEqual(len(emulator.text().splitlines()), 1)

    def test_one_image_twice_is_refused(self):
        image = boot_image("boot_twice")
        with harness.Emulator("boot_twice", ["-hda", image, "-hdb", image]) as emulator:
            self.assertEqual(emulator.finish(), 1)
            self.assertIn("in use", emulator.text())


@unittest.skipUnless(os.path.exists(SEABIOS), "Debian's package seabios is not installed")
class GrubRescue(unittest.TestCase):
    def test_cdrom_reaches_the_command_line(self):
        iso = harness.guest_files("grub-rescue-cdrom.iso")[0]
        with harness.Emulator("grub_cdrom", ["-m", "128", "-nographic", "-cdrom", iso], pty=True) as emulator:
            emulator.expect(harness.over_terminal("GNU GRUB"), 300)
            emulator.expect(harness.over_terminal("before booting or `c' for a command-line"), 300)
            emulator.send("c")
            emulator.expect(harness.over_terminal("grub> "), 300)
            emulator.send("ls\r")
            emulator.expect(harness.over_terminal("(cd)"), 300)


    def test_floppy_reaches_the_command_line(self):
        image = harness.guest_files("grub-rescue-floppy.img")[0]
        args = ["-m", "64", "-drive", f"file={image},if=floppy,format=raw,readonly=on", "-boot", "a"]
        with monitor_screen.ScreenMonitor("grub_floppy", args) as monitor:
            monitor.wait_text("before booting or `c' for a command-line", 300)
            monitor.command("sendkey c")
            monitor.wait_text("grub>", 60)
            monitor.command("type ls (fd0)/boot/grub\\n")
            monitor.wait_text("grub.cfg", 120)
            monitor.screendump("grub_floppy")


class Linux(unittest.TestCase):
    def boot(self, name, *args):
        emulator = linux_guest.boot(name, initrd="initrd-disk", append="no_timer_check", extra=args)
        self.addCleanup(emulator.__exit__)
        shell = harness.Shell(emulator)
        shell.check("for m in $(cat /modules/order); do insmod /modules/$m || exit 1; done")
        return emulator, shell

    def monitor(self, emulator, command):
        """A command on the monitor behind Ctrl-A c."""
        emulator.send("\x01c" + command + "\n")
        emulator.expect(re.escape(command))
        emulator.send("\x01c")

    def test_disk_is_read_and_written(self):
        image = random_image("linux_disk", 32 << 20)
        before = digest(image)
        emulator, shell = self.boot("linux_disk", "-hda", image)
        shell.check("i=0; while [ ! -b /dev/sda ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done; [ -b /dev/sda ]")
        self.assertIn("ata_piix", shell.check("dmesg"))
        self.assertIn(before, shell.check("md5sum /dev/sda", 300))
        shell.check("dd if=/dev/sda of=/tmp/part bs=1M skip=3 count=5")
        shell.check("dd if=/tmp/part of=/dev/sda bs=1M seek=20 conv=fsync")
        emulator.send("poweroff -f\n")
        self.assertEqual(emulator.finish(), 0)
        expected = bytearray(random.Random("linux_disk").randbytes(32 << 20))
        expected[20 << 20:25 << 20] = expected[3 << 20:8 << 20]
        self.assertEqual(image.read_bytes(), bytes(expected))

    def test_what_was_flushed_survives_the_end_of_the_emulator(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number.name):
                self.assert_flushed_survives(number)

    def assert_flushed_survives(self, number):
        image = harness.OUT / "linux_flush.img"
        harness.OUT.mkdir(parents=True, exist_ok=True)
        image.write_bytes(bytes(32 << 20))
        emulator, _ = self.boot("linux_flush", "-hda", image)
        emulator.send("i=0; while [ ! -b /dev/sda ]; do sleep 1; done; while true; do i=$((i+1)); echo BLOCK$i | "
                      "dd of=/dev/sda bs=4096 seek=$i conv=notrunc,fsync 2>/dev/null; echo DO''NE$i; done\n")
        emulator.expect(r"DONE40\r?\n", 120)
        emulator.process.send_signal(number)
        emulator.finish()
        last = max(int(n) for n in re.findall(rb"DONE(\d+)\r?\n", emulator.seen))
        data = image.read_bytes()
        for n in range(1, last + 1):
            self.assertTrue(data[n * 4096:].startswith(b"BLOCK%d\n" % n), f"block {n} of {last}")

    def test_sizes_at_the_ends(self):
        odd, huge = harness.OUT / "linux_odd.img", harness.OUT / "linux_huge.img"
        harness.OUT.mkdir(parents=True, exist_ok=True)
        odd.write_bytes(bytes(997) + b"end")
        huge.unlink(missing_ok=True)
        huge.touch()
        os.truncate(huge, 4 << 40)
        emulator, shell = self.boot("linux_sizes", "-hda", huge, "-hdb", odd)
        shell.check("i=0; while [ ! -b /dev/sdb ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done; [ -b /dev/sda ]")
        # Linux names them in the order in which they answer.
        shell.check("small=/dev/$(grep -lx 2 /sys/block/*/size | cut -d/ -f4); "
                    f"large=/dev/$(grep -lx {(4 << 40) // 512} /sys/block/*/size | cut -d/ -f4); [ -b $small ] && [ -b $large ]")
        self.assertEqual(shell.check("head -c 1000 $small | tail -c 3"), "end")
        shell.check(f"echo last | dd of=$large bs=512 seek={(4 << 40) // 512 - 1} conv=notrunc,fsync")
        self.assertEqual(shell.check("tail -c 512 $large | head -c 4"), "last")
        emulator.send("poweroff -f\n")
        self.assertEqual(emulator.finish(), 0)
        with open(huge, "rb") as file:
            file.seek((4 << 40) - 512)
            self.assertEqual(file.read(5), b"last\n")
        self.assertLess(huge.stat().st_blocks, 1000)
        huge.unlink()

    def test_sata_disk_and_cdrom(self):
        image = random_image("linux_sata", 32 << 20)
        before = digest(image)
        iso = harness.guest_files("grub-rescue-cdrom.iso")[0]
        emulator = linux_guest.boot("linux_sata", kernel="kernel-generic", initrd="initrd-sata", extra=[
            "-device", "ich9-ahci,id=sata", "-drive", f"if=none,id=disk,format=raw,file={image}",
            "-device", "ide-hd,drive=disk,bus=sata.0", "-drive", f"if=none,id=cd,media=cdrom,file={iso}",
            "-device", "ide-cd,drive=cd,bus=sata.5"])
        self.addCleanup(emulator.__exit__)
        shell = harness.Shell(emulator)
        shell.check("for m in $(cat /modules/order); do insmod /modules/$m || exit 1; done")
        shell.check("i=0; while [ ! -b /dev/sr0 ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done; [ -b /dev/sda ]")
        self.assertIn(before, shell.check("md5sum /dev/sda", 300))
        self.assertIn(digest(pathlib.Path(iso)), shell.check(f"head -c {os.path.getsize(iso)} /dev/sr0 | md5sum", 300))
        shell.check("dd if=/dev/sda of=/dev/sda bs=1M skip=3 seek=20 count=5 conv=fsync,notrunc")
        self.assertNotRegex(shell.check("dmesg"), r"ata\d.*(exception|failed|error|timeout)")
        emulator.send("poweroff -f\n")
        self.assertEqual(emulator.finish(), 0)
        expected = bytearray(random.Random("linux_sata").randbytes(32 << 20))
        expected[20 << 20:25 << 20] = expected[3 << 20:8 << 20]
        self.assertEqual(image.read_bytes(), bytes(expected))

    def test_file_system_survives_and_snapshot_does_not(self):
        image = harness.OUT / "linux_snapshot.img"
        harness.OUT.mkdir(parents=True, exist_ok=True)
        image.write_bytes(bytes(16 << 20))
        emulator, shell = self.boot("linux_snapshot", "-drive", f"file={image}", "-snapshot")
        shell.check("sleep 1; i=0; while [ ! -b /dev/sda ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done")
        shell.check("echo twin86 >/tmp/mark; dd if=/tmp/mark of=/dev/sda conv=fsync; echo 3 >/proc/sys/vm/drop_caches")
        self.assertIn("twin86", shell.check("head -c 6 /dev/sda"))
        emulator.send("poweroff -f\n")
        self.assertEqual(emulator.finish(), 0)
        self.assertEqual(image.read_bytes(), bytes(16 << 20))

    def test_cdrom_is_mounted_and_ejected(self):
        iso = harness.guest_files("grub-rescue-cdrom.iso")[0]
        emulator, shell = self.boot("linux_cdrom", "-cdrom", iso)
        shell.check("i=0; while [ ! -b /dev/sr0 ] && [ $i -lt 60 ]; do sleep 1; i=$((i+1)); done; [ -b /dev/sr0 ]")
        shell.check("mkdir -p /mnt; mount -t iso9660 -o ro /dev/sr0 /mnt")
        self.assertIn("grub", shell.check("ls /mnt/boot"))
        shell.check("umount /mnt")
        self.monitor(emulator, "eject ide1-cd0")
        status, _ = shell.run("head -c 1 /dev/sr0 >/dev/null")
        self.assertNotEqual(status, 0)
        self.monitor(emulator, f"change ide1-cd0 {iso}")
        shell.check("mount -t iso9660 -o ro /dev/sr0 /mnt")
        emulator.send("poweroff -f\n")
        self.assertEqual(emulator.finish(), 0)


if __name__ == "__main__":
    unittest.main()
