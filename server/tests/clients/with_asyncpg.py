"""asyncpg: binary everywhere, its own reading of the types, its pool with its reset of each connection."""

import asyncio
import datetime
import decimal
import functools
import io
import uuid

import asyncpg

from dbapi import ERRORS, LARGE, LARGE_SQL
from operations import INSTANT, TYPES, UUID, Expected, Unexpected, operation, run_all, same

expected = Expected()


def with_connection(name, **options):
    """Declares an operation that is a coroutine over a connection."""

    def declare(body):
        @operation(name)
        @functools.wraps(body)
        def _():
            async def work():
                connection = await asyncpg.connect(**options)
                try:
                    await asyncio.wait_for(body(connection), 60)
                finally:
                    await connection.close()

            asyncio.run(work())

        return body

    return declare


async def fails(sqlstate, statement):
    try:
        await statement
    except asyncpg.PostgresError as error:
        same(error.sqlstate, sqlstate)
        return
    raise Unexpected(f"no error, expected SQLSTATE {sqlstate}")


@with_connection("connect")
async def _(connection):
    same(await connection.fetchval("SELECT 1"), 1)
    version = connection.get_server_version()
    same((version.major >= 15, connection.get_settings().server_encoding), (True, "UTF8"))


@with_connection("simple query")
async def _(connection):
    same(await connection.execute("SELECT 1; SELECT 2"), "SELECT 1")
    row = await connection.fetchrow("SELECT count(*), sum(value) FROM orders")
    same(tuple(row), (expected.integer("orders"), expected.number("orders.value")))
    sql = "SELECT order_id, ordered_at, ordered_on FROM orders ORDER BY order_id LIMIT 1"
    row = await connection.fetchrow(sql)
    order = (expected.text("order.id"), expected.instant("order.at"), expected.day("order.on"))
    same(tuple(row), order)
    sql = "SELECT procedures FROM conversations WHERE conversation_id = $1"
    row = await connection.fetchval(sql, expected.text("conversation.id"))
    same(row, expected.texts("conversation.procedures"))


@with_connection("own account")
async def _(connection):
    sql = "SELECT array_agg(DISTINCT account_id) FROM orders"
    same(await connection.fetchval(sql), [expected.text("account")])


@with_connection("duplicate column names")
async def _(connection):
    row = await connection.fetchrow("SELECT 1 AS a, 2 AS a, 3")
    same((list(row.keys()), tuple(row)), (["a", "a", "?column?"], (1, 2, 3)))


@with_connection("every type")
async def _(connection):
    for name, (sql, value) in TYPES.items():
        try:
            same(await connection.fetchval(f"SELECT {sql}"), value)
        except Exception as error:
            raise Unexpected(f"{name}: {error}") from error


@with_connection("nulls")
async def _(connection):
    for sql, _ in TYPES.values():
        same(tuple(await connection.fetchrow(f"SELECT nullif({sql}, {sql}), 1")), (None, 1))


# What Python gives for a parameter of each type, and what comes back.
PARAMETERS = {
    "text": "Ünïcode ☃ it's",
    "bool": False,
    "int2": -7,
    "int4": -42,
    "int8": -9007199254740993,
    "float4": 1.5,
    "float8": 1e100,
    "numeric": decimal.Decimal("-12345678901234.5678"),
    "date": datetime.date(1999, 12, 31),
    "timestamp": datetime.datetime(1999, 12, 31, 23, 59, 59, 999999),
    "timestamptz": INSTANT,
    "time": datetime.time(1, 2, 3, 456),
    "interval": datetime.timedelta(days=2, seconds=5),
    "bytea": b"\x00\xff",
    "text[]": ["a", 'q"\\', None, ""],
    "int8[]": [1, None, 3],
}


@with_connection("parameters")
async def _(connection):
    for kind, value in PARAMETERS.items():
        try:
            same(await connection.fetchval(f"SELECT $1::{kind}", value), value)
        except Exception as error:
            raise Unexpected(f"{kind}: {error}") from error
    sql = """SELECT count(*) FROM orders WHERE order_id = $1 AND value = $2 AND ordered_at = $3
             AND ordered_on = $4 AND cancelled = $5"""
    order = (
        expected.text("order.id"),
        expected.number("order.value"),
        expected.instant("order.at"),
        expected.day("order.on"),
        expected.text("order.cancelled") == "true",
    )
    same(await connection.fetchval(sql, *order), 1)


@with_connection("null parameters")
async def _(connection):
    for kind in [*PARAMETERS, "uuid"]:
        same(await connection.fetchval(f"SELECT $1::{kind}", None), None)
    same(await connection.fetchval("SELECT count(*) FROM orders WHERE value = $1", None), 0)


@with_connection("uuid parameters")
async def _(connection):
    given = uuid.UUID(UUID)
    same(str(await connection.fetchval("SELECT $1::uuid", given)), UUID)
    same(await connection.fetchval("SELECT $1::uuid::text", given), UUID)


@with_connection("array parameters")
async def _(connection):
    ids = expected.texts("orders.second_to_fourth")
    sql = "SELECT count(*) FROM orders WHERE order_id = ANY($1)"
    same(await connection.fetchval(sql, ids), 3)
    sql = "SELECT count(*) FROM orders WHERE order_id = ANY($1::text[]) AND value > $2"
    same(await connection.fetchval(sql, ids, decimal.Decimal(-1)), 3)


