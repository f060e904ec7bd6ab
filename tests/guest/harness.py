"""Runs an emulator as a user would and talks to its guest over the serial port.

The program is $TWIN86 (default build/twin86), with $TWIN86_ARGS put before each test's own arguments. What the guest
said is kept in tests/guest/out/<test>.log. Waits end by what is seen; their limits only stop a hung guest, so they
are wide ($TWIN86_SLOW multiplies them).
"""
import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import termios
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "guest" / "out"
SLOW = float(os.environ.get("TWIN86_SLOW", "1"))


class GuestError(AssertionError):
    """The guest did not do what was waited for; the message shows the end of what it said."""


class Unavailable(unittest.SkipTest):
    """A guest file cannot be had because apt or the network is missing; the case is skipped."""


def emulator_command():
    program = os.environ.get("TWIN86", str(ROOT / "build" / "twin86"))
    return [program] + shlex.split(os.environ.get("TWIN86_ARGS", ""))


def guest_files(*names, script="guests.sh"):
    """Paths of the named guest files, fetched or built first if need be (see tools/lib/<script>)."""
    done = subprocess.run(["bash", str(ROOT / "tools" / "lib" / script), *names],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 3:
        raise Unavailable(done.stderr.strip())
    if done.returncode != 0:
        raise RuntimeError(f"{script} {' '.join(names)}: {done.stderr.strip()}")
    return done.stdout.split()


def over_terminal(text):
    """A pattern for text on a screen that firmware sends to a terminal: with cursor moves and colours anywhere."""
    return r"(?:\x1b\[[=0-9;]*[A-Za-z])*".join(re.escape(c) for c in text)


class Emulator:
    """One running emulator. Use it in a with statement: whatever is left is killed at the end."""

    def __init__(self, name, args, pty=False):
        OUT.mkdir(parents=True, exist_ok=True)
        self.log = open(OUT / f"{name}.log", "wb")
        self.seen = b""       # everything the emulator wrote
        self.position = 0     # how much of it expect() has used up
        self.terminal = None
        command = emulator_command() + [str(a) for a in args]
        if pty:
            self.terminal, slave = os.openpty()
            self.terminal_settings = termios.tcgetattr(slave)  # before the emulator can change them
            self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
            os.close(slave)
            self.input = self.output = self.terminal
        else:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT, start_new_session=True)
            self.input, self.output = self.process.stdin.fileno(), self.process.stdout.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.terminal is not None:
            os.close(self.terminal)
        else:
            self.process.stdout.close()
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        self.log.close()

    def text(self):
        return self.seen.decode("utf-8", "replace").replace("\r\n", "\n")

    def tail(self):
        return "\n".join(self.text().splitlines()[-25:])

    def _read(self, seconds):
        """Takes in what comes within the time; False at the end of the output."""
        ready, _, _ = select.select([self.output], [], [], max(0, seconds))
        if not ready:
            return True
        try:
            data = os.read(self.output, 65536)
        except OSError:  # a terminal whose other side is closed
            data = b""
        self.log.write(data)
        self.log.flush()
        self.seen += data
        return bool(data)

    def expect(self, pattern, timeout=60):
        """Waits for the regular expression in output not used up yet; returns the match (of bytes)."""
        if isinstance(pattern, str):
            pattern = pattern.encode()
        limit = time.monotonic() + timeout * SLOW
        while True:
            match = re.compile(pattern).search(self.seen, self.position)
            if match:
                self.position = match.end()
                return match
            left = limit - time.monotonic()
            if left <= 0:
                raise GuestError(f"{pattern!r} not seen within {timeout * SLOW:g} s; last output:\n{self.tail()}")
            if not self._read(left):
                code = self.process.wait()
                raise GuestError(f"{pattern!r} not seen; emulator ended with {code}; last output:\n{self.tail()}")

    def send(self, data):
        os.write(self.input, data.encode() if isinstance(data, str) else data)

    def finish(self, timeout=60):
        """Waits for the end of the emulator and returns its exit status (negative: the signal that killed it)."""
        limit = time.monotonic() + timeout * SLOW
        while time.monotonic() < limit:
            if not self._read(limit - time.monotonic()):
                break
            if self.process.poll() is not None and not select.select([self.output], [], [], 0.2)[0]:
                break
        try:
            return self.process.wait(max(1.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise GuestError(f"emulator did not end within {timeout * SLOW:g} s; last output:\n{self.tail()}") from None


class Shell:
    """The shell that tools/lib/guest-init starts on the console of a Linux guest."""

    def __init__(self, emulator, boot_timeout=300):
        self.emulator = emulator
        self.count = 0
        emulator.expect("TWIN86-INIT ", boot_timeout)
        emulator.expect(r"guest:\S+# ", 60)

    def run(self, command, timeout=120):
        """Runs a command line; returns (exit status, what it printed)."""
        self.count += 1
        mark = f"{self.count:04d}"
        # One line: the echo of what is typed ahead could come in the middle of the output. The quotes keep the echo of
        # the line from looking like its result.
        end = "" if command.rstrip().endswith("&") else ";"
        self.emulator.send(f"echo BEG''IN{mark}; {command}{end} echo E''ND{mark}:$?\n")
        self.emulator.expect(f"BEGIN{mark}\r?\n", timeout)
        start = self.emulator.position
        match = self.emulator.expect(rf"(?s)END{mark}:(\d+)\r?\n", timeout)
        text = self.emulator.seen[start:match.start()].decode("utf-8", "replace").replace("\r", "")
        return int(match.group(1)), text

    def check(self, command, timeout=120):
        """Like run(), for a command that must succeed; returns what it printed."""
        status, text = self.run(command, timeout)
        if status != 0:
            raise GuestError(f"in the guest: {command}: status {status}\n{text}")
        return text
