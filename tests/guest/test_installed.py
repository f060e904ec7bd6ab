"""Debian on a disk as its installer leaves it: MBR, GRUB, the generic kernel, systemd, a login on the screen and on the serial port.

Takes long (suite 'long').
"""
import hashlib
import subprocess
import unittest

import harness
import linux_guest

SECTOR = 512
FIRST_SECTOR = 2048  # of the partition, as tools/lib/installed_disk.sh makes it
PROMPT = r"root@twin86:~# "


class Installed:
    """One boot from GRUB to power-off, in the order of the cases' names."""

    @classmethod
    def setUpClass(cls):
        original = harness.guest_files("disk.img", script="installed_disk.sh")[0]
        harness.OUT.mkdir(parents=True, exist_ok=True)
        cls.image = harness.OUT / f"{cls.__name__}.img"
        subprocess.run(["cp", "--sparse=always", original, cls.image], check=True)
        cls.emulator = harness.Emulator(cls.__name__, ["-m", "512", "-nographic", "-no-reboot", *cls.drive(cls.image)])

    @classmethod
    def tearDownClass(cls):
        cls.emulator.__exit__()
        cls.image.unlink()

    def run_in_guest(self, command, timeout=120):
        self.emulator.send(f"{command}; echo E''ND:$?\n")
        start = self.emulator.position
        end = self.emulator.expect(r"END:(\d+)\r?\n", timeout)
        self.emulator.expect(PROMPT)
        text = self.emulator.seen[start:end.start()].decode("utf-8", "replace")
        self.assertEqual(end.group(1), b"0", f"{command}: {text}")
        return text

    def test_1_grub_loads_the_kernel(self):
        self.emulator.expect(harness.over_terminal("GNU GRUB"), 120)
        self.emulator.expect(r"Linux version 6\.\d+", 120)

    def test_2_login(self):
        self.emulator.expect("twin86 login: ", 600)
        self.emulator.send("root\n")
        self.emulator.expect(PROMPT, 120)
        # No codes of the terminal between what is compared.
        self.run_in_guest("export TERM=dumb; bind 'set enable-bracketed-paste off'; stty -echo")

    def test_2_login_on_screen(self):
        self.emulator.send('\x01cwait-text "twin86 login:" 60\n')
        self.assertEqual(self.emulator.expect(r"\n((?:not )?found)", 90).group(1), b"found")
        self.emulator.send("\x01c")

    def test_3_system_is_up(self):
        self.assertIn("running", self.run_in_guest("systemctl is-system-running --wait", 300))
        self.assertIn("/dev/" + self.disk + "1 / ext4 rw", self.run_in_guest("grep ' / ' /proc/mounts"))
        self.assertEqual(linux_guest.complaints(self.run_in_guest("dmesg")), [])

    def test_4_files_are_as_they_were_shipped(self):
        sums = "/var/lib/dpkg/info/{libc6:amd64,coreutils,systemd,bash,linux-image-6*}.md5sums"
        self.run_in_guest(f"(cd / && md5sum --quiet --ignore-missing -c {sums})", 600)

    def test_5_writes(self):
        self.run_in_guest("dd if=/dev/urandom of=/root/a bs=1M count=40 && cp /root/a /root/b && sync", 300)
        self.run_in_guest("echo 3 >/proc/sys/vm/drop_caches; cmp /root/a /root/b && md5sum </root/a >/root/sum", 300)

    def test_6_powers_off(self):
        self.emulator.send("systemctl poweroff\n")
        self.assertEqual(self.emulator.finish(300), 0)

    def test_7_file_system_is_whole(self):
        partition = f"{self.image}?offset={FIRST_SECTOR * SECTOR}"
        checked = subprocess.run(["/sbin/e2fsck", "-f", "-n", partition], stdout=subprocess.PIPE, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        written = subprocess.run(["/sbin/debugfs", "-R", "cat /root/sum", partition], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, check=True).stdout
        data = subprocess.run(["/sbin/debugfs", "-R", "cat /root/b", partition], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True).stdout
        self.assertEqual(len(data), 40 << 20)
        self.assertIn(hashlib.md5(data).hexdigest(), written.decode())


class IdeDisk(Installed, unittest.TestCase):
    disk = "sda"

    @staticmethod
    def drive(image):
        return ["-drive", f"file={image},format=raw"]


class SataDisk(Installed, unittest.TestCase):
    disk = "sda"

    @staticmethod
    def drive(image):
        return ["-device", "ahci,id=sata", "-drive", f"if=none,id=disk,format=raw,file={image}",
                "-device", "ide-hd,drive=disk,bus=sata.0"]


if __name__ == "__main__":
    unittest.main()
