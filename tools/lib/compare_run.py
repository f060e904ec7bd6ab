"""Runs one workload under one engine and measures it: wall and CPU time, marks on the console, memory, counters."""
import dataclasses
import os
import re
import select
import subprocess
import tempfile
import time


@dataclasses.dataclass
class Workload:
    """What the guest is to do. `steps` are (name, text to wait for, text to send then) in order."""
    arguments: list
    steps: list
    limit: float = 120.0


@dataclasses.dataclass
class Measurement:
    engine: str
    command: list
    ok: bool = False
    problem: str = ""
    wall_s: float = 0.0
    user_s: float = 0.0
    system_s: float = 0.0
    peak_kib: int = 0
    marks: dict = dataclasses.field(default_factory=dict)     # step -> seconds since the start
    console: list = dataclasses.field(default_factory=list)   # (seconds, bytes so far)
    counters: dict = dataclasses.field(default_factory=dict)  # group -> {name: number}
    engine_line: str = ""


# Lines of `info accel`: "group   name 1 name 2" or "group   1 things, 2 others".
GROUPS = {"exits": "translator exits", "helpers": "translator slow paths", "kvm exits": "kvm exits"}
NAMED = re.compile(r"([A-Za-z][\w-]*) (\d+)")
COUNTED = re.compile(r"(\d+(?:\.\d+)?) ([a-z][a-z ]*)")
FIRST = re.compile(r"(\d+)[,;]")  # the line's own number, without a name


def parse_counters(text):
    """The statistics of -d stats as {group: {name: number}}."""
    groups = {}
    for line in text.splitlines():
        match = re.match(r"(kvm \w+|\w+)\s\s*(.*)", line)
        if not match:
            continue
        key, rest = match.groups()
        if key == "fallback":
            count, reason = re.match(r"(\d+) times: (.*)", rest).groups()
            groups.setdefault("fallback by instruction", {})[reason] = int(count)
        elif key in GROUPS:
            groups[GROUPS[key]] = {name: int(n) for name, n in NAMED.findall(rest)}
        elif key in ("blocks", "guest", "tlb", "windows", "events", "switches", "kvm events", "kvm state", "kvm memory", "kvm runs"):
            own = {key: int(n) for n in FIRST.findall(rest)[:1] if rest.startswith(n)}
            groups[key] = own | {name.strip(): float(n) for n, name in COUNTED.findall(rest)}
    return groups


class Console:
    """Follows the steps on what the guest writes."""

    def __init__(self, process, workload, result, start):
        self.process, self.steps, self.result, self.start = process, list(workload.steps), result, start
        self.seen, self.position = b"", 0

    def take(self, seconds):
        """False at the end of the output."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, seconds))
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        self.seen += data
        self.result.console.append((time.monotonic() - self.start, len(self.seen)))
        self.advance()
        return bool(data)

    def advance(self):
        while self.steps:
            name, pattern, answer = self.steps[0]
            match = re.compile(pattern.encode()).search(self.seen, self.position)
            if not match:
                return
            self.position = match.end()
            self.result.marks[name] = time.monotonic() - self.start
            self.steps.pop(0)
            if answer:
                self.say(answer)

    def say(self, answer):
        try:
            os.write(self.process.stdin.fileno(), answer.encode())
        except BrokenPipeError:
            pass  # it has ended meanwhile: the steps that are left tell


def follow(console, limit, progress):
    """False: the output has ended; True: the time is up."""
    going_on = True
    while going_on and time.monotonic() - console.start < limit:
        going_on = console.take(0.5)
        waiting = console.steps[0][0] if console.steps else "the end"
        progress(f"{console.result.engine}: {time.monotonic() - console.start:5.1f} s, waiting for {waiting}")
    return going_on


def end(process, still_runs):
    """What os.wait4 says; a process that SIGTERM does not end is killed."""
    if still_runs:
        process.terminate()
        for _ in range(50):
            pid, *rest = os.wait4(process.pid, os.WNOHANG)
            if pid:
                return pid, *rest
            time.sleep(0.1)
        process.kill()
    return os.wait4(process.pid, 0)


def run(engine, command, workload, progress=lambda text: None):
    """Runs the command with the workload's arguments until the guest ends; returns a Measurement."""
    result = Measurement(engine, command + workload.arguments)
    with tempfile.NamedTemporaryFile("r", suffix=".stats") as stats:
        own = not engine.startswith("qemu-")
        full = result.command + (["-d", "stats", "-D", stats.name] if own else [])
        start = time.monotonic()
        process = subprocess.Popen(full, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        console = Console(process, workload, result, start)
        try:
            going_on = follow(console, workload.limit, progress)
        except BaseException:
            end(process, True)  # Ctrl-C
            raise
        if going_on:
            result.problem = f"not done within {workload.limit:g} s"
        _, status, usage = end(process, going_on)
        process.returncode = os.waitstatus_to_exitcode(status)
        result.wall_s = time.monotonic() - start
        result.user_s, result.system_s, result.peak_kib = usage.ru_utime, usage.ru_stime, usage.ru_maxrss
        text = stats.read()
    result.counters = parse_counters(text)
    result.engine_line = next((line for line in text.splitlines() if line.startswith("kvm   ")), "")
    if not result.problem and console.steps:
        tail = console.seen.decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing"]
        result.problem = f"never said '{console.steps[0][1]}'; last: {tail[0][:100]}"
    result.ok = not result.problem
    return result
