"""A remote viewer: as much of RFB (RFC 6143) as a test needs. Raw encoding, 32 bits a pixel."""
import socket
import struct


class Viewer:
    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.version = self.read(12)
        self.socket.sendall(b"RFB 003.008\n")
        self.security = list(self.read(self.read(1)[0]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError(f"the server closed the connection after {len(data)} of {count} bytes")
            data += more
        return data

    def start(self):
        """Without a password: to the first picture."""
        self.socket.sendall(b"\x01")
        (result,) = struct.unpack(">I", self.read(4))
        assert result == 0, result
        self.socket.sendall(b"\x01")  # shared
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.name = self.read(struct.unpack(">I", self.read(4))[0]).decode()
        # 32 bits, depth 24, little endian, true colour, 8 bits each at 16, 8, 0
        self.socket.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.socket.sendall(struct.pack(">BxHii", 2, 2, 0, -223))  # raw, DesktopSize
        self.pixels = bytearray(self.width * self.height * 4)

    def update(self, incremental=True):
        """Asks for what changed and takes one answer in. Returns the number of pixels that came."""
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))
        while (kind := self.read(1)[0]) != 0:
            assert kind in (2, 3), kind  # bell, clipboard
            if kind == 3:
                self.read(struct.unpack(">3xI", self.read(7))[0])
        (count,) = struct.unpack(">xH", self.read(3))
        return sum(self._rectangle() for _ in range(count))

    def _rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
        if encoding == -223:
            self.width, self.height = width, height
            self.pixels = bytearray(width * height * 4)
            return 0
        assert encoding == 0, encoding
        data = self.read(width * height * 4)
        for row in range(height):
            at = ((y + row) * self.width + x) * 4
            self.pixels[at:at + width * 4] = data[row * width * 4:(row + 1) * width * 4]
        return width * height

    def key(self, keysym, down):
        self.socket.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def type(self, text):
        for character in text:
            keysym = 0xff0d if character == "\n" else ord(character)
            self.key(keysym, 1)
            self.key(keysym, 0)

    def pointer(self, x, y, buttons=0):
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))
