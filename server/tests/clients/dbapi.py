"""Operations that every client of Python's DB-API 2.0 has, with what differs between clients given by the script.

`connect` opens a connection inside a transaction, as the API wants; `mark` is how a parameter is written; `state_of` reads
the SQLSTATE of an error.
"""

import datetime
import decimal

from operations import INSTANT, TYPES, Expected, fails, operation, same

# Rows of a result that no client should have to hold: it is made by the query alone.
LARGE = 200_000
LARGE_SQL = f"SELECT i, 'row ' || i AS label FROM generate_series(1, {LARGE}) AS t(i)"

ERRORS = {
    "SELEC 1": "42601",
    "SELECT nothing FROM orders": "42703",
    "SELECT 1 FROM nothing": "42P01",
    "SELECT nothing(1)": "42883",
    "SELECT 1 / 0": "22012",
    "SELECT 'x'::int8": "22P02",
}


def first(connection, sql, parameters=()):
    """The only row of a query."""
    cursor = connection.cursor()
    cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
    rows = cursor.fetchall()
    same(len(rows), 1)
    cursor.close()
    return tuple(rows[0])


def run(connection, sql):
    """A statement without a result."""
    cursor = connection.cursor()
    cursor.execute(sql)
    cursor.close()


def reading(connect):
    """Queries and the values that they give."""
    expected = Expected()

    @operation("connect")
    def _():
        connection = connect()
        same(first(connection, "SELECT 1"), (1,))
        connection.close()

    @operation("simple query")
    def _():
        connection = connect()
        sql = "SELECT count(*), sum(value) FROM orders"
        same(first(connection, sql), (expected.integer("orders"), expected.number("orders.value")))
        sql = (
            "SELECT order_id, value, currency, ordered_at, ordered_on, cancelled FROM orders "
            "ORDER BY order_id LIMIT 1"
        )
        found = first(connection, sql)
        same(
            found[:3] + (found[4], found[5]),
            (
                expected.text("order.id"),
                expected.number("order.value"),
                expected.text("order.currency"),
                expected.day("order.on"),
                expected.text("order.cancelled") == "true",
            ),
        )
        if found[3].astimezone(datetime.timezone.utc) != expected.instant("order.at"):
            raise AssertionError(f"{found[3]!r}, expected {expected.text('order.at')}")
        sql = "SELECT procedures FROM conversations WHERE conversation_id = '{}'"
        found = first(connection, sql.format(expected.text("conversation.id")))
        same(list(found[0]), expected.texts("conversation.procedures"))
        connection.close()

    @operation("own account")
    def _():
        connection = connect()
        sql = "SELECT min(account_id), max(account_id), count(*) FROM accounts"
        account = expected.text("account")
        same(first(connection, sql), (account, account, 1))
        connection.close()

    @operation("duplicate column names")
    def _():
        connection = connect()
        cursor = connection.cursor()
        cursor.execute("SELECT 1 AS a, 2 AS a, 3")
        names = [column[0] for column in cursor.description]
        same(names, ["a", "a", "?column?"])
        same(tuple(cursor.fetchone()), (1, 2, 3))
        connection.close()


def types(connect, left_out=(), instead=None):
    """A value of every type and its null; `instead` has what a client gives for a type."""
    wanted = {name: both for name, both in TYPES.items() if name not in left_out}
    instead = instead or {}

    @operation("every type")
    def _():
        connection = connect()
        for name, (sql, value) in wanted.items():
            found = first(connection, f"SELECT {sql} AS v")[0]
            if isinstance(found, memoryview):
                found = bytes(found)
            value = instead.get(name, value)
            if isinstance(value, datetime.datetime) and value.tzinfo:
                found = found.astimezone(datetime.timezone.utc)
            try:
                same(found, value)
            except Exception as error:
                raise AssertionError(f"{name}: {error}") from error
        connection.close()

    @operation("nulls")
    def _():
        connection = connect()
        for name, (sql, _) in wanted.items():
            found = first(connection, f"SELECT nullif({sql}, {sql}) AS v, 1 AS w")
            try:
                same(found, (None, 1))
            except Exception as error:
                raise AssertionError(f"{name}: {error}") from error
        connection.close()


