"""Times whole processes with the most memory that each held, and servers of a lake."""

import re
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE = 0.02


@dataclass
class Runs:
    """What was seen of one thing: seconds and peaks of memory in bytes."""

    seconds: list = field(default_factory=list)
    peaks: list = field(default_factory=list)

    def add(self, seconds, peak):
        self.seconds.append(seconds)
        self.peaks.append(peak)

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def least(self):
        return min(self.seconds)

    @property
    def peak(self):
        return max(self.peaks)


def process(command, environment=None):
    """Runs a process to its end; returns its seconds, the peak of its memory and what it printed."""
    begin = time.perf_counter()
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Its own high-water mark, not what `wait4` tells, which includes the parent's of before `exec`.
    status, peak, out = Path(f"/proc/{running.pid}/status"), 0, None
    while out is None:
        try:
            high = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
            peak = max(peak, int(high.group(1)) * 1024) if high else peak
        except OSError:
            pass
        try:
            out, errors = running.communicate(timeout=SAMPLE)
        except subprocess.TimeoutExpired:
            continue
    took = time.perf_counter() - begin
    if running.returncode != 0:
        raise RuntimeError(f"{command[0]} {command[1]}: {errors.strip()[-2000:]}")
    return took, peak, out


class Server:
    """`rapport serve` of a lake, on free ports; ended by its process id."""

    def __init__(self, rapport, lake, derive="off"):
        command = rapport.command("serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0", "--derive", derive, lake=lake)
        self.process = subprocess.Popen(
            command, env=rapport.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.ports = {}
        while set(self.ports) != {"postgres", "http"}:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the server did not start")
            name, _, address = line.partition(" ")
            self.ports[name] = address.strip().rpartition(":")[2]

    def address(self, user, password):
        return f"host=127.0.0.1 port={self.ports['postgres']} user={user} password={password} dbname=rapport"

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
