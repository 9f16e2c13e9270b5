"""PostgreSQL 15 in a cluster of its own, with indexes that an analyst would give the tables."""

import os
import time

import psycopg

import duck
from peers.base import TABLES, Peer

TYPES = {
    "VARCHAR": "text", "VARCHAR[]": "text[]", "BIGINT": "bigint", "INTEGER": "integer", "BOOLEAN": "boolean", "DATE": "date",
    "DOUBLE": "float8", "TIMESTAMP WITH TIME ZONE": "timestamptz",
}  # fmt: skip
INDEXES = [
    "CREATE INDEX ON conversations (account_id, started_on) INCLUDE (status)",
    "CREATE INDEX ON conversations (account_id, last_updated DESC)",
    "CREATE INDEX ON conversations (account_id, status, last_updated DESC)",
    "CREATE INDEX ON conversations (idle_at) WHERE idle_at IS NOT NULL",
    "CREATE INDEX ON attributed_orders (account_id, ordered_on)",
    "CREATE INDEX ON counted_events (account_id, happened_on) INCLUDE (type)",
    "CREATE INDEX ON daily_metrics (account_id, date)",
]


class Wire(Peer):
    """A peer that is asked over the Postgres wire; its answer lies in libpq's buffers when the clock stops."""

    def ask(self, workload, parameters):
        statement = self.statement(workload, parameters)
        connection = self.connection(parameters)
        cursor = connection.cursor(binary=True)
        begin = time.perf_counter()
        cursor.execute(statement, prepare=False)
        return time.perf_counter() - begin, cursor

    def rows(self, answer):
        return [column.name for column in answer.description], answer.fetchall()


class Postgres(Wire):
    dialect = "postgres"

    def open(self):
        self.wire = psycopg.connect(self.setup["postgres"], autocommit=True)
        self.wire.execute("SET timezone = 'UTC'")
        self.backend = self.wire.info.backend_pid

    def connection(self, parameters):
        return self.wire

    def processes(self):
        return [self.backend]

    def version(self):
        return f"PostgreSQL {self.wire.info.parameter_status('server_version').split(' ')[0]}"

    def load(self):
        self.open()
        for table in TABLES:
            self.copy(table, f"{self.setup['base']}/{table}.parquet")
        for index in INDEXES:
            self.wire.execute(index)
        self.wire.execute("VACUUM ANALYZE")
        self.wire.execute("CHECKPOINT")
        self.close()

    def copy(self, table, parquet):
        """Copies a Parquet file into a table as CSV that DuckDB makes."""
        connection = duck.connect()
        described = connection.execute(f"DESCRIBE SELECT * FROM '{parquet}'").fetchall()
        columns, read = [], []
        for name, kind, *_ in described:
            columns.append(f'"{name}" {TYPES.get(kind, kind.replace("DECIMAL", "numeric"))}')
            read.append(array(name) if kind == "VARCHAR[]" else f'"{name}"')
        self.wire.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        pipe = f"{self.setup['store']}/{table}.csv"
        connection.execute(f"COPY (SELECT {', '.join(read)} FROM '{parquet}') TO '{pipe}' (FORMAT csv, HEADER false)")
        with self.wire.cursor() as cursor, open(pipe, "rb") as file:
            with cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
                while block := file.read(1 << 20):
                    copy.write(block)
        os.remove(pipe)

    def close(self):
        self.wire.close()


def array(name):
    """Returns DuckDB's SQL for a list of texts as PostgreSQL writes arrays."""
    quoted = f"""list_transform("{name}", lambda x: '"' || replace(replace(x, '\\', '\\\\'), '"', '\\"') || '"')"""
    return f"""'{{' || array_to_string({quoted}, ',') || '}}' AS "{name}\""""
