"""A lake for the clients, the server over it, and what they shall find there."""

import json
import os
import subprocess

NOW = "2026-01-31T12:00:00Z"
PASSWORD = "correct horse"
USER = "ada"
FROM, TO = "2026-01-12", "2026-01-31"

# What the relations hold, as the command line tells it: the clients' answers are compared with these.
EXPECTED = [
    "SELECT account_id AS account FROM accounts",
    """SELECT count(*) AS orders, sum(value) AS "orders.value", sum(CASE WHEN value > 0.5 THEN 1 ELSE 0 END)
       AS "orders.above_half", sum(CASE WHEN value > 10 THEN 1 ELSE 0 END) AS "orders.above_ten" FROM orders""",
    """SELECT string_agg(order_id, ',' ORDER BY order_id) AS "orders.second_to_fourth"
       FROM (SELECT order_id FROM orders ORDER BY order_id LIMIT 3 OFFSET 1)""",
    """SELECT order_id AS "order.id", value AS "order.value", currency AS "order.currency",
       ordered_at AS "order.at", ordered_on AS "order.on", cancelled AS "order.cancelled"
       FROM orders ORDER BY order_id LIMIT 1""",
    "SELECT count(*) AS conversations FROM conversations WHERE messages >= 1",
    """SELECT conversation_id AS "conversation.id", array_to_string(procedures, ',') AS "conversation.procedures"
       FROM conversations WHERE cardinality(procedures) > 1 ORDER BY conversation_id LIMIT 1""",
    f"""SELECT conversations AS "headline.conversations", ai_generated_sales AS "headline.sales"
        FROM headline_metrics('{FROM}', '{TO}', 'web_chat,sms')""",
]


def _environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAPPORT_", "RUST_LOG"))}
    return kept | {"RUST_LOG": "error"}


class Lake:
    """Synthetic events, landed and derived, in a folder."""

    def __init__(self, binary, folder):
        self.command = [binary, "--lake", os.path.join(folder, "lake"), "--now", NOW]
        self.folder = folder

    def run(self, *arguments, given=None):
        done = subprocess.run(
            [*self.command, *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=_environment(),
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"rapport {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def fill(self, days=20, conversations=600):
        """Makes two shops, and a user of the first one."""
        events = os.path.join(self.folder, "events")
        shape = ["--accounts", "2", "--days", str(days), "--conversations", str(conversations), "--seed", "7"]
        self.run("synth", *shape, "--out", events)
        self.run("accounts", "put", os.path.join(events, "accounts.ndjson"))
        files = sorted(name for name in os.listdir(events) if name.startswith("events"))
        self.run("land", *(os.path.join(events, name) for name in files))
        self.run("derive")
        listed = json.loads(self.run("accounts", "list", "--format", "json"))
        account = listed[0]["account_id"]
        new = ["--role", "analyst", "--account", account, "--password-stdin"]
        self.run("users", "add", USER, *new, given=PASSWORD + "\n")
        return account

    def expectations(self, account, path):
        """Writes what the clients shall find, a name and a value a line."""
        lines = [("from", FROM), ("to", TO)]
        for sql in EXPECTED:
            [row] = json.loads(
                self.run("query", "--sql", sql, "--account", account, "--format", "json")
            )
            lines.extend(row.items())
        with open(path, "w", encoding="utf-8") as file:
            for name, value in lines:
                text = str(value).lower() if isinstance(value, bool) else str(value)
                file.write(f"{name}\t{text}\n")

    def serve(self):
        """Starts a server on free ports; answers with it and the port of its endpoint."""
        server = subprocess.Popen(
            [*self.command, "serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        line = server.stdout.readline().strip()
        if not line.startswith("postgres "):
            server.kill()
            raise SystemExit(f"rapport serve began with {line!r}")
        return server, line.rsplit(":", 1)[1]
