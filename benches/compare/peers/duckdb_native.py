"""DuckDB, with the tables in a database file of its own, and over the lake's Parquet."""

import time

import duckdb

import duck
from peers.base import SQL, TABLES, Peer


class Duck(Peer):
    dialect = "duckdb"

    def version(self):
        return f"DuckDB {duckdb.__version__}"

    def ask(self, workload, parameters):
        statement = self.statement(workload, parameters)
        connection = self.connection(parameters)
        begin = time.perf_counter()
        answer = connection.sql(statement).to_arrow_table()
        return time.perf_counter() - begin, answer

    def rows(self, answer):
        return answer.column_names, [tuple(row.values()) for row in answer.to_pylist()]


class Native(Duck):
    """Tables sorted by account and time, in a file."""

    def load(self):
        connection = duck.connect(self.setup["store"] + "/native.duckdb")
        for table in TABLES:
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM '{self.setup['base']}/{table}.parquet'")
        connection.close()

    def open(self):
        self.native = duck.connect(self.setup["store"] + "/native.duckdb")

    def connection(self, parameters):
        return self.native

    def close(self):
        self.native.close()


class Parquet(Duck):
    """Views over the lake's files: all of them for an operator, those of the one account for a shop's user."""

    def open(self):
        self.connections = {}

    def connection(self, parameters):
        account = parameters.get("account")
        if account not in self.connections:
            self.connections[account] = self.views(account)
        return self.connections[account]

    def views(self, account):
        lake = self.setup["lake"]
        connection = duck.connect()
        duck.settings(connection, lake)
        connection.execute("CREATE TABLE memory.accounts AS FROM temp.accounts; DROP TABLE temp.accounts")
        tables = ("conversations", "orders", "attributed_orders", "daily_metrics", "conversation_events", "order_events", "touch_events")
        names = {table: duck.parquet(lake, table, account) for table in tables}
        names["now"] = duck.literal(self.setup["now"])
        duck.script(connection, SQL / "parquet_views.sql", **names)
        return connection
