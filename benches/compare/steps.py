"""What is timed as whole processes: landing, deriving from nothing, a command's start, and how soon what landed is seen."""

import json
import os
import shutil
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

import duck
import lake as lakes
from measure import Runs, Server, process

HERE = Path(__file__).parent
# What a lake holds that nothing was derived of.
LANDED = ("accounts", "rejected_events", *lakes.RAW)

# The answers of deriving: each table's columns, in Rapport's names; `daily_metrics` as the relation sums it.
COLUMNS = {
    "conversations": "account_id, conversation_id, profile_id, channel, mode, status, first_question, procedures, tags, messages,"
    " link_clicks, cart_adds, started_at, started_on, last_updated, idle_at, resolved_at, escalated_at, escalation_reason,"
    " escalation_category, escalation_procedure, reopened",
    "orders": "account_id, order_id, profile_id, conversation_id, ordered_at, ordered_on, value, currency, refunded_value, cancelled",
    "attributed_orders": "account_id, order_id, conversation_id, channel, profile_id, ordered_at, ordered_on, value, currency,"
    " touch_class, touched_at, seconds_to_order, credit, attributed_value, net_value, in_account_currency",
    "daily_metrics": "account_id, date, channel, sum(conversations)::BIGINT, sum(resolved)::BIGINT, sum(routed)::BIGINT,"
    " sum(closed)::BIGINT, sum(open)::BIGINT, sum(link_clicks)::BIGINT, sum(cart_adds)::BIGINT,"
    " sum(other_currency_orders)::BIGINT, sum(sales)::DECIMAL(28, 4), round(sum(credits)::DOUBLE, 6)",
}


def emptied(folder):
    """Returns a folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def deleted(folder):
    """Deletes a folder, and waits for the disk: what is timed next must not pay for it."""
    shutil.rmtree(folder)
    os.sync()


def python(module, *arguments):
    return [sys.executable, str(HERE / module), *map(str, arguments)]


def derive(rapport, lake, work, rounds):
    """Times deriving all tables from nothing by Rapport and by DuckDB, in turns, and compares what both wrote."""
    runs = {"rapport": Runs(), "duckdb": Runs()}
    for turn in range(rounds):
        fresh = work / "derived"
        shutil.rmtree(fresh, ignore_errors=True)
        lakes.link(lake, fresh, LANDED)
        took, peak, _ = process(rapport.command("derive", lake=fresh), rapport.environment())
        runs["rapport"].add(took, peak)
        out = emptied(work / "derived-duckdb")
        took, peak, told = process(python("duck.py", fresh, out))
        runs["duckdb"].add(took, peak)
        if turn == 0:
            agree(fresh, out)
    details = json.loads(told)
    shutil.rmtree(fresh)
    shutil.rmtree(out)
    return runs, details


def agree(lake, out):
    """Fails unless each derived table has the same rows as DuckDB's: row for row, by a hash of all columns for each account."""
    connection = duck.connect()
    for table, columns in COLUMNS.items():
        grouped = " GROUP BY account_id, date, channel" if table == "daily_metrics" else ""
        queries = [
            f"SELECT {columns} FROM {source}{grouped}"
            for source in (duck.parquet(lake, table), duck.literal(out / f"{table}.parquet"))
        ]
        if grouped:
            counted = "sum(conversations) + sum(link_clicks) + sum(cart_adds) + sum(other_currency_orders) > 0"
            queries[0] += f" HAVING {counted} OR sum(credits) > 0"
        ours, theirs = (
            connection.execute(
                "SELECT account_id, count(*), sum(CAST(hash(rows) AS HUGEINT)) FROM"
                f" (SELECT account_id, rows FROM ({query}) AS rows) GROUP BY account_id ORDER BY account_id"
            ).fetchall()
            for query in queries
        )
        if ours == theirs:
            continue
        row = connection.execute(f"({queries[0]}) EXCEPT ALL ({queries[1]}) LIMIT 1").fetchone()
        other = connection.execute(f"({queries[1]}) EXCEPT ALL ({queries[0]}) LIMIT 1").fetchone()
        raise RuntimeError(f"derive: {table} differs: only Rapport has {row}; only DuckDB has {other}")


def landing(rapport, events, form, work, rounds):
    """Times landing a folder of events in a lake that is not there, and DuckDB's writing of the same partitions."""
    runs = {"rapport": Runs(), "duckdb": Runs()}
    landed = None
    for _ in range(rounds):
        lake = work / "landed"
        took, peak, told = process(rapport.command("land", "--format", "json", events, lake=lake), rapport.environment())
        runs["rapport"].add(took, peak)
        landed = json.loads(told)
        deleted(lake)
        out = emptied(work / "landed-duckdb")
        took, peak, told = process(python("duck_land.py", form, events, out))
        runs["duckdb"].add(took, peak)
        written = json.loads(told)["rows"]
        if written != landed["landed"] + landed["duplicates"]:
            raise RuntimeError(f"landing {form}: DuckDB wrote {written} events, Rapport read {landed}")
        deleted(out)
    return runs, landed["landed"] + landed["duplicates"]


def event(number, account, moment, conversation=None):
    """Returns the start of a conversation that nobody had before."""
    name = f"compare-{number}" if conversation is None else conversation
    return json.dumps({
        "event_id": f"compare-{name}-{number}", "account_id": account, "type": "conversation_started",
        "occurred_at": moment.isoformat().replace("+00:00", "Z"), "conversation_id": name, "channel": "web_chat",
    })  # fmt: skip


def start(rapport, lake, account, work, rounds):
    """Times `land` of one event."""
    runs = Runs()
    moment = datetime.fromisoformat(rapport.now) - timedelta(hours=2)
    for turn in range(rounds):
        file = work / "one.ndjson"
        file.write_text(event(turn, account, moment, f"one-{turn}") + "\n")
        took, peak, _ = process(rapport.command("land", file, lake=lake), rapport.environment())
        runs.add(took, peak)
    return runs


def freshness(rapport, lake, account, user, work, rounds, events=10_000):
    """Times how long after `land` ended 10,000 events of the account are in its conversations, in a server that derives."""
    server = Server(rapport, lake, derive="on")
    try:
        with psycopg.connect(server.address(*user), autocommit=True) as wire:
            behind(wire)
            runs = Runs()
            for turn in range(rounds):
                moment = datetime.fromisoformat(rapport.now) - timedelta(hours=1)
                file = work / "many.ndjson"
                lines = (event(number, account, moment, f"many-{turn}-{number}") for number in range(events))
                file.write_text("\n".join(lines) + "\n")
                rapport.run("land", file, lake=lake)
                begin = time.perf_counter()
                wanted = f"SELECT count(*) FROM conversations WHERE conversation_id LIKE 'many-{turn}-%'"
                while wire.execute(wanted).fetchone()[0] != events:
                    if time.perf_counter() - begin > 120:
                        raise RuntimeError("what landed is not seen after two minutes")
                runs.add(time.perf_counter() - begin, 0)
            return runs
    finally:
        server.end()


def behind(wire):
    """Waits until the server has derived what waited when it started."""
    until = time.perf_counter() + 600
    while wire.execute("SELECT sum(waiting_events) FROM freshness()").fetchone()[0]:
        if time.perf_counter() > until:
            raise RuntimeError("the server does not derive")
        time.sleep(0.2)
