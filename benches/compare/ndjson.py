"""Writes a folder of synth's Parquet as NDJSON, the same events: `ndjson.py EVENTS OUT`."""

import sys
from pathlib import Path

import duck


def main(events, out):
    Path(out).mkdir()
    connection = duck.connect()
    fields = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM '{events}/*.parquet'").fetchall()]
    instant = "strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ')"
    packed = ", ".join(f'"{name}" := ' + (instant if name == "occurred_at" else f'"{name}"') for name in fields)
    for file in sorted(Path(events).glob("*.parquet")):
        # A field that is null is left out, as producers do.
        connection.execute(
            f"COPY (SELECT json_merge_patch('{{}}', to_json(struct_pack({packed}))) FROM '{file}')"
            f" TO '{out}/{file.stem}.ndjson' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\\x01')"
        )


main(*sys.argv[1:])
