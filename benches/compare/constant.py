"""The shop that is the same in every size: how its page grows while the lake does."""

import shutil
from datetime import datetime, timedelta

import duck
import lake as lakes
from measure import Runs, Server
from page import Browser

ACCOUNT = "constant-shop"
USER, PASSWORD = "constant", "the same in every size"


def land(options, rapport, lake, work):
    """Lands the shop's events: synth's of one shop, under a name that no other has."""
    made, renamed = work / "constant", work / "constant-renamed"
    lakes.synth(rapport, made, 1, options.days, 400 * options.days, seed=7)
    renamed.mkdir()
    duck.connect().execute(
        f"COPY (SELECT * REPLACE ('{ACCOUNT}' AS account_id) FROM '{made}/*.parquet') TO '{renamed}/events.parquet'"
    )
    rapport.run("land", renamed, lake=lake)
    shutil.rmtree(made)
    shutil.rmtree(renamed)


def measure(options, rapport, name, lake, seen):
    """Times the shop's page, and views of it that nobody had asked for."""
    rapport.run("users", "add", USER, "--role", "analyst", "--account", ACCOUNT, "--password-stdin", lake=lake, stdin=PASSWORD + "\n")
    server = Server(rapport, lake)
    try:
        browser = Browser(server.ports["http"])
        browser.log_in(USER, PASSWORD)
        last = (datetime.fromisoformat(options.now) - timedelta(microseconds=1)).date()
        again, other = Runs(), Runs()
        for turn in range(options.rounds * 2):
            for runs, back in ((again, 0), (other, turn + 1)):
                to = last - timedelta(days=back)
                runs.add(browser.view(f"/performance?from={to - timedelta(days=29)}&to={to}"), 0)
        again.seconds, again.peaks = again.seconds[1:], again.peaks[1:]
        seen.keep(name, "steps", "page", {"again": again, "other": other})
    finally:
        server.end()
