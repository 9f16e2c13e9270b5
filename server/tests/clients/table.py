"""The table of clients and operations, as docs/clients.md has it."""

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


def libraries():
    """Names and versions of the libraries, as the lists pin them."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "requirements.txt"), encoding="utf-8") as file:
        pinned = re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==(\S+)", file.read(), re.MULTILINE)
    with open(os.path.join(here, "package.json"), encoding="utf-8") as file:
        pinned += re.findall(r'^    "([\w-]+)": "([\d.]+)"', file.read(), re.MULTILINE)
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
    return "".join(lines)
