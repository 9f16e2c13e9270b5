"""pg8000: a driver of Python alone, which declares no types for its parameters."""

import pg8000.dbapi

import os

import dbapi
from dbapi import first
from operations import TYPES, Expected, operation, run_all, same

expected = Expected()


def connect():
    env = os.environ
    return pg8000.dbapi.connect(
        env["PGUSER"], env["PGHOST"], env["PGDATABASE"], int(env["PGPORT"]), env["PGPASSWORD"]
    )


def state_of(error):
    return error.args[0].get("C") if error.args and isinstance(error.args[0], dict) else None


dbapi.reading(connect)
dbapi.types(connect)
dbapi.parameters(connect)


@operation("prepared repeatedly")
def _():
    connection = connect()
    for round in range(10):
        found = first(connection, "SELECT CAST(%s AS int8) + 1, count(*) FROM orders", (round,))
        same(found, (round + 1, expected.integer("orders")))
    connection.close()


dbapi.large(connect)
dbapi.failing(connect, state_of)


@operation("copy out")
def _():
    import io

    connection = connect()
    stream = io.BytesIO()
    sql = "COPY (SELECT order_id, value FROM orders ORDER BY order_id LIMIT 1) TO STDOUT"
    connection.cursor().execute(sql, stream=stream)
    same(stream.getvalue().decode(), f"{expected.text('order.id')}\t{expected.text('order.value')}\n")
    connection.close()


run_all()
