"""Writes the report of what was seen: where Rapport must be, each peer's times and memory, and how both grow."""

from datetime import datetime, timezone

import peers
import results
import workloads

TITLES = {
    "rapport": "Rapport", "duckdb": "DuckDB", "clickhouse": "ClickHouse", "polars": "Polars", "postgres": "PostgreSQL",
    "duckdb-parquet": "DuckDB from Parquet",
}  # fmt: skip
MIB = 2**20
INTRODUCTION = """# Compared with others

Written by `benches/compare/compare.py` (see [Compared with others](README.md#compared-with-others)); do not edit by hand.
"""


def table(head, rows):
    """Returns a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def time(seconds):
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def held(ratio, part):
    return "yes" if ratio <= part else "**no**"


def render(seen, options):
    """Returns the report."""
    parts = [INTRODUCTION, about(seen, options)]
    for name in seen.sizes:
        if not bars(seen, name):
            continue
        parts.append(f"## {name}: {lake(seen.size(name)['lake'])}\n")
        if skipped := seen.size(name)["skipped"]:
            parts.append("\n".join(f"- Not measured: {what}: {why}." for what, why in skipped.items()) + "\n")
        parts += [bars(seen, name), times(seen, name), memory(seen, name), analyst(seen, name)]
    if len(seen.sizes) > 1:
        parts.append(growth(seen))
    return "\n".join(part for part in parts if part)


def about(seen, options):
    versions = {}
    for name in seen.sizes:
        versions.update(seen.size(name)["versions"])
    listed = ", ".join(dict.fromkeys(versions.values()))
    today = datetime.now(timezone.utc).date()
    lines = [
        f"{today}, {results.machine()}. {listed}.{' ' + options.note if options.note else ''}",
        "",
        "Every peer answers in a process of its own, one question at a time, all in turns, after a warm-up in which the answers are"
        " compared: a difference ends the run. Times are medians (the least in brackets) until the whole answer lies in the client's"
        " own buffers: Rapport and PostgreSQL are asked over the wire, the others are in their client's process. *Best native* is the"
        " fastest of those with the tables in their own storage, sorted by account and time.",
    ]
    return "\n".join(lines) + "\n"


def lake(told):
    return (
        f"{told['conversations']:,} conversations of {told['accounts']} shops ({told['of_largest']:,} of the largest),"
        f" {told['files']:,} files"
    )


def best(runs, workload):
    """Returns the fastest native peer of a workload with its median; None where none was asked."""
    asked = [(runs[peer].median, peer) for peer in workloads.native(workload) if peer in runs]
    return min(asked) if asked else None


def bars(seen, name):
    """Returns the table of the work and where Rapport must be."""
    rows = []
    derive = seen.runs(name, "steps", "derive")
    if derive:
        ratio = derive["duckdb"].median / derive["rapport"].median
        rows.append([
            "derive everything from nothing", "a fifth of DuckDB's time, under 2 GB", f"{time(derive['duckdb'].median)} (DuckDB)",
            f"{time(derive['rapport'].median)}, {derive['rapport'].peak / MIB:.0f} MiB", f"{1 / ratio:.2f}",
            "yes" if ratio >= 5 and derive["rapport"].peak < 2e9 else "**no**",
        ])  # fmt: skip
    for workload in workloads.QUESTIONS:
        runs = seen.runs(name, "workloads", workload.name)
        if "rapport" not in runs:
            continue
        ours = runs["rapport"].median
        fastest = best(runs, workload)
        ratio = ours / fastest[0] if fastest else None
        if workload.within is not None:
            asked, verdict = time(workload.within), held(ours, workload.within)
        else:
            asked, verdict = f"{workload.part} of the best native", held(ratio, workload.part) if fastest else ""
        shown = f"{time(fastest[0])} ({TITLES[fastest[1]]})" if fastest else ""
        each = [f"{ours / runs[peer].median:.2f}" if peer in runs else "" for peer in peers.NATIVE]
        rows.append([workload.title, asked, shown, time(ours), f"{ratio:.2f}" if ratio else "", verdict, *each])
    for step, title in (("land", "land from Parquet"), ("land-ndjson", "land from NDJSON")):
        runs = seen.runs(name, "steps", step)
        if runs:
            ratio = runs["rapport"].median / runs["duckdb"].median
            read = seen.size(name)["lake"].get("events", 0)
            rows.append([
                f"{title}, {read:,} events", "DuckDB's time of writing the partitions", f"{time(runs['duckdb'].median)} (DuckDB)",
                f"{time(runs['rapport'].median)}, {read / runs['rapport'].median:,.0f} events/s", f"{ratio:.2f}", held(ratio, 1.0),
            ])  # fmt: skip
    for step, title, limit in (
        ("start", "`land` of one event", 0.3),
        ("freshness", "10,000 events of the largest shop, from commit to visible", 1.0),
    ):
        runs = seen.runs(name, "steps", step)
        if runs:
            median = runs["rapport"].median
            rows.append([title, time(limit), "", time(median), "", held(median, limit)])
    head = ["work", "asked", "best native", "Rapport", "ratio", "held", *[f"to {TITLES[peer]}" for peer in peers.NATIVE]]
    return table(head, [row + [""] * (len(head) - len(row)) for row in rows]) if rows else ""


def asked_peers(seen, name, chosen):
    """Returns the peers that were asked any of the workloads."""
    asked = {peer for each in chosen for peer in seen.runs(name, "workloads", each.name)}
    return [peer for peer in TITLES if peer in asked]


def times(seen, name):
    """Returns each peer's times."""
    chosen = asked_peers(seen, name, workloads.QUESTIONS)
    rows = []
    for workload in workloads.QUESTIONS:
        runs = seen.runs(name, "workloads", workload.name)
        if runs:
            shown = [f"{time(runs[peer].median)} ({time(runs[peer].least)})" if peer in runs else "" for peer in chosen]
            rows.append([workload.title, *shown])
    loads = seen.size(name)["loads"]
    rows.append(["loading the tables", *[time(loads[peer]) if peer in loads else "" for peer in chosen]])
    return "Median (least) of each:\n\n" + table(["work", *[TITLES[peer] for peer in chosen]], rows) if chosen else ""


