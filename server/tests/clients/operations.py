"""Operations of a client, run one after another; each prints `ok NAME` or `fail NAME: reason`.

A script declares its operations with `@operation("name")` and ends with `run_all()`. What an operation finds is compared
with `same`, which wants the type as well as the value: a decimal that arrives as text is a fault of the endpoint.
"""

import datetime
import decimal
import os
import sys
import threading

_operations = []


def operation(name):
    """Declares the operation of that name."""

    def declare(body):
        _operations.append((name, body))
        return body

    return declare


def run_all():
    """Runs all operations and exits: 1 if one failed."""
    failed = False
    for name, body in _operations:
        try:
            body()
        except Exception as error:  # whatever a client throws is what is reported
            failed = True
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"fail {name}: {reason[:600]}", flush=True)
        else:
            print(f"ok {name}", flush=True)
    sys.exit(1 if failed else 0)


class Unexpected(Exception):
    """Something other than what PostgreSQL gives."""


def same(found, expected):
    """Wants a value and its type, item for item in lists and tuples."""
    if isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
        if len(found) != len(expected):
            raise Unexpected(f"{found!r}, expected {expected!r}")
        for one, other in zip(found, expected):
            same(one, other)
        return
    if type(found) is not type(expected) or found != expected:
        raise Unexpected(f"{found!r}, expected {expected!r}")


def fails(sqlstate, state_of, body):
    """Wants an error with that SQLSTATE; `state_of` knows how the client tells it."""
    try:
        body()
    except Exception as error:  # each client has a class of its own
        state = state_of(error)
        if state != sqlstate:
            raise Unexpected(f"SQLSTATE {state} ({error}), expected {sqlstate}") from error
        return
    raise Unexpected(f"no error, expected SQLSTATE {sqlstate}")


def canceled(body, cancel):
    """Runs a statement on a thread and cancels it; answers with the error that it ended with.

    A cancel that comes before the statement counts for nothing, so it is sent until the statement has ended.
    """
    ended = []

    def work():
        try:
            body()
            ended.append(None)
        except Exception as error:  # handed to the caller
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        cancel()
        thread.join(0.05)
    if ended[0] is None:
        raise Unexpected("the statement ran to its end")
    return ended[0]


def _expected():
    path = os.environ["CLIENTS_EXPECTED"]
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("\t", 1) for line in file)


class Expected:
    """What the relations hold, as the command line tells it."""

    def __init__(self):
        self._values = _expected()

    def text(self, key):
        return self._values[key]

    def integer(self, key):
        return int(self._values[key])

    def number(self, key):
        return decimal.Decimal(self._values[key])

    def instant(self, key):
        return datetime.datetime.fromisoformat(self._values[key].replace("Z", "+00:00"))

    def day(self, key):
        return datetime.date.fromisoformat(self._values[key])

    def texts(self, key):
        return self._values[key].split(",")


def relations():
    """Names of the relations in `public`, each with its columns: (name, type as SQL writes it)."""
    found = {}
    path = os.path.join(os.path.dirname(__file__), "relations.tsv")
    with open(path, encoding="utf-8") as file:
        for line in file:
            relation, column, kind = line.rstrip("\n").split("\t")
            found.setdefault(relation, []).append((column, kind))
    return found


UTC = datetime.timezone.utc
INSTANT = datetime.datetime(2026, 1, 10, 11, 0, 0, 123456, tzinfo=UTC)
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"

# A value of every type: how SQL writes it, and what Python clients make of it.
TYPES = {
    "numeric": ("numeric '123456789012.3456'", decimal.Decimal("123456789012.3456")),
    "numeric_scale": ("cast('1.5' AS numeric(18,4))", decimal.Decimal("1.5000")),
    "timestamptz": ("timestamptz '2026-01-10 12:00:00.123456+01'", INSTANT),
    "timestamp": ("timestamp '2026-01-10 12:00:00'", datetime.datetime(2026, 1, 10, 12)),
    "date": ("date '2026-01-10'", datetime.date(2026, 1, 10)),
    "time": ("time '23:59:59.5'", datetime.time(23, 59, 59, 500000)),
    "interval": ("interval '1 day 02:00:00'", datetime.timedelta(days=1, hours=2)),
    "texts": ("ARRAY['a', 'b c', 'q\"\\', NULL]", ["a", "b c", 'q"\\', None]),
    "integers": ("ARRAY[1, 2, 3]::int8[]", [1, 2, 3]),
    "no_texts": ("ARRAY[]::text[]", []),
    "bool": ("true", True),
    "int8": ("9007199254740993::int8", 9007199254740993),
    "int4": ("42", 42),
    "int2": ("7::int2", 7),
    "float8": ("0.1::float8", 0.1),
    "float4": ("1.5::float4", 1.5),
    "text": ("'Ünïcode ☃ it''s'::text", "Ünïcode ☃ it's"),
    "bytea": ("'\\x00ff'::bytea", b"\x00\xff"),
}
