"""Measures one size: makes or takes the lake, gives every peer its tables, asks all in turns, times the steps."""

import csv
import io
import shutil
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import answers
import cluster
import constant
import lake as lakes
import steps
import workloads
from measure import Runs, Server, process
from peers import STORED
from worker import Worker

PASSWORD = "compared with others"
WARM_UPS = 2


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def measure(options, name, work, seen):
    """Measures a size and keeps what is seen; returns the program as it was called and the lake."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rapport = lakes.Rapport(options.rapport.resolve(), options.now, work / "users.json")
    growing = len(options.sizes.split(",")) > 1
    lake, events = make(options, rapport, name, work, growing, seen)
    account = largest(rapport, lake)
    seen.put(name, "lake", account=account, **count(rapport, lake, account))
    say(f"{name}: {seen.size(name)['lake']}")
    for user, role in (("operator", ["--role", "operator"]), ("shop", ["--role", "analyst", "--account", account])):
        rapport.run("users", "add", user, *role, "--password-stdin", lake=lake, stdin=PASSWORD + "\n")
    chosen = options.peers.split(",")
    if "postgres" in chosen and cluster.find(options.postgres) is None:
        seen.put(name, "skipped", PostgreSQL="its programs were not found")
        chosen.remove("postgres")
    if options.workloads != "":
        questions(options, rapport, name, lake, work, account, chosen, seen)
    timed(options, rapport, name, lake, events, work, account, seen)
    for leftover in (work / "events", work / "ndjson"):
        shutil.rmtree(leftover, ignore_errors=True)
    return rapport, lake


def make(options, rapport, name, work, growing, seen):
    """Returns the lake of a size, which may be written to, and the folder of its events, if there is one."""
    lake = work / "lake"
    if options.lake is not None and name == options.sizes.split(",")[-1]:
        say(f"{name}: taking {options.lake}")
        lakes.link(options.lake, lake)
        if growing:
            constant.land(options, rapport, lake, work)
            rapport.run("derive", lake=lake)
        return lake, options.events
    times = int(name.removesuffix("x"))
    each = options.conversations or 15_000 * options.accounts * options.days // 90
    events = work / "events"
    say(f"{name}: making {options.accounts * times} accounts, {options.days} days, {each * times} conversations")
    lakes.synth(rapport, events, options.accounts * times, options.days, each * times)
    lakes.land(rapport, lake, events)
    if growing:
        constant.land(options, rapport, lake, work)
    rapport.run("derive", lake=lake)
    seen.put(name, "lake", accounts=options.accounts * times, days=options.days)
    return lake, events


def ask(rapport, lake, sql):
    """Returns the rows of a query by the command line, as texts."""
    return list(csv.reader(io.StringIO(rapport.run("query", "--sql", sql, "--format", "csv", lake=lake))))[1:]


def largest(rapport, lake):
    counted = f"FROM conversations WHERE account_id <> '{constant.ACCOUNT}' GROUP BY account_id"
    return ask(rapport, lake, f"SELECT account_id {counted} ORDER BY count(*) DESC, account_id LIMIT 1")[0][0]


def count(rapport, lake, account):
    sql = f"SELECT count(*), count(CASE WHEN account_id = '{account}' THEN 1 END), count(DISTINCT account_id) FROM conversations"
    conversations, of_largest, accounts = map(int, ask(rapport, lake, sql)[0])
    files = {table: len(lakes.files(lake, table)) for table in (*lakes.RAW, *lakes.DERIVED)}
    return {"conversations": conversations, "of_largest": of_largest, "accounts": accounts, "files": sum(files.values())}


def parameters(options, account):
    """Returns the parameters of a workload: 30 days up to the day before now."""
    last = (datetime.fromisoformat(options.now) - timedelta(microseconds=1)).date()
    days = {"from": last - timedelta(days=29), "to": last, "week_from": last - timedelta(days=6)}
    return {"now": options.now, **{day: date.isoformat(each) for day, each in days.items()}}, account


def questions(options, rapport, name, lake, work, account, chosen, seen):
    """Gives the peers their tables and asks every question of each in turns."""
    base = steps.emptied(work / "base")
    say(f"{name}: preparing the tables that the others load")
    process(steps.python("base.py", lake, base))
    server = Server(rapport, lake)
    postgres = None
    peers = {}
    try:
        setup = {
            "base": str(base),
            "lake": str(lake),
            "now": options.now,
            "rapport": {user: server.address(user, f"'{PASSWORD}'") for user in ("shop", "operator")},
            "rapport_version": rapport.run("--version").splitlines()[0],
            "server": server.process.pid,
        }
        if "postgres" in chosen:
            postgres = cluster.Cluster(cluster.find(options.postgres))
            setup["postgres"] = postgres.address()
        for peer in chosen:
            store = steps.emptied(work / "stores" / peer)
            if peer in STORED:
                loading = Worker(peer, {**setup, "store": str(store)})
                try:
                    seconds = loading.call("load")
                finally:
                    loading.end()
                seen.put(name, "loads", **{peer: seconds})
                say(f"{name}: {peer} loaded in {seconds:.1f} s")
            peers[peer] = Worker(peer, {**setup, "store": str(store)})
            peers[peer].call("open")
            seen.put(name, "versions", **{peer: peers[peer].call("version")})
        wanted = options.workloads and set(options.workloads.split(","))
        for workload in (*workloads.QUESTIONS, *workloads.analyst()):
            if wanted and workload.name not in wanted and workload.name.split("/")[0] not in wanted:
                continue
            answered = {peer: peers[peer] for peer in workload.peers if peer in peers}
            alternate(options, name, workload, answered, account, seen)
    finally:
        for peer in peers.values():
            peer.end()
        server.end()
        if postgres is not None:
            postgres.end()
    shutil.rmtree(base)
    shutil.rmtree(work / "stores")


def alternate(options, name, workload, peers, account, seen):
    """Asks the peers in turns after a warm-up, in which their answers are compared with Rapport's."""
    given, who = parameters(options, account)
    if workload.shop:
        given["account"] = who
    ours = None
    runs = {peer: Runs() for peer in peers}
    for peer, worker in peers.items():
        for _ in range(WARM_UPS):
            *_, answer = worker.call("ask", workload.name, given, True)
        if peer == "rapport":
            ours = answer
        elif ours is not None and (differs := answers.difference(ours, answer, workload.ties)):
            raise RuntimeError(f"{workload.name}: rapport and {peer} differ: {differs}")
    for _ in range(options.rounds):
        for peer, worker in peers.items():
            took, peak, _ = worker.call("ask", workload.name, given, False)
            runs[peer].add(took, peak)
    seen.keep(name, "workloads", workload.name, runs)
    told = "  ".join(f"{peer} {each.median * 1e3:.1f}" for peer, each in runs.items())
    say(f"{name}: {workload.name}, {len(ours[1]) if ours else '?'} rows, ms: {told}")