def memory(seen, name):
    """Returns the peaks of memory."""
    chosen = asked_peers(seen, name, workloads.QUESTIONS)
    rows = []
    for workload in workloads.QUESTIONS:
        runs = seen.runs(name, "workloads", workload.name)
        if runs:
            rows.append([workload.title, *[f"{runs[peer].peak / MIB:.0f}" if peer in runs else "" for peer in chosen]])
    for step in ("derive", "land", "land-ndjson"):
        runs = seen.runs(name, "steps", step)
        if runs:
            rows.append([step, *[f"{runs[peer].peak / MIB:.0f}" if peer in runs else "" for peer in chosen]])
    told = (
        "Most memory of the process that answers (peak RSS, MiB; PostgreSQL's is that of one backend with the shared buffers that it"
        " touched; Polars' holds all tables; Rapport's is the server, which all questions before filled):\n\n"
    )
    return told + table(["work", *[TITLES[peer] for peer in chosen]], rows) if rows else ""


def analyst(seen, name):
    """Returns the table of analysts' queries."""
    rows = []
    for workload in workloads.analyst():
        runs = seen.runs(name, "workloads", workload.name)
        if "rapport" in runs and "duckdb-parquet" in runs:
            ours, theirs = runs["rapport"], runs["duckdb-parquet"]
            ratio = ours.median / theirs.median
            shown = [f"{time(each.median)} ({time(each.least)})" for each in (ours, theirs)]
            rows.append([workload.title, *shown, f"{ratio:.2f}", held(ratio, 1.0)])
    told = "Plain SQL of analysts, against DuckDB from the same Parquet (asked: no slower):\n\n"
    return told + table(["query", "Rapport", "DuckDB from Parquet", "ratio", "held"], rows) if rows else ""


def growth(seen):
    """Returns how each cost grows from the smallest size."""
    names = list(seen.sizes)
    first = names[0]
    rows = []

    def row(title, group, key, peer, label):
        each = [seen.runs(name, group, key).get(peer) for name in names]
        if each[0] and any(each[1:]):
            shown = [time(runs.median) if runs else "" for runs in each]
            grown = [f"{runs.median / each[0].median:.2f}" if runs else "" for runs in each[1:]]
            rows.append([title, label, *shown, *grown])

    for key, title in (("again", "the page of a shop that is the same in all, again and again"), ("other", "views of it not seen before")):
        row(title, "steps", "page", key, "Rapport")
    for workload in workloads.QUESTIONS:
        for peer, label in TITLES.items():
            row(workload.title, "workloads", workload.name, peer, label)
    for step in ("derive", "land", "land-ndjson", "start", "freshness"):
        for peer in ("rapport", "duckdb"):
            row(step, "steps", step, peer, TITLES[peer])
    sizes = "\n".join(f"- {name}: {lake(seen.size(name)['lake'])}" for name in names)
    told = (
        f"## How costs grow\n\n{sizes}\n\nA shop's page may grow by 1.2 times while the lake grows by ten times in files; the shops of the"
        " other rows are the largest of each size, which have more conversations in a larger lake.\n\n"
    )
    head = ["work", "of", *names, *[f"{name} / {first}" for name in names[1:]]]
    return told + table(head, rows)
