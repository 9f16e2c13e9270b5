"""Makes lakes with Rapport's own commands, and reads what others need of them: the live files and the accounts' settings."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

RAW = ("conversation_events", "order_events", "touch_events")
DERIVED = ("conversations", "orders", "attributed_orders", "daily_metrics")

# The windows of section 3 of the rules, in seconds, and that of web chat (A1).
HOUR, DAY = 3_600, 86_400
WEB_CHAT = {"web_chat": DAY}
PRESETS = {
    "current": {
        "email_clicked": 5 * DAY,
        "email_opened": 5 * DAY,
        "sms_clicked": 5 * DAY,
        "sms_opened": DAY,
        "sms_delivered": 12 * HOUR,
        "whatsapp_clicked": 5 * DAY,
        "whatsapp_opened": 12 * HOUR,
        "push_opened": 24 * HOUR,
    },
    "legacy": {
        "email_clicked": 5 * DAY,
        "email_opened": 5 * DAY,
        "sms_clicked": 24 * HOUR,
        "push_opened": 24 * HOUR,
    },
}
UNITS = {"second": 1, "minute": 60, "hour": HOUR, "day": DAY}


def seconds(duration):
    """Returns the seconds of a duration as the settings write it; None where it is off."""
    if duration is None or duration == "off":
        return None
    count, unit = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", duration).groups()
    return int(count) * UNITS[unit]


@dataclass
class Rapport:
    """The program, and what every call of it is given."""

    binary: Path
    now: str
    users: Path

    def environment(self):
        return {**os.environ, "RAPPORT_NOW": self.now, "RAPPORT_USERS": str(self.users)}

    def command(self, *arguments, lake=None):
        lake = [] if lake is None else ["--lake", str(lake)]
        return [str(self.binary), *map(str, arguments), *lake]

    def run(self, *arguments, lake=None, stdin=None):
        """Runs a command to its end and returns what it printed."""
        done = subprocess.run(
            self.command(*arguments, lake=lake),
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"rapport {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout


def synth(rapport, out, accounts, days, conversations, form="parquet", seed=1):
    """Makes the events of invented shops in a folder."""
    rapport.run(
        "synth", "--accounts", accounts, "--days", days, "--conversations", conversations,
        "--seed", seed, "--format", form, "--out", out,
    )  # fmt: skip


def land(rapport, lake, events):
    """Lands a folder of synth's with its settings."""
    rapport.run("accounts", "put", Path(events) / "accounts.ndjson", lake=lake)
    rapport.run("land", events, lake=lake)


def link(source, target, names=None):
    """Copies a lake, or some of its tables, by hard links, or byte by byte where the file system has none: a lake's files are
    never changed once they are written, so both may be written to from then on."""
    target.mkdir(parents=True)
    for table in sorted(source.iterdir()):
        if not table.is_dir() or (names is not None and table.name not in names):
            continue
        try:
            shutil.copytree(table, target / table.name, copy_function=os.link)
        except (OSError, shutil.Error):
            shutil.rmtree(target / table.name, ignore_errors=True)
            shutil.copytree(table, target / table.name)


def files(lake, table):
    """Returns the files of a table's latest version: a lake's folders also hold those of versions before."""
    log = Path(lake) / table / "_delta_log"
    live, first = set(), 0
    pointer = log / "_last_checkpoint"
    if pointer.exists():
        import pyarrow.parquet

        first = json.loads(pointer.read_text())["version"]
        for part in sorted(log.glob(f"{first:020}.checkpoint*.parquet")):
            adds = pyarrow.parquet.read_table(part, columns=["add"])["add"].to_pylist()
            live.update(add["path"] for add in adds if add is not None)
        first += 1
    for commit in sorted(log.glob("*.json")):
        if int(commit.stem) < first:
            continue
        for line in commit.read_text().splitlines():
            action = json.loads(line) if line.strip() else {}
            if "add" in action:
                live.add(action["add"]["path"])
            elif "remove" in action:
                live.discard(action["remove"]["path"])
    return sorted(str(Path(lake) / table / unquote(path)) for path in live)


def settings(lake, accounts):
    """Returns the settings in force of each account: zone, currency, idle seconds, model, exclusions and windows."""
    import pyarrow.parquet

    stored = {}
    versions = []
    if (Path(lake) / "accounts").exists():
        for file in files(lake, "accounts"):
            versions += pyarrow.parquet.read_table(file).to_pylist()
    for version in sorted(versions, key=lambda row: row["changed_at"]):
        stored[version["account_id"]] = json.loads(version["settings"])
    return [in_force(account, stored.get(account, {})) for account in sorted(set(accounts) | set(stored))]


def in_force(account, given):
    """Returns an account's settings with the defaults of section 3 of the rules."""
    windows = dict(PRESETS[given.get("attribution_preset", "current")])
    windows.update({name: seconds(lasts) for name, lasts in given.get("windows", {}).items()})
    return {
        "account_id": account,
        "timezone": given.get("timezone", "UTC"),
        "currency": given.get("currency", "USD"),
        "idle_seconds": seconds(given.get("idle_timeout")),
        "model": given.get("attribution_model", "last_touch"),
        "exclude_bot_clicks": given.get("exclude_bot_clicks", True),
        "exclude_machine_opens": given.get("exclude_machine_opens", False),
        "exclude_transactional": given.get("exclude_transactional", False),
        "windows": {name: lasts for name, lasts in {**windows, **WEB_CHAT}.items() if lasts is not None},
    }
