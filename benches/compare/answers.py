"""Compares answers as multisets of rows: instants as instants, floats and decimals as numbers with a tolerance."""

from datetime import date, datetime, timezone
from decimal import Decimal

TOLERANCE = 2e-6


def value(given):
    """Returns a value in the one form that is compared."""
    if isinstance(given, bool) or given is None or isinstance(given, str):
        return given
    if isinstance(given, (int, float, Decimal)):
        return float(given)
    if isinstance(given, datetime):
        aware = given if given.tzinfo is not None else given.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).isoformat(timespec="microseconds")
    if isinstance(given, date):
        return given.isoformat()
    if isinstance(given, (list, tuple)):
        return [value(each) for each in given]
    raise TypeError(f"a {type(given).__name__} in an answer")


def key(row):
    """Orders rows by what is exact in them first, then by numbers."""
    exact = [str(each) for each in row if not isinstance(each, float)]
    return exact, [round(each, 3) for each in row if isinstance(each, float)]


def same(left, right):
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= TOLERANCE * max(1.0, abs(left), abs(right))
    return left == right


def normal(answer, ties=None):
    """Returns the rows in order. Of those that tie on the last value of `ties`, a LIMIT may have taken any: they are left out."""
    columns, rows = answer
    rows = [[value(each) for each in row] for row in rows]
    if ties is not None and rows:
        at = [name.lower() for name in columns].index(ties)
        last = rows[-1][at]
        rows = [row for row in rows if row[at] != last]
    return sorted(rows, key=key)


def difference(ours, theirs, ties=None):
    """Returns the first row in which two answers differ, in words; None where they are the same."""
    if len(ours[1]) != len(theirs[1]):
        return f"{len(ours[1])} rows and {len(theirs[1])} rows"
    for left, right in zip(normal(ours, ties), normal(theirs, ties), strict=True):
        if len(left) != len(right) or not all(map(same, left, right)):
            return f"{left} and {right}"
    return None
