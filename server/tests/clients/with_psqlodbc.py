"""psqlODBC by way of pyodbc, as Excel, Tableau and Power BI's gateways use it.

`CLIENTS_DECLARE` says whether it declares cursors (`UseDeclareFetch`): with 1 it fetches in parts.
"""

import os

import pyodbc

import dbapi
from dbapi import LARGE, LARGE_SQL, first
from operations import Expected, canceled, fails, operation, relations, run_all, same

expected = Expected()
DECLARE = os.environ.get("CLIENTS_DECLARE", "0")


def connect(rollback="0"):
    """`rollback` is what the driver does after an error: nothing, or (2) go back to a savepoint of its own."""
    env = os.environ
    parts = {
        "Driver": "{PostgreSQL Unicode}",
        "Server": env["PGHOST"],
        "Port": env["PGPORT"],
        "Database": env["PGDATABASE"],
        "Uid": env["PGUSER"],
        "Pwd": "{%s}" % env["PGPASSWORD"],
        "UseDeclareFetch": DECLARE,
        "Fetch": "1000",
        "BoolsAsChar": "0",
        "Protocol": f"7.4-{rollback}",
    }
    connection = pyodbc.connect(";".join(f"{name}={value}" for name, value in parts.items()))
    # ODBC's instants have no zone: they are in the session's, which is the account's unless it says otherwise.
    connection.execute("SET TIME ZONE 'UTC'")
    connection.commit()
    return connection


def state_of(error):
    return error.args[0] if error.args else None


@operation("connect")
def _():
    connection = connect()
    same(first(connection, "SELECT 1"), (1,))
    same(connection.getinfo(pyodbc.SQL_DBMS_NAME), "PostgreSQL")
    connection.close()


@operation("simple query")
def _():
    connection = connect()
    found = first(connection, "SELECT count(*), sum(value) FROM orders")
    same(found, (expected.integer("orders"), expected.number("orders.value")))
    sql = "SELECT order_id, value, ordered_on, cancelled FROM orders ORDER BY order_id LIMIT 1"
    found = first(connection, sql)
    order = (
        expected.text("order.id"),
        expected.number("order.value"),
        expected.day("order.on"),
        expected.text("order.cancelled") == "true",
    )
    same(found, order)
    connection.close()


# ODBC has no arrays, zones or intervals of PostgreSQL's; the driver gives arrays as text.
dbapi.types(
    connect,
    left_out=("timestamptz", "interval", "time"),
    instead={
        "texts": '{a,"b c","q\\"\\\\",NULL}',
        "integers": "{1,2,3}",
        "no_texts": "{}",
    },
)
dbapi.parameters(connect, mark="?", arrays=False)


@operation("cursor")
def _():
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(LARGE_SQL)
    rows = total = 0
    for row in cursor:
        rows += 1
        total += int(row[0])
    same((rows, total), (LARGE, LARGE * (LARGE + 1) // 2))
    other = connection.cursor()
    other.execute("SELECT order_id FROM orders ORDER BY order_id LIMIT 4")
    same(other.fetchone()[0], expected.text("order.id"))
    same([row[0] for row in other.fetchall()], expected.texts("orders.second_to_fourth"))
    connection.close()


dbapi.failing(connect, state_of)


@operation("statement rollback")
def _():
    connection = connect(rollback="2")
    same(first(connection, "SELECT 1"), (1,))
    fails("22012", state_of, lambda: first(connection, "SELECT 1 / 0"))
    same(first(connection, "SELECT 2"), (2,))
    connection.close()


@operation("prepared repeatedly")
def _():
    connection = connect()
    cursor = connection.cursor()
    for round in range(10):
        found = cursor.execute("SELECT CAST(? AS int4) + 1, count(*) FROM orders", (round,)).fetchone()
        same(tuple(found), (round + 1, expected.integer("orders")))
    connection.close()


@operation("cancel")
def _():
    connection = connect()
    cursor = connection.cursor()
    error = canceled(lambda: cursor.execute("SELECT pg_sleep(600)"), cursor.cancel)
    same(state_of(error) in ("57014", "HY008"), True)
    connection.close()


@operation("tables")
def _():
    connection = connect()
    found = {row.table_name: row for row in connection.cursor().tables(schema="public")}
    same(sorted(set(relations()) - set(found)), [])
    same((found["orders"].table_type, found["orders"].table_cat), ("TABLE", "rapport"))
    same([row.table_name for row in connection.cursor().tables(table="orders", schema="public")], ["orders"])
    connection.close()


ODBC = {
    "text": (pyodbc.SQL_WLONGVARCHAR, "text"),
    "bigint": (pyodbc.SQL_BIGINT, "int8"),
    "boolean": (pyodbc.SQL_BIT, "bool"),
    "date": (pyodbc.SQL_TYPE_DATE, "date"),
    "numeric(18,4)": (pyodbc.SQL_NUMERIC, "numeric"),
    "timestamp with time zone": (pyodbc.SQL_TYPE_TIMESTAMP, "timestamptz"),
    "text[]": (pyodbc.SQL_WVARCHAR, "_text"),
    "double precision": (pyodbc.SQL_FLOAT, "float8"),
}


@operation("columns")
def _():
    connection = connect()
    for relation, columns in relations().items():
        found = list(connection.cursor().columns(table=relation, schema="public"))
        same([row.column_name for row in found], [name for name, _ in columns])
        for row, (name, kind) in zip(found, columns):
            same((name, row.data_type, row.type_name), (name, *ODBC[kind]))
            if kind == "numeric(18,4)":
                same((row.column_size, row.decimal_digits), (18, 4))
    connection.close()


@operation("keys and indexes")
def _():
    connection = connect()
    cursor = connection.cursor()
    same(list(cursor.primaryKeys("orders", schema="public")), [])
    same(list(cursor.foreignKeys("orders", schema="public")), [])
    same([row for row in cursor.statistics("orders", schema="public") if row.index_name], [])
    same(list(cursor.rowIdColumns("orders", schema="public")), [])
    connection.close()


@operation("functions")
def _():
    connection = connect()
    found = [row.procedure_name for row in connection.cursor().procedures(schema="public")]
    same("headline_metrics" in found, True)
    columns = [row.column_name for row in connection.cursor().procedureColumns("headline_metrics")]
    same(columns[:3], ["from", "to", "channel"])
    connection.close()


@operation("types by name")
def _():
    connection = connect()
    names = {row.type_name for row in connection.cursor().getTypeInfo()}
    same({"int8", "text", "bool", "numeric", "date"} <= names, True)
    connection.close()


run_all()
