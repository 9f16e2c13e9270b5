"""What is asked of the peers, and where Rapport must be."""

from dataclasses import dataclass
from pathlib import Path

import peers

SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Workload:
    """A question that each of its peers answers."""

    name: str
    title: str
    # A shop's user asks (the largest shop's), or else an operator.
    shop: bool = True
    # At most this part of the best native's time; None where there is no such bar.
    part: float | None = None
    # At most these seconds.
    within: float | None = None
    peers: tuple = ("rapport", "duckdb", "clickhouse", "polars", "postgres", "duckdb-parquet")
    # Where rows that tie on this column may be cut off either way by a LIMIT.
    ties: str | None = None


QUESTIONS = [
    Workload("headline", "headline, 30 days, from conversations, attributed orders and counted events", part=0.25),
    Workload("headline_rollup", "headline, 30 days, from a daily rollup that the peer was given", part=0.25),
    Workload("conversations_table", "its conversations: 50 of the 30 days, by last updated", part=0.5),
    Workload("routed_page", "`WHERE status = 'routed' ORDER BY last_updated DESC LIMIT 50`, all time", part=0.5, ties="last_updated"),
    Workload("procedures", "procedures, 30 days", part=0.25),
    Workload("opportunities", "opportunities, 30 days", part=0.25),
    Workload("grouped", "`GROUP BY account, day, channel` over all conversations", shop=False, part=0.5),
    Workload("daily_all", "all of `daily_metrics` to a client", shop=False, within=0.1),
]


def analyst():
    """Returns the queries of the kind that people write, each a file whose first line says what it asks and as whom."""
    found = []
    for path in sorted((SQL / "analyst").glob("*.sql")):
        who, title = path.read_text().splitlines()[0].removeprefix("-- ").split(": ", 1)
        found.append(
            Workload(f"analyst/{path.stem}", title, shop=who == "shop", part=1.0, peers=("rapport", "duckdb-parquet"))
        )
    return found


def native(workload):
    """Returns the peers that a workload's bar is held against."""
    chosen = [peer for peer in workload.peers if peer in peers.NATIVE]
    return chosen or [peer for peer in workload.peers if peer != "rapport"]
