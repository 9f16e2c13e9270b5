"""Prepares what the other engines load, in a process of its own: `base.py LAKE OUT`."""

import sys

import duck
import lake as lakes


def main(lake, out):
    connection = duck.connect()
    duck.settings(connection, lake)
    names = {table: duck.parquet(lake, table) for table in (*lakes.RAW, *lakes.DERIVED)}
    duck.script(connection, duck.SQL / "base.sql", out=out, **names)


main(*sys.argv[1:])
