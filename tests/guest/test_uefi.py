"""Debian's UEFI firmware (package ovmf), unmodified: its shell, its variables, kernels that it starts."""
import shutil
import unittest

import fat_image
import harness
import monitor_screen


def flash(code, variables):
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def fresh_variables(name, template):
    harness.OUT.mkdir(parents=True, exist_ok=True)
    return shutil.copyfile(template, harness.OUT / f"{name}.fd")


class UefiShell(harness.Emulator):
    """An emulator whose firmware has reached its shell, on the serial port."""

    def __init__(self, name, args):
        super().__init__(name, ["-m", "256", "-display", "none", "-monitor", "none", "-serial", "stdio", *args])

    def __enter__(self):
        self.expect(harness.over_terminal("any other key to continue"), 300)
        self.send("\x1b")
        self.expect(harness.over_terminal("Shell>"), 60)
        return self

    def run(self, command, answer, timeout=60):
        """Types a command and waits for a text in what it prints."""
        self.send(command + "\r")
        self.expect(harness.over_terminal(command), timeout)
        return self.expect(harness.over_terminal(answer), timeout)


class Ovmf(unittest.TestCase):
    def test_one_image_by_bios(self):
        with UefiShell("uefi_bios", ["-bios", harness.guest_files("OVMF.fd")[0]]) as shell:
            shell.run("ver", "UEFI v2.70")
            shell.run("memmap", "Total Memory")
            shell.send("reset -s\r")
            self.assertEqual(shell.finish(), 0)

    def test_shell_on_the_screen(self):
        """The firmware draws with a font of its own, and takes keys."""
        with monitor_screen.ScreenMonitor("uefi_screen", ["-m", "256", "-bios", harness.guest_files("OVMF.fd")[0]]) as monitor:
            monitor.wait_text("any other key to continue", 300)
            monitor.command("sendkey esc")
            monitor.wait_text("Shell>", 60)
            monitor.command("type echo seven-%lasterror%-times")
            monitor.command("sendkey ret")
            monitor.wait_text("seven-0x0-times", 60)
            monitor.screendump("ovmf_screen")
            monitor.command("type reset -s")
            monitor.send("sendkey ret\n")
            self.assertEqual(monitor.finish(), 0)

    def test_variables_persist(self):
        code, template = harness.guest_files("OVMF_CODE.fd", "OVMF_VARS.fd")
        self.assert_variables_persist("uefi_vars", code, fresh_variables("uefi_vars", template))

    def test_variables_persist_in_the_larger_build(self):
        code, template = harness.guest_files("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")
        self.assert_variables_persist("uefi_vars_4m", code, fresh_variables("uefi_vars_4m", template))

    def assert_variables_persist(self, name, code, variables):
        guid = "11111111-2222-3333-4444-555555555555"
        with UefiShell(name, flash(code, variables)) as shell:
            shell.run(f'setvar Kept -guid {guid} -bs -rt -nv =L"twin"', "Shell>")
            shell.send("reset -s\r")
            self.assertEqual(shell.finish(), 0)
        with UefiShell(f"{name}_again", flash(code, variables)) as shell:
            shell.run(f"setvar Kept -guid {guid}", "74 00 77 00 69 00 6E 00")
            shell.send("reset -s\r")
            self.assertEqual(shell.finish(), 0)

    def test_read_only_variables_are_not_written(self):
        code, template = harness.guest_files("OVMF_CODE.fd", "OVMF_VARS.fd")
        variables = fresh_variables("uefi_snapshot", template)
        before = variables.read_bytes()
        args = flash(code, variables)
        with UefiShell("uefi_snapshot", [*args[:3], args[3] + ",snapshot=on"]) as shell:
            shell.run("ver", "UEFI v2.70")
        self.assertEqual(variables.read_bytes(), before)

    def test_kernel_from_a_fat_disk(self):
        kernel, initrd = harness.guest_files("kernel-cloud", "initrd-shell")
        disk = fat_image.make(harness.OUT / "uefi_disk.img", {"vmlinuz.efi": kernel, "initrd.gz": initrd})
        code, template = harness.guest_files("OVMF_CODE.fd", "OVMF_VARS.fd")
        args = [*flash(code, fresh_variables("uefi_kernel", template)), "-hda", disk, "-no-reboot"]
        with UefiShell("uefi_kernel", args) as uefi:
            uefi.run("fs0:", "FS0:")
            uefi.run("ls", "vmlinuz.efi")
            uefi.send("vmlinuz.efi initrd=initrd.gz console=ttyS0 panic=-1\r")
            shell = harness.Shell(uefi)
            self.assertIn("efi", shell.check("dmesg | grep -i 'efi: EFI v2.7'").lower())
            self.assertIn("kernel", shell.check("ls /sys/firmware/efi; ls /sys; uname -s").lower())
            uefi.send("poweroff -f\n")
            self.assertEqual(uefi.finish(), 0)

    def test_kernel_of_the_command_line(self):
        kernel, initrd, firmware = harness.guest_files("kernel-cloud", "initrd-shell", "OVMF.fd")
        args = ["-m", "256", "-display", "none", "-monitor", "none", "-serial", "stdio", "-bios", firmware,
                "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 panic=-1", "-no-reboot"]
        with harness.Emulator("uefi_direct", args) as emulator:
            shell = harness.Shell(emulator)
            self.assertIn("console=ttyS0 panic=-1", shell.check("cat /proc/cmdline"))
            shell.check("[ -d /sys/firmware/efi ]")


if __name__ == "__main__":
    unittest.main()
