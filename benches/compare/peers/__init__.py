"""The engines that are compared: each a class with what the worker asks of it.

A peer loads the prepared tables into its own storage (`load`), opens them (`open`), and answers a workload (`ask`): it returns
the seconds until the whole answer lay in its client's own buffers, and the answer, which `rows` turns into Python's values
after the clock has stopped.
"""

import importlib

PEERS = {
    "rapport": "peers.rapport:Rapport",
    "duckdb": "peers.duckdb_native:Native",
    "duckdb-parquet": "peers.duckdb_native:Parquet",
    "clickhouse": "peers.clickhouse:ClickHouse",
    "polars": "peers.polars_frames:Frames",
    "postgres": "peers.postgres:Postgres",
}
NATIVE = ("duckdb", "clickhouse", "polars", "postgres")
# Those that load the tables once, into files.
STORED = ("duckdb", "clickhouse", "postgres")


def make(name, setup):
    """Returns a peer by its name."""
    module, kind = PEERS[name].split(":")
    return getattr(importlib.import_module(module), kind)(setup)
