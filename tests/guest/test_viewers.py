"""The screen in a window and over VNC, as programs see it that have nothing to do with this project: an X server, a VNC
viewer. What they show is what the monitor's screendump shows; keys and the mouse reach the guest."""
import os
import shutil
import socket
import subprocess
import time
import unittest

import harness
import monitor_screen
import x_display

TOOLS = ("Xvfb", "xwd", "xdotool", "xtightvncviewer")


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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
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


if __name__ == "__main__":
    unittest.main()
