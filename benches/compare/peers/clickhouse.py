"""ClickHouse, embedded by chdb: MergeTree tables ordered by account and time."""

import time

import chdb
import pyarrow
from chdb import session

from peers.base import SQL, TABLES, Peer

class ClickHouse(Peer):
    dialect = "clickhouse"

    def version(self):
        return f"ClickHouse {chdb.engine_version} (chdb {chdb.__version__})"

    def path(self):
        return self.setup["store"] + "/clickhouse"

    def load(self):
        self.open()
        for statement in (SQL / "clickhouse_tables.sql").read_text().split(";\n"):
            if statement.strip():
                self.session.query(statement)
        for table in TABLES:
            self.session.query(f"INSERT INTO {table} SELECT * FROM file('{self.setup['base']}/{table}.parquet', Parquet)")
            self.session.query(f"OPTIMIZE TABLE {table} FINAL")
        self.close()

    def open(self):
        self.session = session.Session(self.path())
        self.session.query("CREATE DATABASE IF NOT EXISTS compared ENGINE = Atomic")
        self.session.query("USE compared")

    def close(self):
        self.session.close()

    def ask(self, workload, parameters):
        statement = self.statement(workload, parameters)
        begin = time.perf_counter()
        answer = self.session.query(statement, "Arrow").bytes()
        return time.perf_counter() - begin, answer

    def rows(self, answer):
        table = pyarrow.ipc.open_file(pyarrow.BufferReader(answer)).read_all()
        return table.column_names, [tuple(map(text, row.values())) for row in table.to_pylist()]


def text(value):
    """ClickHouse's strings are bytes."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [text(each) for each in value]
    return value
