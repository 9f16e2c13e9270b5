"""Rapport itself: a server of the lake, asked over the Postgres wire as a shop's user or as an operator."""

import psycopg

from peers.postgres import Wire


class Rapport(Wire):
    dialect = "rapport"

    def open(self):
        self.wires = {who: psycopg.connect(address, autocommit=True) for who, address in self.setup["rapport"].items()}
        for wire in self.wires.values():
            # A shop's session has the zone of the shop, which the others do not know.
            wire.execute("SET timezone = 'UTC'")
        self.server = self.setup["server"]

    def connection(self, parameters):
        return self.wires["operator" if parameters.get("account") is None else "shop"]

    def processes(self):
        return [self.server]

    def version(self):
        return self.setup["rapport_version"]

    def close(self):
        for wire in self.wires.values():
            wire.close()
