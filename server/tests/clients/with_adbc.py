"""ADBC's PostgreSQL driver: COPY in binary, straight into Arrow; it learns the types from `pg_type` when it connects."""

import datetime
import decimal
import os
import urllib.parse

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa

from dbapi import ERRORS, LARGE, LARGE_SQL
from operations import INSTANT, Expected, Unexpected, fails, operation, run_all, same

expected = Expected()


def connect():
    env = {name: urllib.parse.quote(os.environ[f"PG{name}"]) for name in ("USER", "PASSWORD", "HOST")}
    port, database = os.environ["PGPORT"], os.environ["PGDATABASE"]
    return adbc.connect(f"postgresql://{env['USER']}:{env['PASSWORD']}@{env['HOST']}:{port}/{database}")


def state_of(error):
    return getattr(error, "sqlstate", None)


def table(sql, parameters=None):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table()


def value(sql, parameters=None):
    found = table(sql, parameters)
    same((found.num_rows, found.num_columns), (1, 1))
    return found[0][0].as_py()


@operation("connect")
def _():
    same(value("SELECT 1"), 1)


@operation("simple query")
def _():
    sql = "SELECT order_id, ordered_at, ordered_on, cancelled FROM orders ORDER BY order_id"
    found = table(sql)
    same(found.num_rows, expected.integer("orders"))
    row = [column[0].as_py() for column in found.columns]
    same(
        (row[0], row[2], row[3]),
        (expected.text("order.id"), expected.day("order.on"), expected.text("order.cancelled") == "true"),
    )
    same(row[1].astimezone(datetime.timezone.utc), expected.instant("order.at"))
    sql = f"SELECT procedures FROM conversations WHERE conversation_id = '{expected.text('conversation.id')}'"
    same(value(sql), expected.texts("conversation.procedures"))


# What ADBC makes of each type; it reads a numeric as text, for Arrow wants precision and scale for all rows.
TYPES = {
    "numeric '123456789012.3456'": "123456789012.3456",
    "timestamptz '2026-01-10 12:00:00.123456+01'": INSTANT,
    "timestamp '2026-01-10 12:00:00'": datetime.datetime(2026, 1, 10, 12),
    "date '2026-01-10'": datetime.date(2026, 1, 10),
    "time '23:59:59.5'": datetime.time(23, 59, 59, 500000),
    "ARRAY['a', 'q\"\\', NULL]": ["a", 'q"\\', None],
    "ARRAY[1, 2]::int8[]": [1, 2],
    "true": True,
    "9007199254740993::int8": 9007199254740993,
    "42": 42,
    "7::int2": 7,
    "0.1::float8": 0.1,
    "1.5::float4": 1.5,
    "'Ünïcode ☃'::text": "Ünïcode ☃",
    "'\\x00ff'::bytea": b"\x00\xff",
}


@operation("every type")
def _():
    for sql, wanted in TYPES.items():
        found = value(f"SELECT {sql} AS v")
        if sql.startswith("timestamptz"):
            found = found.astimezone(datetime.timezone.utc)
        try:
            same(found, wanted)
        except Exception as error:
            raise Unexpected(f"{sql}: {error}") from error


@operation("nulls")
def _():
    for sql in TYPES:
        same(value(f"SELECT nullif({sql}, {sql}) AS v"), None)


@operation("parameters")
def _():
    sql = "SELECT count(*) FROM orders WHERE order_id = $1 AND ordered_on = $2 AND cancelled = $3"
    order = (expected.text("order.id"), expected.day("order.on"), expected.text("order.cancelled") == "true")
    same(value(sql, order), 1)
    same(value("SELECT count(*) FROM orders WHERE value > $1", (0.5,)), expected.integer("orders.above_half"))
    sql = "SELECT count(*) FROM orders WHERE ordered_at = $1"
    same(value(sql, (expected.instant("order.at"),)) >= 1, True)
    sql = "SELECT count(*) FROM orders WHERE value = $1"
    same(value(sql, (expected.number("order.value"),)) >= 1, True)
    same(value("SELECT $1::numeric = -1.25", (decimal.Decimal("-1.25"),)), True)


@operation("limit as a parameter")
def _():
    found = table("SELECT order_id FROM orders ORDER BY order_id LIMIT $1 OFFSET $2", (3, 1))
    same(found[0].to_pylist(), expected.texts("orders.second_to_fourth"))


@operation("saved query")
def _():
    sql = "SELECT conversations FROM headline_metrics($1, $2, $3)"
    given = (expected.day("from"), expected.day("to"), "web_chat,sms")
    same(value(sql, given), expected.integer("headline.conversations"))


@operation("duplicate column names")
def _():
    found = table("SELECT 1 AS a, 2 AS a")
    same((found.column_names, found[1][0].as_py()), (["a", "a"], 2))


@operation("large result")
def _():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(LARGE_SQL)
        rows = total = 0
        for batch in cursor.fetch_record_batch():
            rows += batch.num_rows
            total += sum(batch.column(0).to_pylist())
    same((rows, total), (LARGE, LARGE * (LARGE + 1) // 2))


@operation("errors")
def _():
    for sql, state in ERRORS.items():
        fails(state, state_of, lambda: table(sql))


@operation("read only")
def _():
    fails("25006", state_of, lambda: table("DELETE FROM orders"))


@operation("transaction")
def _():
    with connect() as connection, connection.cursor() as cursor:
        fails("22012", state_of, lambda: cursor.execute("SELECT 1 / 0").fetch_arrow_table())
        connection.rollback()
        cursor.execute("SELECT 2")
        same(cursor.fetchone(), (2,))
        connection.commit()


@operation("tables")
def _():
    with connect() as connection:
        listed = connection.adbc_get_objects(depth="tables", db_schema_filter="public").read_all().to_pylist()
        names = {
            found["table_name"]
            for catalog in listed
            for schema in catalog["catalog_db_schemas"] or []
            for found in schema["db_schema_tables"] or []
        }
        same({"orders", "conversations"} <= names, True)


@operation("columns")
def _():
    with connect() as connection:
        schema = connection.adbc_get_table_schema("orders", db_schema_filter="public")
        same(schema.field("ordered_on").type == pa.date32(), True)
        same(schema.field("cancelled").type == pa.bool_(), True)
        same(schema.names[:2], ["account_id", "order_id"])


run_all()
