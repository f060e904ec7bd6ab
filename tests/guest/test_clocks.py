"""The guest's clocks against each other and against the host's, over a minute in which the guest is busy (suite 'long')."""
import base64
import pathlib
import re
import time
import unittest

import harness
import linux_guest

TOLERANCE = 0.001  # of the span
LOAD = "(while :; do python3 -c 'sum(range(10**7))'; done) & (while :; do gzip -c /bin/busybox >/dev/null; done) &"


class Clocks:
    @classmethod
    def setUpClass(cls):
        cls.emulator = linux_guest.boot(f"clocks_{cls.kernel}", kernel=cls.kernel, initrd="python", script="userland.sh",
                                        memory=1024, append="iomem=relaxed")
        cls.shell = harness.Shell(cls.emulator, boot_timeout=1200)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.__exit__()

    def send_file(self, source, to):
        """In lines as short as the guest's shell edits."""
        text = base64.b64encode(source).decode()
        self.shell.check(f": >{to}.64")
        for at in range(0, len(text), 500):
            self.shell.check(f"echo {text[at:at + 500]} >>{to}.64")
        self.shell.check(f"base64 -d {to}.64 >{to}")

    def read_sample(self):
        match = self.emulator.expect(r"SAMPLE (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) END|clocks.py ended", 600)
        self.assertIsNotNone(match.group(1), self.emulator.tail())
        return time.monotonic(), [int(n) for n in match.groups()]

    def test_they_agree_over_a_minute_under_load(self):
        self.send_file(pathlib.Path(__file__).with_name("clocks.py").read_bytes(), "/tmp/clocks.py")
        self.shell.check(LOAD)
        self.emulator.send("python3 /tmp/clocks.py || echo clocks.py en''ded\n")
        host_first, (rtc_first, *first) = self.read_sample()
        host_last, (rtc_last, *last) = self.read_sample()
        raw, wall, tsc, hpet = (b - a for a, b in zip(first[:4], last[:4]))
        spans = {"host": host_last - host_first, "raw": raw / 1e9, "wall": wall / 1e9, "HPET": hpet * last[4] / 1e15,
                 "TSC": tsc / (self.tsc_mhz() * 1e6), "RTC": self.rtc_span(rtc_first, rtc_last, raw / 1e9)}
        print({name: round(span, 4) for name, span in spans.items()})
        self.assertGreater(spans["HPET"], 59)
        for name, span in spans.items():
            self.assertAlmostEqual(span, spans["HPET"], delta=TOLERANCE * spans["HPET"], msg=f"{name}: {spans}")

    def tsc_mhz(self):
        """What the kernel takes the TSC's rate for."""
        rates = re.findall(r"tsc: (?:Refined TSC clocksource calibration:|Detected) ([\d.]+) MHz", self.shell.check("dmesg"))
        self.assertTrue(rates, "the kernel names no rate")
        return float(rates[-1])

    @staticmethod
    def rtc_span(first, last, about):
        """Whole seconds: how many minutes passed besides is what the others say roughly."""
        seconds = (last - first) % 60
        return seconds + 60 * round((about - seconds) / 60)

    def test_zz_no_complaints_in_the_log(self):
        self.assertEqual(linux_guest.complaints(self.shell.check("dmesg")), [])


class CloudKernel(Clocks, unittest.TestCase):
    kernel = "kernel-cloud"


class GenericKernel(Clocks, unittest.TestCase):
    kernel = "kernel-generic"


if __name__ == "__main__":
    unittest.main()
