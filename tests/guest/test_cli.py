"""What the program says and does when it is started or stopped in unusual ways. Needs no network and no kernel."""
import pathlib
import signal
import socket
import subprocess
import termios
import time
import unittest

import harness
import monitor_screen
import stubs

LIMIT = 60


def run(name, *args):
    """Runs the emulator to its end; returns (exit status, output)."""
    with harness.Emulator(name, args) as emulator:
        status = emulator.finish(LIMIT)
        return status, emulator.text()


class Errors(unittest.TestCase):
    """One clear line, status 1, and nothing that looks like a crash."""

    def assert_refused(self, name, args, *words):
        status, text = run(name, *args)
        self.assertEqual(status, 1, text)
        lines = [line for line in text.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, text)
        for word in words:
            self.assertIn(word, lines[0])

    def test_missing_kernel(self):
        self.assert_refused("cli_missing", ["-nographic", "-kernel", "/no/such/vmlinuz"], "/no/such/vmlinuz",
                            "No such file")

    def test_missing_initrd(self):
        stub = stubs.build("cli_initrd_stub", "HALT")
        self.assert_refused("cli_initrd", ["-nographic", "-kernel", stub, "-initrd", "/no/such/initrd"],
                            "/no/such/initrd")

    def test_empty_kernel(self):
        self.assert_refused("cli_empty", ["-nographic", "-kernel", "/dev/null"], "/dev/null")

    def test_kernel_is_a_directory(self):
        self.assert_refused("cli_dir", ["-nographic", "-kernel", "/"], "/")

    def test_kernel_of_zeros(self):
        path = harness.OUT / "zeros.img"
        path.write_bytes(bytes(1 << 20))
        self.assert_refused("cli_zeros", ["-nographic", "-kernel", path], "zeros.img")

    def test_truncated_elf(self):
        whole = stubs.build("cli_whole", "ECHO").read_bytes()
        path = harness.OUT / "truncated.elf"
        # Into the headers, into the program headers, into the text.
        for length in (20, 60, len(whole) // 2):
            path.write_bytes(whole[:length])
            with self.subTest(length=length):
                status, text = run("cli_truncated", "-display", "none", "-kernel", path)
                self.assertEqual(status, 1, text)
                self.assertIn("truncated.elf", text)

    def test_truncated_linux_kernel(self):
        kernel = pathlib.Path(harness.guest_files("kernel-cloud")[0]).read_bytes()
        path = harness.OUT / "truncated.bzimage"
        for length in (0x1f0, 0x210, 0x4000, len(kernel) // 2):
            path.write_bytes(kernel[:length])
            with self.subTest(length=length):
                self.assert_refused("cli_bzimage", ["-nographic", "-kernel", path], "truncated.bzimage")

    def test_unknown_option_names_the_nearest(self):
        self.assert_refused("cli_option", ["-nografic"], "-nografic", "-nographic")

    def test_unknown_device_names_the_nearest(self):
        stub = stubs.build("cli_device_stub", "HALT")
        self.assert_refused("cli_device", ["-display", "none", "-kernel", stub, "-device", "isa-debug-exot"],
                            "isa-debug-exot", "isa-debug-exit")

    def test_files_of_fw_cfg_with_a_name_that_is_taken(self):
        image = harness.OUT / "cli_disk.img"
        harness.OUT.mkdir(parents=True, exist_ok=True)
        image.write_bytes(bytes(1 << 20))
        disk = ["-drive", f"file={image},if=none,id=d", "-device", "ide-hd,drive=d,bootindex=1"]
        for name, more in (("etc/e820", []), ("bootorder", disk)):
            with self.subTest(name):
                self.assert_refused("cli_fw_cfg", ["-display", "none", "-fw_cfg", f"name={name},string=x", *more], name)

    def test_block_node_that_nobody_made(self):
        self.assert_refused("cli_node", ["-display", "none", "-device", "ide-hd,drive=nobody"], "nobody")

    def test_what_scripts_for_other_machines_ask_for(self):
        for words in (["-display", "gtk"], ["-device", "virtio-net-pci"], ["-device", "usb-tablet"], ["-vga", "qxl"], ["-m", "1G,slots=2,maxmem=4G"],
                      ["-uuid", "x"], ["-smbios", "type=200"], ["-blockdev", "driver=qcow2,node-name=a,filename=b"]):
            with self.subTest(" ".join(words)):
                self.assert_refused("cli_scripts", ["-serial", "none", "-monitor", "none", *words], words[0])

    def test_named_pipes_that_are_not_there(self):
        self.assert_refused("cli_pipe", ["-display", "none", "-chardev", "pipe,id=p,path=/no/such"], "/no/such.in")

    def test_bad_memory_size(self):
        for size in ("-5", "banana", "99999999T"):
            with self.subTest(size=size):
                status, text = run("cli_memory", "-nographic", "-m", size)
                self.assertEqual(status, 1, text)

    def test_option_without_its_value(self):
        self.assert_refused("cli_value", ["-nographic", "-kernel"], "-kernel")

    def test_two_processors_are_refused(self):
        stub = stubs.build("cli_smp_stub", "EXIT_CODE=0")
        self.assert_refused("cli_smp", [*stubs.DEVICES, "-smp", "2", "-kernel", stub], "smp")

    def test_help_succeeds(self):
        status, text = run("cli_help", "--help")
        self.assertEqual(status, 0)
        for option in ("-kernel", "-initrd", "-append", "-nographic", "-accel"):
            self.assertIn(option, text)


class Ends(unittest.TestCase):
    def test_terminate_restores_the_terminal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(number.name):
                stub = stubs.build("cli_term_stub", "ECHO", "HALT")
                args = [*stubs.DEVICES, "-serial", "stdio", "-monitor", "none", "-debugcon", "null", "-kernel", stub]
                self.ends_cleanly(args, number)

    def test_terminate_with_nographic(self):
        stub = stubs.build("cli_term_stub", "HALT")
        self.ends_cleanly(["-nographic", "-kernel", stub], signal.SIGTERM)

    def ends_cleanly(self, args, number):
        with harness.Emulator("cli_term", args, pty=True) as emulator:
            self.wait_for_raw_terminal(emulator)
            emulator.process.send_signal(number)
            status = emulator.finish(LIMIT)
            # Before the machine runs, the signal's own action ends the process.
            self.assertIn(status, (0, 128 + number, -number), emulator.text())
            self.assertEqual(termios.tcgetattr(emulator.terminal), emulator.terminal_settings)

    def wait_for_raw_terminal(self, emulator):
        for _ in range(LIMIT * 20):
            if termios.tcgetattr(emulator.terminal)[3] & termios.ICANON == 0:
                return
            self.assertIsNone(emulator.process.poll(), "ended before it took over the terminal")
            time.sleep(0.05)
        self.fail("the terminal never left line mode")

    def test_standard_input_at_its_end(self):
        stub = stubs.build("cli_eof_stub", "ECHO", "EXIT_CODE=5")
        with harness.Emulator("cli_eof", [*stubs.DEVICES, "-debugcon", "stdio", "-kernel", stub]) as emulator:
            emulator.process.stdin.close()
            self.assertEqual(emulator.finish(LIMIT), stubs.exit_status(5))


class Background(unittest.TestCase):
    def test_daemonize(self):
        harness.OUT.mkdir(parents=True, exist_ok=True)
        pidfile, path = harness.OUT / "daemon.pid", harness.OUT / "daemon.sock"
        args = ["-m", "64", "-nodefaults", "-display", "none", "-daemonize", "-name", "box,process=box-86", "-pidfile", pidfile]
        done = subprocess.run([*harness.emulator_command(), *args, "-monitor", f"unix:{path},server,nowait"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        process = pathlib.Path("/proc") / pidfile.read_text().strip()
        self.assertEqual((process / "comm").read_text(), "box-86\n")
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(LIMIT)
            monitor.connect(str(path))
            monitor.sendall(b"info name\nquit\n")
            said = b""
            while more := monitor.recv(4096):
                said += more
        self.assertIn(b"\nbox\r\n", said)
        limit = time.monotonic() + LIMIT
        while pidfile.exists() and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertFalse(pidfile.exists())

    def test_what_fails_is_said_in_the_foreground(self):
        status, text = run("cli_daemon_fails", "-daemonize", "-display", "none", "-bios", "/no/such/bios")
        self.assertEqual(status, 1)
        self.assertIn("/no/such/bios", text)


class CharacterDevices(unittest.TestCase):
    def test_ring_buffer(self):
        args = ["-m", "64", "-nodefaults", "-chardev", "ringbuf,id=log,size=64K", "-device",
                "isa-debugcon,iobase=0x402,chardev=log"]
        with monitor_screen.ScreenMonitor("cli_ringbuf", args) as monitor:
            said = ""
            limit = time.monotonic() + LIMIT
            while "SeaBIOS (version" not in said and time.monotonic() < limit:
                said += monitor.command("ringbuf_read log 100").replace("\n", "")  # each reading ends a line
            self.assertIn("SeaBIOS (version", said)
            self.assertIn("log: filename=ringbuf", monitor.command("info chardev"))
            self.assertIn("compat_monitor0: filename=stdio", monitor.command("info chardev"))
            self.assertIn("no -chardev ringbuf", monitor.command("ringbuf_read other 1"))

    def test_monitor_for_a_telnet_program(self):
        with harness.Emulator("cli_telnet", ["-m", "64", "-display", "none", "-chardev", "null,id=n", "-serial", "telnet:127.0.0.1:0,server,nowait",
                                             "-monitor", "stdio"]) as emulator:
            emulator.send("info chardev\n")
            port = int(emulator.expect(r"serial0: filename=tcp:127.0.0.1:(\d+)").group(1))
            with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
                greeting = client.recv(12, socket.MSG_WAITALL)
            self.assertEqual(greeting, bytes((255, 251, 1, 255, 251, 3, 255, 251, 0, 255, 253, 0)))
            emulator.send("quit\n")
            self.assertEqual(emulator.finish(LIMIT), 0)


class FullDisk(unittest.TestCase):
    """A log that cannot be written must not take the guest down, and must not be silent either."""

    def test_log_to_a_full_disk(self):
        stub = stubs.build("cli_full_stub", "UNMAPPED", "EXIT_CODE=6")
        status, text = run("cli_full", *stubs.DEVICES, "-d", "io", "-D", "/dev/full", "-kernel", stub)
        self.assertEqual(status, stubs.exit_status(6), text)
        self.assertIn("/dev/full", text)

    def test_the_reason_is_named(self):
        stub = stubs.build("cli_full_stub", "UNMAPPED", "EXIT_CODE=6")
        _, text = run("cli_full_reason", *stubs.DEVICES, "-d", "io", "-D", "/dev/full", "-kernel", stub)
        self.assertIn("No space left on device", text)

    def test_terminal_that_cannot_be_written(self):
        stub = stubs.build("cli_full_term_stub", "ECHO", "EXIT_CODE=6")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*harness.emulator_command(), *stubs.DEVICES, "-debugcon", "stdio", "-kernel", stub],
                                  stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
        self.assertEqual(done.returncode, stubs.exit_status(6), done.stderr)
        self.assertIn("stdio: output was lost: No space left on device", done.stderr)

    def test_log_file_that_cannot_be_opened(self):
        stub = stubs.build("cli_log_stub", "EXIT_CODE=6")
        status, text = run("cli_log", *stubs.DEVICES, "-d", "guest_errors", "-D", "/no/such/dir/log", "-kernel", stub)
        self.assertEqual(status, 1, text)
        self.assertIn("/no/such/dir/log", text)


if __name__ == "__main__":
    unittest.main()
