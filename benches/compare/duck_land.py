"""Writes events as Parquet by account and day with DuckDB: `duck_land.py FORM EVENTS OUT`. Prints how many rows it wrote."""

import json
import sys

import duck


def main(form, events, out):
    connection = duck.connect()
    # More than the partitions of a table: with the default of 100 it closes and opens files again and again.
    connection.execute("SET partitioned_write_max_open_files = 20000")
    duck.script(connection, duck.SQL / "land" / f"{form}.sql", events=events)
    written = (duck.SQL / "land" / "write.sql").read_text().replace("{out}", out)
    rows = sum(connection.execute(statement).fetchone()[0] for statement in written.split(";\n") if statement.strip())
    print(json.dumps({"rows": rows}))


main(*sys.argv[1:])
