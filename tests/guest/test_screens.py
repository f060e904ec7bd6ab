"""Modes of the display as programs for DOS set them, and Linux's console on a frame buffer, compared by their pictures."""
import time
import unittest

import harness
import monitor_screen
import test_disks
import x_display


def colour(n):
    """As screens.asm sets colour n: six bits to eight."""
    return bytes(v << 2 | v >> 4 for v in (n >> 2, 3 * n & 63, 63 - (n >> 2)))


COLOURS = [colour(n) for n in range(256)]


def planar(x, y):
    n = (x // 8 + y) & 15
    return n if x % 8 < 4 else n ^ 15


def mode_x_scrolled(x, y):
    x, y = (x + 6) % 320, y + (x + 6) // 320
    return (x ^ y) & 255


class Modes(unittest.TestCase):
    PICTURES = [
        ("mode_13h", 320, 200, lambda x, y: (x + y) & 255),
        ("mode_x", 320, 240, lambda x, y: (x ^ y) & 255),
        ("split", 320, 240, lambda x, y: (x ^ y) & 255 if y < 120 else (x + y - 120) & 255),
        ("scrolled", 320, 240, mode_x_scrolled),
        ("planes", 640, 480, planar),
        ("planes_scrolled", 640, 480, lambda x, y: planar((x + 19) % 640, y + (x + 19) // 640)),
    ]

    def assert_comes_up(self, monitor, name, width, height, pixel):
        """The last line is left out: a scrolled screen ends in memory that nobody painted."""
        expected = [b"".join(COLOURS[pixel(x, y)] for x in range(width)) for y in range(height - 1)]
        limit = time.monotonic() + 60 * harness.SLOW
        while time.monotonic() < limit:
            picture = x_display.read_png(monitor.screendump(f"screen_{name}"))
            if narrowed(picture, width, height)[:-1] == expected:
                return
            time.sleep(0.2)
        self.fail(f"the picture did not come up; see out/screen_{name}.png")

    def test_pictures(self):
        image = test_disks.boot_image("screens", source="screens.asm")
        with monitor_screen.ScreenMonitor("screens", [image]) as monitor:
            for name, width, height, pixel in self.PICTURES:
                with self.subTest(name):
                    self.assert_comes_up(monitor, name, width, height, pixel)
                monitor.command("sendkey spc")


def narrowed(picture, width, height):
    """The picture's rows when each of its pixels is shown several times."""
    across, down = picture.width // width, picture.height // height
    if across * width != picture.width or down * height != picture.height or across == 0 or down == 0:
        return []
    if across == 1:
        return picture.rows[::down]
    return [b"".join(row[at:at + 3] for at in range(0, len(row), 3 * across)) for row in picture.rows[::down]]


class FrameBufferConsole(unittest.TestCase):
    def test_linux_writes_on_it(self):
        kernel, initrd = harness.guest_files("kernel-generic", "initrd-shell")
        args = ["-m", "512", "-kernel", kernel, "-initrd", initrd, "-append", "console=tty0 vga=0x344"]
        with monitor_screen.ScreenMonitor("screen_console", args) as monitor:
            monitor.wait_text("guest:~#", 120)
            monitor.command("type grep ^ /proc/fb /sys/class/graphics/fb0/virtual_size\\n")
            monitor.wait_text("VESA VGA", 60)
            monitor.wait_text("1024,768", 60)
            picture = x_display.read_png(monitor.screendump("screen_console"))
            self.assertEqual((picture.width, picture.height), (1024, 768))


if __name__ == "__main__":
    unittest.main()