def timed(options, rapport, name, lake, events, work, account, seen):
    """Times the steps that are asked for."""
    chosen = [step for step in options.steps.split(",") if step]
    if "start" in chosen:
        seen.keep(name, "steps", "start", {"rapport": steps.start(rapport, lake, account, work, 5)})
        say(f"{name}: start {seen.runs(name, 'steps', 'start')['rapport'].seconds}")
    if "freshness" in chosen:
        runs = steps.freshness(rapport, lake, account, ("operator", f"'{PASSWORD}'"), work, 3)
        seen.keep(name, "steps", "freshness", {"rapport": runs})
        say(f"{name}: freshness {runs.seconds}")
    if "derive" in chosen:
        runs, details = steps.derive(rapport, lake, work, options.heavy_rounds)
        seen.keep(name, "steps", "derive", runs)
        say(f"{name}: derive {details} {({peer: each.seconds for peer, each in runs.items()})}")
    for step, form in (("land", "parquet"), ("land-ndjson", "ndjson")):
        if step not in chosen:
            continue
        folder, why = source(options, rapport, name, form, events, work, seen)
        if folder is None:
            seen.put(name, "skipped", **{step: why})
            continue
        runs, read = steps.landing(rapport, folder, form, work, options.heavy_rounds)
        seen.keep(name, "steps", step, runs)
        seen.put(name, "lake", events=read)
        say(f"{name}: {step} of {read} events {({peer: each.seconds for peer, each in runs.items()})}")


def source(options, rapport, name, form, events, work, seen):
    """Returns a folder of events in a form, or why there is none."""
    if events is None:
        return None, "no events were given with the lake"
    size = sum(file.stat().st_size for file in Path(events).glob("*.parquet"))
    # NDJSON is some six times as large as synth's Parquet, and what both write of it comes besides.
    needed, free = size * (3 if form == "parquet" else 10), shutil.disk_usage(work).free
    if free < needed:
        return None, f"needs {needed / 2**30:.0f} GiB of disk, {free / 2**30:.0f} are free"
    if form == "parquet":
        return events, None
    lines = work / "ndjson"
    if not lines.exists():
        process(steps.python("ndjson.py", events, lines))
    return lines, None
