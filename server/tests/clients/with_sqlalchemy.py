"""SQLAlchemy 2 on psycopg 3 and on psycopg2: reflection of everything, and queries that it writes itself."""

import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from operations import Expected, Unexpected, operation, relations, run_all, same

expected = Expected()
ENGINES = [sa.create_engine(f"postgresql+{driver}://") for driver in ("psycopg", "psycopg2")]

KINDS = {
    "text": sa.TEXT,
    "bigint": sa.BIGINT,
    "boolean": sa.BOOLEAN,
    "date": sa.DATE,
    "numeric(18,4)": sa.NUMERIC,
    "timestamp with time zone": postgresql.TIMESTAMP,
    "text[]": postgresql.ARRAY,
    "double precision": sa.DOUBLE_PRECISION,
}


def everywhere(name):
    """Declares an operation over each engine."""

    def declare(body):
        @operation(name)
        def _():
            for engine in ENGINES:
                body(engine)

        return body

    return declare


@everywhere("connect")
def _(engine):
    with engine.connect() as connection:
        same(connection.scalar(sa.text("SELECT 1")), 1)
        same(engine.dialect.server_version_info >= (15,), True)
        same(engine.dialect.default_schema_name, "public")


@everywhere("schemas")
def _(engine):
    found = sa.inspect(engine).get_schema_names()
    same({"public", "information_schema"} <= set(found), True)


@everywhere("tables")
def _(engine):
    inspector = sa.inspect(engine)
    found = set(inspector.get_table_names())
    same(sorted(set(relations()) - found), [])
    same(inspector.has_table("orders"), True)
    same(inspector.has_table("no_orders"), False)
    same(inspector.has_table("orders", schema="public"), True)
    same(inspector.get_view_names(), [])
    same(inspector.get_materialized_view_names(), [])
    same(inspector.get_sequence_names(), [])
    same(inspector.get_temp_table_names(), [])


@everywhere("columns")
def _(engine):
    inspector = sa.inspect(engine)
    for relation, columns in relations().items():
        found = inspector.get_columns(relation)
        same([c["name"] for c in found], [name for name, _ in columns])
        for column, (name, kind) in zip(found, columns):
            same((name, type(column["type"])), (name, KINDS[kind]))
            if kind == "numeric(18,4)":
                same((column["type"].precision, column["type"].scale), (18, 4))
            if kind == "timestamp with time zone":
                same(column["type"].timezone, True)
            if kind == "text[]":
                same(type(column["type"].item_type), sa.TEXT)
    same(inspector.get_multi_columns()[(None, "orders")][0]["name"], "account_id")


@everywhere("keys and indexes")
def _(engine):
    inspector = sa.inspect(engine)
    for relation in relations():
        same(inspector.get_pk_constraint(relation)["constrained_columns"], [])
        same(inspector.get_foreign_keys(relation), [])
        same(inspector.get_indexes(relation), [])
        same(inspector.get_unique_constraints(relation), [])
        same(inspector.get_check_constraints(relation), [])
    same(inspector.get_multi_pk_constraint()[(None, "orders")]["constrained_columns"], [])
    same(inspector.get_enums(), [])
    same(inspector.get_domains(), [])


@everywhere("comments")
def _(engine):
    inspector = sa.inspect(engine)
    same(inspector.get_table_comment("orders")["text"][:7], "One row")


@everywhere("reflect")
def _(engine):
    metadata = sa.MetaData()
    metadata.reflect(engine)
    same(sorted(set(relations()) - set(metadata.tables)), [])
    orders = metadata.tables["orders"]
    with engine.connect() as connection:
        sales = sa.func.sum(orders.c.value).label("sales")
        query = (
            sa.select(orders.c.currency, sa.func.count(), sales)
            .where(orders.c.ordered_at >= datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc))
            .where(orders.c.ordered_on.between(datetime.date(2000, 1, 1), datetime.date(2100, 1, 1)))
            .group_by(orders.c.currency)
            .order_by(sales.desc())
        )
        rows = connection.execute(query).all()
        same(
            (sum(row[1] for row in rows), sum(row[2] for row in rows)),
            (expected.integer("orders"), expected.number("orders.value")),
        )


@everywhere("parameters")
def _(engine):
    orders = sa.Table("orders", sa.MetaData(), autoload_with=engine)
    ids = expected.texts("orders.second_to_fourth")
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).where(orders.c.order_id.in_(ids))
        same(connection.scalar(query), 3)
        query = sa.select(sa.func.count()).where(orders.c.value > expected.number("order.value") - 1)
        same(connection.scalar(query) > 0, True)
        query = sa.select(sa.literal(None, sa.Integer), sa.literal("a'b"), sa.literal(1.5))
        same(tuple(connection.execute(query).one()), (None, "a'b", 1.5))
        conversations = sa.Table("conversations", sa.MetaData(), autoload_with=engine)
        wanted = expected.texts("conversation.procedures")[0]
        query = sa.select(conversations.c.procedures).where(
            conversations.c.conversation_id == expected.text("conversation.id"),
            sa.literal(wanted) == sa.any_(conversations.c.procedures),
        )
        same(connection.scalar(query), expected.texts("conversation.procedures"))
        queries = sa.select(sa.extract("year", sa.literal(datetime.date(2026, 1, 10))))
        same(int(connection.scalar(queries)), 2026)


@everywhere("limit as a parameter")
def _(engine):
    orders = sa.Table("orders", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        query = sa.select(orders.c.order_id).order_by(orders.c.order_id).limit(3).offset(1)
        same(list(connection.scalars(query)), expected.texts("orders.second_to_fourth"))


@everywhere("saved query")
def _(engine):
    metrics = sa.func.headline_metrics(
        sa.literal(expected.day("from")), sa.literal(expected.day("to")), sa.literal("web_chat,sms")
    ).table_valued("conversations", "ai_generated_sales")
    with engine.connect() as connection:
        row = connection.execute(sa.select(metrics)).one()
    headline = (expected.integer("headline.conversations"), expected.number("headline.sales"))
    same(tuple(row), headline)


@everywhere("cursor")
def _(engine):
    with engine.connect().execution_options(stream_results=True, yield_per=100) as connection:
        orders = sa.Table("orders", sa.MetaData(), autoload_with=engine)
        same(sum(1 for _ in connection.execute(sa.select(orders))), expected.integer("orders"))


@everywhere("transaction")
def _(engine):
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        same(connection.scalar(sa.text("SHOW transaction_isolation")), "repeatable read")
    with engine.connect() as connection:
        same(connection.get_isolation_level(), "READ COMMITTED")


@everywhere("savepoint")
def _(engine):
    with engine.connect() as connection:
        inner = connection.begin_nested()
        try:
            connection.execute(sa.text("SELECT 1 / 0"))
        except sa.exc.DBAPIError:
            inner.rollback()
        else:
            raise Unexpected("a division by zero gives no error")
        same(connection.scalar(sa.text("SELECT 1")), 1)


@everywhere("pool reset")
def _(engine):
    for _ in range(3):
        with engine.connect() as connection:
            same(connection.scalar(sa.text("SELECT 1")), 1)
    pinged = sa.create_engine(engine.url, pool_pre_ping=True)
    for _ in range(3):
        with pinged.connect() as connection:
            same(connection.scalar(sa.text("SELECT 2")), 2)
    pinged.dispose()


run_all()
