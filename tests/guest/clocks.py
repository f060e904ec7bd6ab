"""Runs in the guest: prints what its clocks show at the beginnings of two seconds of the RTC, a minute apart.

Each line: SAMPLE, seconds of the RTC, CLOCK_MONOTONIC_RAW and CLOCK_REALTIME in ns, TSC, HPET counter and its period in fs. Needs
iomem=relaxed on the kernel's command line, because the HPET is read as the hardware has it.
"""
import ctypes
import mmap
import os
import struct
import time

code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("0f31 48c1e220 4809d0 c3"))  # rdtsc; shl rdx, 32; or rax, rdx; ret
code.seek(64)
code.write(bytes.fromhex("89f8 e670 31c0 e471 c3"))  # mov eax, edi; out 0x70, al; xor eax, eax; in al, 0x71; ret
start = ctypes.addressof(ctypes.c_char.from_buffer(code))
rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(start)
read_cmos = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_uint)(start + 64)
if ctypes.CDLL(None).iopl(3) != 0:
    raise SystemExit("no access to ports")
memory = os.open("/dev/mem", os.O_RDONLY | os.O_SYNC)
hpet = mmap.mmap(memory, 4096, mmap.MAP_SHARED, mmap.PROT_READ, offset=0xfed00000)


def rtc_seconds():
    value = read_cmos(0)
    return (value >> 4) * 10 + (value & 15)


def sample():
    """All clocks as close together as some tries get them: the processor may be taken away at any moment."""
    tries = []
    for _ in range(20):
        before = raw()
        wall, tsc, count = time.clock_gettime_ns(time.CLOCK_REALTIME), rdtsc(), struct.unpack_from("<Q", hpet, 0xf0)[0]
        after = raw()
        tries.append((after - before, before, wall, tsc, count))
    return min(tries)[1:]


def raw():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def next_second():
    """Waits for a second's beginning at which the processor was ours from just before it to just after the sample."""
    while True:
        first = seconds = rtc_seconds()
        while seconds == first:
            before = raw()
            seconds = rtc_seconds()
        clocks = sample()
        if raw() - before < 5_000_000:
            break
    print("SAMPLE", seconds, *clocks, struct.unpack_from("<I", hpet, 4)[0], "END", flush=True)


next_second()
time.sleep(59.5)
next_second()
