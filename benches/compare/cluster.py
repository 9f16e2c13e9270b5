"""A PostgreSQL cluster of its own in a temporary folder, on a socket there; it is ended by its process id."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "2GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "effective_cache_size": "8GB",
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "random_page_cost": "1.1",
    "jit": "off",
}


def find(given=None):
    """Returns the folder of PostgreSQL's programs: the one given, or the newest of the usual places; None if there is none."""
    if given is not None:
        return Path(given)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


class Cluster:
    """Starts at construction. The server refuses to run as root, so it then runs as `nobody`, and its folder is not the work's,
    which that user may not reach."""

    def __init__(self, programs):
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.folder = folder = Path(tempfile.mkdtemp(prefix="rapport-compare-postgres-"))
        self.data, self.socket = folder / "data", folder / "socket"
        self.socket.mkdir()
        for each in (folder, self.socket):
            shutil.chown(each, self.user)
        make = [programs / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C"]
        subprocess.run(make, check=True, user=self.user, cwd=folder, stdout=subprocess.DEVNULL)
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self.log = open(folder / "log", "w")
        start = [programs / "postgres", "-D", self.data, "-k", self.socket, *options]
        self.process = subprocess.Popen(start, user=self.user, cwd=folder, stdout=self.log, stderr=self.log)
        self.wait()

    def address(self):
        return f"host={self.socket} user=postgres dbname=postgres"

    def wait(self):
        """Waits until it can be asked."""
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.address()).close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def end(self):
        # A fast shutdown: it does not wait for clients.
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder)
