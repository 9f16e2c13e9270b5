"""The shop that is the same in every size: how its page grows while the lake does. The lakes stay until the end, so that those of all sizes
are asked in turns."""

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
    lakes.synth(rapport, made, 1, options.days, 200 * options.days, seed=7)
    renamed.mkdir()
    duck.connect().execute(
        f"COPY (SELECT * REPLACE ('{ACCOUNT}' AS account_id) FROM '{made}/*.parquet') TO '{renamed}/events.parquet'"
    )
    rapport.run("land", renamed, lake=lake)
    shutil.rmtree(made)
    shutil.rmtree(renamed)


def measure(options, sizes, seen):
    """Times the shop's page in the lakes of all sizes, in turns: one view again and again, and views not seen before."""
    servers, browsers = {}, {}
    try:
        for name, (rapport, lake) in sizes.items():
            user = ("users", "add", USER, "--role", "analyst", "--account", ACCOUNT, "--password-stdin")
            rapport.run(*user, lake=lake, stdin=PASSWORD + "\n")
            servers[name] = Server(rapport, lake)
            browsers[name] = Browser(servers[name].ports["http"])
            browsers[name].log_in(USER, PASSWORD)
        last = (datetime.fromisoformat(options.now) - timedelta(microseconds=1)).date()
        runs = {name: {"again": Runs(), "other": Runs()} for name in sizes}
        for turn in range(options.rounds * 2):
            for kind, back in (("again", 0), ("other", turn + 1)):
                to = last - timedelta(days=back)
                for name, browser in browsers.items():
                    took = browser.view(f"/performance?from={to - timedelta(days=29)}&to={to}")
                    # The first turn warms up.
                    if turn > 0:
                        runs[name][kind].add(took, 0)
        for name, each in runs.items():
            seen.keep(name, "steps", "page", each)
    finally:
        for server in servers.values():
            server.end()
