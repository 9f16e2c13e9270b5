"""What was seen, kept as JSON between runs."""

import json
import os
import platform
import re
from pathlib import Path

from measure import Runs


class Results:
    """The sizes by name, each with its lake, the versions of the peers, the workloads' and the steps' runs."""

    def __init__(self, path=None):
        self.path = path
        self.sizes = json.loads(path.read_text()) if path is not None and path.exists() else {}

    def size(self, name):
        empty = {"lake": {}, "versions": {}, "loads": {}, "workloads": {}, "steps": {}, "skipped": {}}
        return self.sizes.setdefault(name, empty)

    def keep(self, name, group, key, runs):
        """Keeps the runs of a workload or step by peer."""
        self.size(name)["skipped"].pop(key, None)
        self.size(name)[group][key] = {peer: {"seconds": each.seconds, "peaks": each.peaks} for peer, each in runs.items()}
        self.save()

    def put(self, name, group, **values):
        self.size(name)[group].update(values)
        self.save()

    def runs(self, name, group, key):
        """Returns the runs by peer."""
        return {peer: Runs(**each) for peer, each in self.size(name)[group].get(key, {}).items()}

    def save(self):
        if self.path is not None:
            self.path.write_text(json.dumps(self.sizes, indent=1))


def machine():
    """Returns what the machine is, in words."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) / 2**20
    name = cpu.group(1) if cpu else platform.processor()
    return f"{os.cpu_count()} cores ({name}), {memory:.0f} GiB of memory, {platform.system()} {platform.release()}"
