"""What all peers share: where their SQL is and how its parameters are filled in, and whose memory is theirs."""

import os
import re
from pathlib import Path

SQL = Path(__file__).parent.parent / "sql"
# The prepared tables, which the peers with storage of their own load.
TABLES = ("conversations", "attributed_orders", "counted_events", "daily_metrics")


class Peer:
    dialect = None

    def __init__(self, setup):
        self.setup = setup

    def load(self):
        """Loads the prepared tables into storage of its own, once."""

    def open(self):
        """Opens what was loaded."""

    def close(self):
        """Ends what was opened."""

    def statement(self, workload, parameters):
        """Returns the SQL of a workload in the peer's dialect, or that of any dialect."""
        path = SQL / f"{workload}.sql"
        if not path.exists():
            path = SQL / workload / f"{self.dialect}.sql"
        if not path.exists():
            path = SQL / workload / "any.sql"
        text = path.read_text()
        for name, value in parameters.items():
            text = text.replace("{" + name + "}", "'" + value.replace("'", "''") + "'")
        return text.strip().rstrip(";")

    def processes(self):
        """Returns the processes whose memory is the peer's."""
        return [os.getpid()]

    def forget_peak(self):
        """Makes the peak of its memory that of now."""
        for pid in self.processes():
            try:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            except OSError:
                pass

    def peak(self):
        """Returns the most that its processes held since, in bytes."""
        total = 0
        for pid in self.processes():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            total += int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024
        return total
