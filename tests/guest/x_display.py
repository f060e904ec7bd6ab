"""An X server without a screen, and what people do on one: look, type, click. Debian's xvfb, x11-apps and xdotool."""
import ctypes
import os
import struct
import subprocess
import time
import zlib


class Picture:
    """Pixels as (red, green, blue)."""

    def __init__(self, width, height, rows):
        self.width, self.height, self.rows = width, height, rows

    def crop(self, x, y, width, height):
        return Picture(width, height, [row[3 * x:3 * (x + width)] for row in self.rows[y:y + height]])

    def same_but_for_cursor(self, other, cell_width=9, cell_height=16):
        """Is all that differs within one character, where a cursor may blink?"""
        if (self.width, self.height) != (other.width, other.height):
            return False
        lines = [y for y in range(self.height) if self.rows[y] != other.rows[y]]
        columns = [i // 3 for y in lines for i in range(3 * self.width) if self.rows[y][i] != other.rows[y][i]]
        return not lines or (max(lines) - min(lines) < cell_height and max(columns) - min(columns) < cell_width)


def read_png(path):
    """An 8-bit RGB picture without interlacing (PNG specification, 9: filtering)."""
    data = path.read_bytes()
    position, parts = 8, {}
    while position < len(data):
        size, kind = struct.unpack(">I4s", data[position:position + 8])
        parts[kind] = parts.get(kind, b"") + data[position + 8:position + 8 + size]
        position += 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour) == (8, 2), (depth, colour)
    raw, stride, rows, above = zlib.decompress(parts[b"IDAT"]), width * 3, [], bytes(width * 3)
    for y in range(height):
        line = raw[y * (stride + 1):(y + 1) * (stride + 1)]
        above = _unfilter(line[0], bytearray(line[1:]), above)
        rows.append(above)
    return Picture(width, height, rows)


def _unfilter(kind, line, above):
    for i, value in enumerate(line) if kind else ():
        left, up, corner = line[i - 3] if i >= 3 else 0, above[i], above[i - 3] if i >= 3 else 0
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda c: abs(guess - c))
        line[i] = value + (0, left, up, (left + up) // 2, nearest)[kind] & 255
    return bytes(line)


def read_xwd(data):
    """A dump of 32 bits a pixel, little endian (X11/XWDFile.h)."""
    header = struct.unpack(">25I", data[:100])
    width, height, bits, stride, colours = header[4], header[5], header[11], header[12], header[19]
    assert bits == 32, bits
    start = header[0] + colours * 12
    rows = []
    for y in range(height):
        line = data[start + y * stride:start + y * stride + width * 4]
        row = bytearray(width * 3)
        row[0::3], row[1::3], row[2::3] = line[2::4], line[1::4], line[0::4]
        rows.append(bytes(row))
    return Picture(width, height, rows)


class XDisplay:
    def __init__(self, width=1400, height=1000):
        reader, writer = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-noreset", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24",
                                        "-nolisten", "tcp"], pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as answer:
            self.name = ":" + answer.readline().strip()
        self.environment = {**os.environ, "DISPLAY": self.name, "SDL_VIDEODRIVER": "x11"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def tool(self, *words):
        done = subprocess.run(["xdotool", *map(str, words)], env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, timeout=60)
        return done.stdout.split()

    def window(self, name, seconds=60):
        """Waits for a visible window with this in its title."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if found := self.tool("search", "--onlyvisible", "--name", name):
                return found[-1]
            time.sleep(0.2)
        raise AssertionError(f"no window '{name}' on {self.name}")

    def picture(self, window):
        done = subprocess.run(["xwd", "-silent", "-id", window], env=self.environment, stdout=subprocess.PIPE,
                              check=True, timeout=60)
        return read_xwd(done.stdout)

    def ask_to_close(self, window):
        """What a window manager sends for its close button (ICCCM, 4.2.8.1)."""
        x = ctypes.CDLL("libX11.so.6")
        x.XOpenDisplay.restype = x.XInternAtom.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x.XOpenDisplay(self.name.encode()))
        protocols, delete = (x.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        client_message = 33
        event = ClientMessage(client_message, 0, 1, display, int(window), protocols, 32, (ctypes.c_long * 5)(delete))
        buffer = ctypes.create_string_buffer(bytes(event), 24 * ctypes.sizeof(ctypes.c_long))  # as large as an XEvent
        x.XSendEvent(display, ctypes.c_ulong(int(window)), 0, ctypes.c_long(0), buffer)
        x.XCloseDisplay(display)


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib.h."""
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5)]
