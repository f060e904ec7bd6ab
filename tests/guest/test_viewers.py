"""The screen in a window and over VNC, as programs see it that have nothing to do with this project: an X server, a VNC
viewer. What they show is what the monitor's screendump shows; keys and the mouse reach the guest."""
import os
import re
import shutil
import socket
import subprocess
import time
import unittest

import harness
import monitor_screen
import rfb
import x_display

TOOLS = ("Xvfb", "xwd", "xdotool", "xtightvncviewer")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class DisplayedGuest(monitor_screen.ScreenMonitor):
    """GRUB's rescue CD at its command line, with the display options given."""

    def __init__(self, name, display, environment):
        args = ["-m", "64", "-cdrom", harness.guest_files("grub-rescue-cdrom.iso")[0], "-boot", "d", *display]
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            harness.Emulator.__init__(self, name, ["-serial", "none", "-monitor", "stdio", *args])
        finally:
            os.environ.clear()
            os.environ.update(before)


@unittest.skipUnless(all(map(shutil.which, TOOLS)), "Debian's xvfb, x11-apps, xdotool and xtightvncviewer are missing")
class Viewers(unittest.TestCase):
    def assert_same_picture(self, monitor, display, window, name):
        """Until the window shows what the screen shows: the guest may have drawn between the two looks."""
        limit = time.monotonic() + 60 * harness.SLOW
        while True:
            expected = x_display.read_png(monitor.screendump(name))
            shown = display.picture(window)
            x, y = (shown.width - expected.width) // 2, (shown.height - expected.height) // 2
            if x >= 0 and y >= 0 and shown.crop(x, y, expected.width, expected.height).same_but_for_cursor(expected):
                return
            if time.monotonic() > limit:
                self.fail(f"the window ({shown.width}x{shown.height}) differs from {name}.png")
            time.sleep(0.3)

    def assert_keys_reach(self, monitor, display, window):
        display.tool("windowfocus", "--sync", window)
        time.sleep(1)  # until the program has heard of it
        display.tool("key", "c")
        monitor.wait_text("grub>", 60)
        display.tool("type", "--delay", "100", "echo Twin_86 (hd0)")
        display.tool("key", "Return")
        monitor.wait_text("grub> echo Twin_86 (hd0)", 60)

    def test_window(self):
        with x_display.XDisplay() as display:
            with DisplayedGuest("viewer_sdl", ["-display", "sdl"], display.environment) as monitor:
                monitor.wait_text("for a command-line", 300)
                window = display.window("win86")
                self.assert_same_picture(monitor, display, window, "viewer_sdl_menu")
                self.assert_keys_reach(monitor, display, window)
                self.assert_same_picture(monitor, display, window, "viewer_sdl_text")
                display.tool("mousemove", "--window", window, 50, 50, "click", 1)
                display.window("gives the mouse back")

    def test_vnc(self):
        port = free_port()
        with x_display.XDisplay() as display:
            with DisplayedGuest("viewer_vnc", ["-vnc", f":{port - 5900}"], {}) as monitor:
                monitor.wait_text("for a command-line", 300)
                viewer = subprocess.Popen(["xtightvncviewer", f"127.0.0.1::{port}"], env=display.environment,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.addCleanup(viewer.wait)
                self.addCleanup(viewer.kill)
                window = display.window("win86")
                self.assert_same_picture(monitor, display, window, "viewer_vnc_menu")
                self.assert_keys_reach(monitor, display, window)
                self.assert_same_picture(monitor, display, window, "viewer_vnc_text")

    def test_window_is_closed(self):
        with x_display.XDisplay() as display:
            with DisplayedGuest("viewer_closed", ["-display", "sdl"], display.environment) as monitor:
                display.ask_to_close(display.window("win86"))
                self.assertEqual(monitor.finish(60), 0)

    def test_vnc_with_a_password(self):
        port = free_port()
        secret = harness.OUT / "viewer_password"
        secret.write_text("opensesa\n")
        with x_display.XDisplay() as display:
            with DisplayedGuest("viewer_password", ["-vnc", f":{port - 5900},password-file={secret}"], {}):
                with rfb.Viewer(port) as viewer:
                    self.assertEqual(viewer.security, [2])  # VNC authentication and nothing else (RFC 6143, 7.1.2)
                self.assertIn("password check failed", self.view(display, port, "wrong").communicate(timeout=60)[0])
                viewer = self.view(display, port, "opensesa")
                self.addCleanup(viewer.stdout.close)
                self.addCleanup(viewer.wait)
                self.addCleanup(viewer.kill)
                display.window("win86")

    def assert_let_in(self, display, port, password):
        viewer = self.view(display, port, password)
        try:
            display.window("win86")
        finally:
            viewer.kill()
            viewer.wait()
            viewer.stdout.close()

    def assert_refused(self, display, port, password):
        self.assertIn("password check failed", self.view(display, port, password).communicate(timeout=60)[0])

    def test_vnc_password_of_the_monitor(self):
        port = free_port()
        with x_display.XDisplay() as display:
            with DisplayedGuest("viewer_set_password", ["-vnc", f":{port - 5900},password=on"], {}) as monitor:
                monitor.wait_text("for a command-line", 300)
                self.assert_refused(display, port, "none")
                monitor.command("set_password vnc first")
                self.assert_refused(display, port, "other")
                self.assert_let_in(display, port, "first")
                monitor.command("change vnc password second")
                self.assert_refused(display, port, "first")
                self.assert_let_in(display, port, "second")
                monitor.command("expire_password vnc now")
                self.assert_refused(display, port, "second")

    def test_vnc_password_of_a_secret(self):
        port = free_port()
        secret = harness.OUT / "viewer_secret"
        secret.write_text("c2Vz\nYW1l\n")  # "sesame"
        object = f"secret,id=key,file={secret},format=base64"
        with x_display.XDisplay() as display:
            with DisplayedGuest("viewer_secret", ["-object", object, "-vnc", f":{port - 5900},password-secret=key"], {}):
                self.assert_refused(display, port, "c2VzYW1l")
                self.assert_let_in(display, port, "sesame")

    def test_vnc_takes_the_first_free_display(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            args = ["-vnc", f":{port - 5900},to={min(port - 5900 + 20, 59635)}"]
            with x_display.XDisplay() as display, DisplayedGuest("viewer_to", args, {}) as monitor:
                monitor.wait_text("for a command-line", 300)
                chosen = int(re.search(r"127\.0\.0\.1:(\d+)", monitor.command("info vnc")).group(1))
                self.assertGreater(chosen, port)
                with rfb.Viewer(chosen) as viewer:
                    self.assertEqual(viewer.security, [1])

    @staticmethod
    def view(display, port, password):
        viewer = subprocess.Popen(["xtightvncviewer", "-autopass", f"127.0.0.1::{port}"], env=display.environment, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        viewer.stdin.write(password + "\n")
        viewer.stdin.close()
        viewer.stdin = None
        return viewer


if __name__ == "__main__":
    unittest.main()
