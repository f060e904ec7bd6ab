"""A guest that is watched and typed to through the monitor's screen commands."""
import re

import harness

PROMPT = r"\(twin86\) "


class ScreenMonitor(harness.Emulator):
    """An emulator without a window whose monitor is its standard input and output."""

    def __init__(self, name, args):
        super().__init__(name, ["-display", "none", "-serial", "none", "-monitor", "stdio", *args])

    def __enter__(self):
        self.expect(PROMPT)
        return self

    def command(self, line, timeout=60):
        """Runs one monitor command and returns what it printed."""
        self.send(line + "\n")
        self.expect(re.escape(line) + r"\r?\n")
        start = self.position
        end = self.expect(PROMPT, timeout)
        return self.seen[start:end.start()].decode("utf-8", "replace").replace("\r", "")

    def wait_text(self, text, seconds):
        """Waits until a row of the guest's screen has the text; the failure shows the screen."""
        limit = seconds * harness.SLOW
        if self.command(f'wait-text "{text}" {limit:g}', seconds + 30) != "found\n":
            raise harness.GuestError(f"{text!r} did not come up within {limit:g} s:\n{self.command('screen-text')}")

    def screendump(self, name):
        """Puts a picture of the screen beside the logs."""
        path = harness.OUT / f"{name}.png"
        path.unlink(missing_ok=True)
        self.command(f"screendump {path}")
        if not path.exists():
            raise harness.GuestError(f"no screendump at {path}")
        return path
