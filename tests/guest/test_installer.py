"""Debian's installer (netboot images, unmodified) comes up on the screen with both front ends; the graphical one takes keys."""
import time
import unittest

import harness
import monitor_screen
import x_display


RED = bytes((0xaa, 0, 0))  # of the highlighted line


def start(front_end, append=""):
    kernel, initrd = harness.guest_files(f"installer-{front_end}-kernel", f"installer-{front_end}-initrd")
    args = ["-m", "1024", "-kernel", kernel, "-initrd", initrd, "-append", append]
    return monitor_screen.ScreenMonitor(f"installer_{front_end}", args)


class Installer(unittest.TestCase):
    def test_text(self):
        """On the console, whose font screen-text reads."""
        with start("text", "fb=false") as monitor:
            monitor.wait_text("Select a language", 300)
            monitor.wait_text("English", 60)
            monitor.command("sendkey ret")
            monitor.wait_text("Select your location", 60)
            monitor.screendump("installer_text")

    def test_text_with_its_own_font(self):
        """As it comes up by itself: a terminal of its own on the frame buffer. A key moves the highlighted line and the scroll bar."""
        with start("text") as monitor:
            first = self.wait_for_picture(monitor, "installer_terminal", lambda p: RED in colours(p))
            monitor.command("sendkey down")
            self.wait_for_picture(monitor, "installer_terminal", lambda p: 8 < changed_lines(first, p) <= 96)

    def test_graphical(self):
        with start("gtk") as monitor:
            first = self.wait_for_picture(monitor, "installer_gtk", lambda p: len(colours(p)) > 100)
            monitor.command("sendkey ret")
            self.wait_for_picture(monitor, "installer_gtk", lambda p: changed_lines(first, p) > 100)

    def wait_for_picture(self, monitor, name, wanted, seconds=300):
        """The first picture that is as wanted and stays so for two seconds."""
        limit, last = time.monotonic() + seconds * harness.SLOW, None
        while time.monotonic() < limit:
            picture = x_display.read_png(monitor.screendump(name))
            if wanted(picture) and last is not None and changed_lines(last, picture) < 40:
                return picture
            last = picture
            time.sleep(2)
        self.fail(f"the picture did not come up; see out/{name}.png")


def colours(picture):
    return {row[i:i + 3] for row in picture.rows for i in range(0, len(row), 3)}


def changed_lines(one, other):
    if (one.width, one.height) != (other.width, other.height):
        return max(one.height, other.height)
    return sum(a != b for a, b in zip(one.rows, other.rows))


if __name__ == "__main__":
    unittest.main()
