"""psycopg 3: the extended protocol, text and binary, prepared statements, pipelines, its pool."""

import uuid

import psycopg
import psycopg_pool

import dbapi
from dbapi import LARGE, LARGE_SQL, first
from operations import TYPES, UUID, Expected, canceled, operation, run_all, same

expected = Expected()


def connect(**options):
    return psycopg.connect("", **options)


def state_of(error):
    return getattr(error, "sqlstate", None)


dbapi.reading(connect)
dbapi.types(connect)
dbapi.parameters(connect)


@operation("every type, binary")
def _():
    connection = connect()
    cursor = connection.cursor(binary=True)
    for name, (sql, value) in TYPES.items():
        found = cursor.execute(f"SELECT {sql}").fetchone()[0]
        if name == "timestamptz":
            found = found.astimezone(value.tzinfo)
        try:
            same(found, value)
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error
    connection.close()


@operation("uuid parameters")
def _():
    connection = connect()
    given = uuid.UUID(UUID)
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        found = cursor.execute("SELECT %s::text, %s = %s", (given, given, given)).fetchone()
        same(found, (UUID, True))
    connection.close()


@operation("prepared repeatedly")
def _():
    connection = connect(prepare_threshold=2)
    for round in range(10):
        found = first(connection, "SELECT %s + 1, count(*) FROM orders", (round,))
        same(found, (round + 1, expected.integer("orders")))
    connection.close()


@operation("pipeline")
def _():
    connection = connect()
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int8 * 2", (i,)) for i in range(50)]
        same([cursor.fetchone()[0] for cursor in cursors], [2 * i for i in range(50)])
    connection.close()


@operation("cursor")
def _():
    connection = connect()
    with connection.cursor("named") as cursor:
        cursor.itersize = 1000
        cursor.execute(LARGE_SQL)
        rows = total = 0
        for row in cursor:
            rows += 1
            total += row[0]
        same((rows, total), (LARGE, LARGE * (LARGE + 1) // 2))
    with connection.cursor("params", binary=True) as cursor:
        cursor.execute("SELECT order_id FROM orders ORDER BY order_id LIMIT %s", (4,))
        same([c.name for c in cursor.description], ["order_id"])
        found = [row[0] for row in cursor.fetchmany(2)] + [row[0] for row in cursor.fetchall()]
        same(found[1:], expected.texts("orders.second_to_fourth"))
    connection.close()


@operation("stream")
def _():
    connection = connect()
    total = sum(row[0] for row in connection.cursor().stream(LARGE_SQL))
    same(total, LARGE * (LARGE + 1) // 2)
    connection.close()


dbapi.large(connect)
dbapi.failing(connect, state_of)


@operation("cancel")
def _():
    connection = connect()
    error = canceled(lambda: first(connection, "SELECT pg_sleep(600)"), connection.cancel_safe)
    same(state_of(error), "57014")
    connection.rollback()
    same(first(connection, "SELECT 1"), (1,))
    connection.close()


@operation("copy out")
def _():
    connection = connect()
    row = (expected.text("order.id"), expected.number("order.value"))
    for form in ("text", "binary"):
        sql = f"COPY (SELECT order_id, value FROM orders ORDER BY order_id) TO STDOUT (FORMAT {form})"
        with connection.cursor().copy(sql) as copy:
            copy.set_types(["text", "numeric"])
            rows = list(copy.rows())
        same((rows[0], len(rows)), (row, expected.integer("orders")))
    connection.close()


@operation("time zone")
def _():
    connection = connect(options="-c timezone=America/New_York")
    found = first(connection, "SELECT timestamptz '2026-07-10 12:00:00Z'")[0]
    same(found.isoformat(), "2026-07-10T08:00:00-04:00")
    same(str(connection.info.timezone), "America/New_York")
    connection.close()


@operation("pool reset")
def _():
    with psycopg_pool.ConnectionPool("", min_size=1, max_size=2) as pool:
        for _ in range(5):
            with pool.connection() as connection:
                same(first(connection, "SELECT 1"), (1,))
        pool.check()


@operation("types by name")
def _():
    connection = connect()
    info = psycopg.types.TypeInfo.fetch(connection, "numeric")
    same((info.name, info.oid, info.array_oid), ("numeric", 1700, 1231))
    same(psycopg.types.range.RangeInfo.fetch(connection, "int4range").subtype_oid, 23)
    cursor = connection.execute("SELECT value FROM orders LIMIT 0")
    column = cursor.description[0]
    same((column.type_display, column.precision, column.scale), ("numeric(18,4)", 18, 4))
    connection.close()


run_all()