@with_connection("limit as a parameter")
async def _(connection):
    sql = "SELECT order_id FROM orders ORDER BY order_id LIMIT $1 OFFSET $2"
    found = [row[0] for row in await connection.fetch(sql, 3, 1)]
    same(found, expected.texts("orders.second_to_fourth"))


@with_connection("saved query")
async def _(connection):
    sql = "SELECT conversations, ai_generated_sales FROM headline_metrics($1, $2, $3)"
    row = await connection.fetchrow(sql, expected.day("from"), expected.day("to"), "web_chat,sms")
    headline = (expected.integer("headline.conversations"), expected.number("headline.sales"))
    same(tuple(row), headline)


@with_connection("prepared repeatedly")
async def _(connection):
    statement = await connection.prepare("SELECT $1::int8 + 1 AS n, count(*) AS all FROM orders")
    same([p.name for p in statement.get_parameters()], ["int8"])
    same([(a.name, a.type.name) for a in statement.get_attributes()], [("n", "int8"), ("all", "int8")])
    for round in range(10):
        same(tuple(await statement.fetchrow(round)), (round + 1, expected.integer("orders")))


@with_connection("cursor")
async def _(connection):
    async with connection.transaction():
        rows = total = 0
        async for row in connection.cursor(LARGE_SQL, prefetch=1000):
            rows += 1
            total += row[0]
        same((rows, total), (LARGE, LARGE * (LARGE + 1) // 2))
        sql = "SELECT order_id FROM orders ORDER BY order_id LIMIT $1"
        cursor = await connection.cursor(sql, 4)
        await cursor.forward(1)
        found = [row[0] for row in await cursor.fetch(10)]
        same(found, expected.texts("orders.second_to_fourth"))


@with_connection("large result")
async def _(connection):
    rows = await connection.fetch(LARGE_SQL)
    same((len(rows), sum(row["i"] for row in rows)), (LARGE, LARGE * (LARGE + 1) // 2))


@with_connection("errors")
async def _(connection):
    for sql, state in ERRORS.items():
        await fails(state, connection.fetch(sql))
    same(await connection.fetchval("SELECT 1"), 1)


@with_connection("read only")
async def _(connection):
    await fails("25006", connection.execute("DELETE FROM orders"))
    await fails("25006", connection.fetch("CREATE TABLE t (a int4)"))


@with_connection("transaction")
async def _(connection):
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        same(await connection.fetchval("SELECT 1"), 1)
        same(connection.is_in_transaction(), True)
    same(connection.is_in_transaction(), False)


@with_connection("failed transaction")
async def _(connection):
    transaction = connection.transaction()
    await transaction.start()
    await fails("22012", connection.fetch("SELECT 1 / 0"))
    await fails("25P02", connection.fetch("SELECT 1"))
    await transaction.rollback()
    same(await connection.fetchval("SELECT 1"), 1)


@with_connection("savepoint")
async def _(connection):
    async with connection.transaction():
        inner = connection.transaction()
        await inner.start()
        await fails("22012", connection.fetch("SELECT 1 / 0"))
        await inner.rollback()
        same(await connection.fetchval("SELECT 1"), 1)


@with_connection("statement timeout", server_settings={"statement_timeout": "50"})
async def _(connection):
    await fails("57014", connection.fetch("SELECT pg_sleep(600)"))


@with_connection("cancel")
async def _(connection):
    try:
        await connection.fetch("SELECT pg_sleep(600)", timeout=0.05)
    except asyncio.TimeoutError:
        same(await connection.fetchval("SELECT 1"), 1)
    else:
        raise Unexpected("the statement ran to its end")


@with_connection("copy out")
async def _(connection):
    out = io.BytesIO()
    sql = "SELECT order_id, value FROM orders WHERE order_id = $1"
    await connection.copy_from_query(sql, expected.text("order.id"), output=out, format="csv")
    same(out.getvalue().decode(), f"{expected.text('order.id')},{expected.text('order.value')}\n")
    out = io.BytesIO()
    done = await connection.copy_from_table("orders", output=out, columns=["order_id"])
    same(done, f"COPY {expected.integer('orders')}")


@with_connection("time zone", server_settings={"timezone": "America/New_York"})
async def _(connection):
    sql = "SELECT timestamptz '2026-07-10 12:00:00Z'::text"
    same(await connection.fetchval(sql), "2026-07-10 08:00:00-04")


@operation("pool reset")
def _():
    async def work():
        async with asyncpg.create_pool(min_size=1, max_size=2) as pool:
            async with pool.acquire() as connection:
                await connection.execute("SET statement_timeout = 4321")
            async with pool.acquire() as connection:
                if await connection.fetchval("SHOW statement_timeout") == "4321ms":
                    raise Unexpected("the setting outlives the reset")
            counted = await asyncio.gather(
                *(pool.fetchval("SELECT count(*) FROM orders") for _ in range(10))
            )
            same(counted, [expected.integer("orders")] * 10)

    asyncio.run(work())


@with_connection("types by name")
async def _(connection):
    kind = (await connection.prepare("SELECT value, procedures FROM orders, conversations LIMIT 0"))
    same([(a.type.name, a.type.kind) for a in kind.get_attributes()], [("numeric", "scalar"), ("text[]", "array")])
    # Reads pg_type, pg_range and pg_class for a type that it does not know.
    await connection.set_type_codec("json", encoder=str, decoder=str, schema="pg_catalog")
    same(await connection.fetchval("SELECT NULL::json"), None)


run_all()