def parameters(connect, mark="%s", arrays=True, names=None):
    """Parameters of every type, against columns of their type."""
    expected = Expected()

    @operation("parameters")
    def _():
        connection = connect()
        order = expected.text("order.id")
        values = {
            "order_id": order,
            "value": expected.number("order.value"),
            "ordered_at": expected.instant("order.at"),
            "ordered_on": expected.day("order.on"),
            "cancelled": expected.text("order.cancelled") == "true",
        }
        for column, value in values.items():
            sql = f"SELECT count(*) FROM orders WHERE order_id = {mark} AND {column} = {mark}"
            if first(connection, sql, (order, value)) != (1,):
                raise AssertionError(f"{column} = {value!r} finds nothing")
        sql = f"SELECT count(*) FROM conversations WHERE messages >= {mark}"
        same(first(connection, sql, (1,)), (expected.integer("conversations"),))
        sql = f"SELECT count(*) FROM orders WHERE value > {mark}"
        same(first(connection, sql, (0.5,)), (expected.integer("orders.above_half"),))
        sql = f"SELECT count(*) FROM orders WHERE value > {mark}"
        same(first(connection, sql, (10,)), (expected.integer("orders.above_ten"),))
        sql = f"SELECT CAST({mark} AS numeric), CAST({mark} AS float8), CAST({mark} AS date)"
        given = (decimal.Decimal("-0.0001"), 1e100, datetime.date(1999, 12, 31))
        same(first(connection, sql, given), given)
        sql = f"SELECT CAST({mark} AS timestamptz) = timestamptz '2026-01-10 11:00:00.123456Z'"
        same(first(connection, sql, (INSTANT,)), (True,))
        connection.close()

    @operation("null parameters")
    def _():
        connection = connect()
        for kind in ("text", "numeric", "int8", "float8", "date", "timestamptz", "bool"):
            sql = f"SELECT CAST({mark} AS {kind}) IS NULL, CAST({mark} AS {kind})"
            same(first(connection, sql, (None, None)), (True, None))
        sql = f"SELECT count(*) FROM orders WHERE order_id = {mark}"
        same(first(connection, sql, (None,)), (0,))
        connection.close()

    @operation("limit as a parameter")
    def _():
        connection = connect()
        cursor = connection.cursor()
        cursor.execute(
            f"SELECT order_id FROM orders ORDER BY order_id LIMIT {mark} OFFSET {mark}", (3, 1)
        )
        same([row[0] for row in cursor.fetchall()], expected.texts("orders.second_to_fourth"))
        connection.close()

    @operation("saved query")
    def _():
        connection = connect()
        sql = (
            "SELECT conversations, ai_generated_sales FROM "
            f"headline_metrics({mark}, {mark}, {mark})"
        )
        given = (expected.day("from"), expected.day("to"), "web_chat,sms")
        same(
            first(connection, sql, given),
            (expected.integer("headline.conversations"), expected.number("headline.sales")),
        )
        connection.close()

    if not arrays:
        return

    @operation("array parameters")
    def _():
        connection = connect()
        ids = expected.texts("orders.second_to_fourth")
        sql = f"SELECT count(*) FROM orders WHERE order_id = ANY({mark})"
        same(first(connection, sql, (ids,)), (3,))
        tricky = ["a", 'q"\\', "b c", None]
        same(first(connection, f"SELECT CAST({mark} AS text[])", (tricky,)), (tricky,))
        connection.close()


def failing(connect, state_of):
    """Errors, and transactions with errors in them."""

    @operation("errors")
    def _():
        connection = connect()
        for sql, state in ERRORS.items():
            fails(state, state_of, lambda: first(connection, sql))
            connection.rollback()
        same(first(connection, "SELECT 1"), (1,))
        connection.close()

    @operation("read only")
    def _():
        connection = connect()
        for sql in ("INSERT INTO orders VALUES (1)", "CREATE TABLE t (a int4)", "DELETE FROM orders"):
            fails("25006", state_of, lambda: run(connection, sql))
            connection.rollback()
        connection.close()

    @operation("transaction")
    def _():
        connection = connect()
        same(first(connection, "SELECT 1"), (1,))
        connection.commit()
        run(connection, "SET LOCAL statement_timeout = 12345")
        same(first(connection, "SHOW statement_timeout"), ("12345ms",))
        connection.rollback()
        if first(connection, "SHOW statement_timeout") == ("12345ms",):
            raise AssertionError("SET LOCAL outlives its transaction")
        connection.close()

    @operation("failed transaction")
    def _():
        connection = connect()
        fails("22012", state_of, lambda: first(connection, "SELECT 1 / 0"))
        fails("25P02", state_of, lambda: first(connection, "SELECT 1"))
        connection.rollback()
        same(first(connection, "SELECT 1"), (1,))
        connection.close()

    @operation("savepoint")
    def _():
        connection = connect()
        same(first(connection, "SELECT 1"), (1,))
        run(connection, "SAVEPOINT before")
        fails("22012", state_of, lambda: first(connection, "SELECT 1 / 0"))
        run(connection, "ROLLBACK TO SAVEPOINT before")
        same(first(connection, "SELECT 2"), (2,))
        run(connection, "RELEASE SAVEPOINT before")
        fails("3B001", state_of, lambda: run(connection, "RELEASE SAVEPOINT before"))
        connection.rollback()
        connection.close()

    @operation("statement timeout")
    def _():
        connection = connect()
        run(connection, "SET statement_timeout = '50ms'")
        fails("57014", state_of, lambda: first(connection, "SELECT pg_sleep(600)"))
        connection.rollback()
        connection.close()


def large(connect):
    """A result that is fetched in parts."""

    @operation("large result")
    def _():
        connection = connect()
        cursor = connection.cursor()
        cursor.execute(LARGE_SQL)
        total = rows = 0
        while part := cursor.fetchmany(1000):
            rows += len(part)
            total += sum(row[0] for row in part)
        same((rows, int(total)), (LARGE, LARGE * (LARGE + 1) // 2))
        connection.close()
