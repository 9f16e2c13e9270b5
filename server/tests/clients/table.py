"""The table of clients and operations, as docs/clients.md has it."""

import json
import os
import re

HEAD = """# Clients

Which operations of which clients were run against the endpoint, and that each gave what PostgreSQL gives: values, types,
row counts and SQLSTATEs, not only success. The table is made by a run of `server/tests/clients/run`, and a test fails
where it says anything else than the run. {legend}

"""
LEGEND = "`✓` went well, an empty field was not asked of that client."

VERSIONS = """
psql, pgbench, pgbouncer, postgres_fdw, pgjdbc and psqlODBC are those of the system that runs it (Debian 12: PostgreSQL 15,
pgbouncer 1.18, pgjdbc 42.5, psqlODBC 13.02); the others are {libraries}.
"""

SUPERSET = """
## Superset

`server/tests/superset/run` uses Apache Superset 6.1.0, headless over its REST API, as a shop's user would: it makes a
lake, serves it, starts a Superset with metadata of its own in SQLite, connects, browses, charts, and compares the charts'
numbers with those of `rapport query`. CI does not run it: Superset is some 800 MB.

```sh
server/tests/superset/run --install
server/tests/superset/run target/debug/rapport
```

It gave what it should where Superset connects, lists schemas and tables, makes datasets with their types and comments, offers
values to filter by, and charts: per second to per year, the largest series, beside the time before, filtered, with
expressions of the user's own, as CSV. So it did in SQL Lab, plans, errors and the button that stops a query included.

Also seen:

- A session begins in its account's zone, and Superset's charts tell instants in UTC. A chart's day is the instant at which it
  begins for the shop: east of Greenwich, the evening before. With `?options=-c%20timezone=UTC` at the end of the
  database's URI a chart over a column of dates, as `daily_metrics.date`, which are the shop's days in any case, tells each
  day as its own midnight in UTC.
- SQL Lab puts its own limit in place of a statement's `LIMIT`, and refuses `pg_sleep`, `version` and some other functions
  itself.
- While it makes a dataset that has dates, Superset also tries to connect to a database named `public`, where it means the
  schema, logs that there is none, and goes on.
"""


def libraries():
    """Names and versions of the libraries, as the lists pin them."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "requirements.txt"), encoding="utf-8") as file:
        pinned = re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==(\S+)", file.read(), re.MULTILINE)
    with open(os.path.join(here, "package.json"), encoding="utf-8") as file:
        pinned += json.load(file)["dependencies"].items()
    return ", ".join(f"{name} {version}" for name, version in pinned)


def shared_first(outcomes):
    """Operations of more than one client in the order in which they are met, then each client's own."""
    met = {}
    for found in outcomes.values():
        for name in found:
            met[name] = met.get(name, 0) + 1
    return [name for name, count in met.items() if count > 1], [name for name, count in met.items() if count == 1]


def mark(found, name):
    if name not in found:
        return ""
    return "✓" if found[name] is None else "✗"


def table(outcomes):
    """The whole page."""
    shared, own = shared_first(outcomes)
    failed = any(reason is not None for found in outcomes.values() for reason in found.values())
    lines = [HEAD.format(legend=LEGEND + (" `✗` failed." if failed else ""))]
    lines.append("| | " + " | ".join(outcomes) + " |\n")
    lines.append("|---|" + "---|" * len(outcomes) + "\n")
    for name in shared:
        marks = " | ".join(mark(found, name) for found in outcomes.values())
        lines.append(f"| {name} | {marks} |\n")
    lines.append("\nAnd of one client alone:\n\n| client | operations |\n|---|---|\n")
    for client, found in outcomes.items():
        alone = [f"{name} {mark(found, name)}" for name in found if name in own]
        if alone:
            lines.append(f"| {client} | {', '.join(alone)} |\n")
    lines.append(VERSIONS.format(libraries=libraries()))
    lines.append(SUPERSET)
    return "".join(lines)
