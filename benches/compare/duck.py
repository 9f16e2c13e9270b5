"""DuckDB over the lake's Parquet: views by the names that the relations have, of the live files alone."""

import json
from pathlib import Path

import duckdb

import lake as lakes

SQL = Path(__file__).parent / "sql"


def connect(database=":memory:"):
    """Opens DuckDB as it comes, but for instants, which are UTC everywhere."""
    connection = duckdb.connect(str(database))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def literal(text):
    return "'" + str(text).replace("'", "''") + "'"


def parquet(lake, table, account=None):
    """Returns a FROM clause over the live files of a table; of one account where it is given."""
    names = lakes.files(lake, table)
    if account is not None:
        names = [name for name in names if f"/account_id={account}/" in name]
    listed = ", ".join(map(literal, names))
    return f"read_parquet([{listed}], hive_partitioning = true, union_by_name = false)"


def accounts_of(lake):
    """Returns the accounts with a landed event."""
    found = set()
    for table in lakes.RAW:
        for name in lakes.files(lake, table):
            found.update(part.removeprefix("account_id=") for part in Path(name).parts if part.startswith("account_id="))
    return found


def settings(connection, lake):
    """Makes the tables `accounts` and `windows` of the settings in force."""
    rows = lakes.settings(lake, accounts_of(lake))
    connection.execute(
        "CREATE TEMP TABLE accounts (account_id VARCHAR, timezone VARCHAR, currency VARCHAR, idle_timeout INTERVAL,"
        " attribution_model VARCHAR, exclude_bot_clicks BOOLEAN, exclude_machine_opens BOOLEAN, exclude_transactional BOOLEAN)"
    )
    connection.execute("CREATE TEMP TABLE windows (account_id VARCHAR, touch_class VARCHAR, lasts INTERVAL)")
    for row in rows:
        connection.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, to_seconds(?), ?, ?, ?, ?)",
            [row["account_id"], row["timezone"], row["currency"], row["idle_seconds"], row["model"],
             row["exclude_bot_clicks"], row["exclude_machine_opens"], row["exclude_transactional"]],
        )  # fmt: skip
        for touch_class, lasts in row["windows"].items():
            connection.execute("INSERT INTO windows VALUES (?, ?, to_seconds(?))", [row["account_id"], touch_class, lasts])


def raw_views(connection, lake, account=None, schema="main"):
    """Makes a view of each raw table."""
    for table in lakes.RAW:
        connection.execute(f"CREATE VIEW {schema}.{table} AS SELECT * FROM {parquet(lake, table, account)}")


def script(connection, path, **names):
    """Runs a file of statements, with its {names} filled in."""
    text = Path(path).read_text()
    for name, value in names.items():
        text = text.replace("{" + name + "}", str(value))
    connection.execute(text)


def derive(lake, out):
    """Makes the derived tables from the raw events and writes them as Parquet."""
    import time

    connection = connect()
    settings(connection, lake)
    raw_views(connection, lake)
    times = {}
    for path in sorted((SQL / "derive").glob("*.sql")):
        begin = time.perf_counter()
        script(connection, path, out=out)
        times[path.stem] = round(time.perf_counter() - begin, 2)
    return times


if __name__ == "__main__":
    import sys

    print(json.dumps(derive(sys.argv[1], sys.argv[2])))
