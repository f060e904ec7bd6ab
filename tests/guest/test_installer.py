"""Debian's installer (netboot images, unmodified) comes up on the screen with both front ends; the graphical one takes keys."""
import time
import unittest

import harness
import monitor_screen
import x_display


def start(front_end):
    kernel, initrd = harness.guest_files(f"installer-{front_end}-kernel", f"installer-{front_end}-initrd")
    return monitor_screen.ScreenMonitor(f"installer_{front_end}", ["-m", "1024", "-kernel", kernel, "-initrd", initrd])


class Installer(unittest.TestCase):
    def test_text(self):
        with start("text") as monitor:
            monitor.wait_text("Select a language", 300)
            monitor.wait_text("English", 60)
            monitor.screendump("installer_text")

    def test_graphical(self):
        with start("gtk") as monitor:
            first = self.wait_for_picture(monitor, lambda p: len(colours(p)) > 100)
            monitor.command("sendkey ret")
            self.wait_for_picture(monitor, lambda p: changed_lines(first, p) > 100)

    def wait_for_picture(self, monitor, wanted, seconds=300):
        """The first picture that is as wanted and stays so for two seconds."""
        limit, last = time.monotonic() + seconds * harness.SLOW, None
        while time.monotonic() < limit:
            picture = x_display.read_png(monitor.screendump("installer_gtk"))
            if wanted(picture) and last is not None and changed_lines(last, picture) < 40:
                return picture
            last = picture
            time.sleep(2)
        self.fail("the picture did not come up; see out/installer_gtk.png")


def colours(picture):
    return {row[i:i + 3] for row in picture.rows for i in range(0, len(row), 3)}


def changed_lines(one, other):
    if (one.width, one.height) != (other.width, other.height):
        return max(one.height, other.height)
    return sum(a != b for a, b in zip(one.rows, other.rows))


if __name__ == "__main__":
    unittest.main()
