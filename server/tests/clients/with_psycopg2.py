"""psycopg2: the simple protocol, parameters written into the text."""

import io
import uuid

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import psycopg2.pool

import dbapi
from dbapi import LARGE, LARGE_SQL, first
from operations import UUID, Expected, canceled, operation, run_all, same

expected = Expected()


def connect():
    return psycopg2.connect("")


def state_of(error):
    return getattr(error, "pgcode", None)


dbapi.reading(connect)
dbapi.types(connect)
dbapi.parameters(connect)


@operation("uuid parameters")
def _():
    psycopg2.extras.register_uuid()
    connection = connect()
    given = uuid.UUID(UUID)
    same(first(connection, "SELECT %s::text, %s::uuid = %s", (given, given, given)), (UUID, True))
    connection.close()


@operation("cursor")
def _():
    connection = connect()
    cursor = connection.cursor("named")
    cursor.itersize = 1000
    cursor.execute(LARGE_SQL)
    rows = total = 0
    for row in cursor:
        rows += 1
        total += row[0]
    same((rows, total), (LARGE, LARGE * (LARGE + 1) // 2))
    cursor.close()
    held = connection.cursor("held", withhold=True)
    held.execute("SELECT order_id FROM orders ORDER BY order_id LIMIT 4")
    connection.commit()
    same([row[0] for row in held.fetchall()][1:], expected.texts("orders.second_to_fourth"))
    held.close()
    connection.close()


dbapi.large(connect)
dbapi.failing(connect, state_of)


@operation("cancel")
def _():
    connection = connect()
    error = canceled(lambda: first(connection, "SELECT pg_sleep(600)"), connection.cancel)
    same(state_of(error), "57014")
    connection.rollback()
    same(first(connection, "SELECT 1"), (1,))
    connection.close()


@operation("copy out")
def _():
    connection = connect()
    cursor = connection.cursor()
    text = io.StringIO()
    cursor.copy_expert(
        "COPY (SELECT order_id, value FROM orders ORDER BY order_id LIMIT 1) "
        "TO STDOUT WITH (FORMAT csv, HEADER)",
        text,
    )
    same(
        text.getvalue(),
        f"order_id,value\n{expected.text('order.id')},{expected.text('order.value')}\n",
    )
    text = io.StringIO()
    cursor.copy_to(text, "orders", columns=("order_id", "conversation_id"))
    lines = text.getvalue().splitlines()
    same(len(lines), expected.integer("orders"))
    same({len(line.split("\t")) for line in lines} == {2}, True)
    connection.close()


@operation("time zone")
def _():
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("SET TIME ZONE 'America/New_York'")
    found = first(connection, "SELECT timestamptz '2026-07-10 12:00:00Z'")[0]
    same(found.isoformat(), "2026-07-10T08:00:00-04:00")
    same(connection.get_parameter_status("TimeZone"), "America/New_York")
    connection.close()


@operation("pool reset")
def _():
    pool = psycopg2.pool.SimpleConnectionPool(1, 1, "")
    connection = pool.getconn()
    first(connection, "SELECT 1")
    pool.putconn(connection)
    connection = pool.getconn()
    dbapi.run(connection, "SET statement_timeout = 4321")
    connection.commit()
    connection.reset()
    if first(connection, "SHOW statement_timeout") == ("4321ms",):
        raise AssertionError("the setting outlives RESET ALL")
    pool.putconn(connection)
    pool.closeall()


@operation("types by name")
def _():
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("SELECT order_id, value, ordered_at, cancelled FROM orders LIMIT 0")
    described = [(c.name, c.type_code, c.precision, c.scale) for c in cursor.description]
    same(
        described,
        [
            ("order_id", 25, None, None),
            ("value", 1700, 18, 4),
            ("ordered_at", 1184, None, None),
            ("cancelled", 16, None, None),
        ],
    )
    connection.close()


run_all()
