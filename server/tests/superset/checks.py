"""What a shop's user does in Superset, and what has to come of it.

Numbers are compared with those that the command line gives for the same question, asked in words of its own: it knows
neither PostgreSQL's functions nor the session's time zone.
"""

import csv
import datetime
import functools
import io
import json
import threading
import time
import urllib.parse
import uuid
import zoneinfo

from instance import Refused
from lake import PASSWORD
from operations import Unexpected, operation, relations, same

PUBLIC = [
    "accounts",
    "attributed_orders",
    "cart_adds",
    "conversation_procedures",
    "conversations",
    "daily_metrics",
    "link_clicks",
    "orders",
    "recommendations",
]

# What Superset calls a type, and the kind that it charts it by: a number, a text, a time or a truth.
NUMBER, TEXT, TIME, TRUTH = range(4)
KINDS = {
    "text": ("TEXT", TEXT),
    "text[]": ("TEXT[]", TEXT),
    "bigint": ("BIGINT", NUMBER),
    "boolean": ("BOOLEAN", TRUTH),
    "date": ("DATE", TIME),
    "timestamp with time zone": ("TIMESTAMP WITH TIME ZONE", TIME),
    "double precision": ("DOUBLE PRECISION", NUMBER),
    "numeric(28,4)": ("NUMERIC(28, 4)", NUMBER),
}

DAILY = [
    ("account_id", "text"),
    ("date", "date"),
    ("channel", "text"),
    ("conversations", "bigint"),
    ("resolved", "bigint"),
    ("routed", "bigint"),
    ("closed", "bigint"),
    ("open", "bigint"),
    ("link_clicks", "bigint"),
    ("cart_adds", "bigint"),
    ("attributed_orders", "double precision"),
    ("sales", "numeric(28,4)"),
    ("other_currency_orders", "bigint"),
]

# A chart's grain: how Superset names it, and the buckets of the command line, which thinks in UTC. Up to an hour they
# are the same in every zone that is whole hours from it.
FINE = {
    "second": ("PT1S", "1 second"),
    "5 seconds": ("PT5S", "5 seconds"),
    "30 seconds": ("PT30S", "30 seconds"),
    "minute": ("PT1M", "1 minute"),
    "5 minutes": ("PT5M", "5 minutes"),
    "10 minutes": ("PT10M", "10 minutes"),
    "15 minutes": ("PT15M", "15 minutes"),
    "30 minutes": ("PT30M", "30 minutes"),
    "hour": ("PT1H", "1 hour"),
}
COARSE = {"day": "P1D", "week": "P1W", "month": "P1M", "quarter": "P3M", "year": "P1Y"}

# Neither begins where a week or a month does; summer time and a year end between them.
SINCE, UNTIL = "2025-10-15", "2026-01-20"

# A reason that the synthetic events give.
UPSET = "Shopper is upset"

STOPPED_WITHIN = 30
# Counts for hours, and gives way to others all the while. Superset forbids `pg_sleep`.
ENDLESS = "SELECT count(*) FROM generate_series(1, 100000000000) AS numbers"


class Shop:
    """An account, its user, and what the command line knows of it."""

    def __init__(self, lake, port, account, user):
        self.lake, self.port, self.account, self.user = lake, port, account, user

    def uri(self, password=PASSWORD, options=""):
        login = f"{self.user}:{urllib.parse.quote(password)}"
        return f"postgresql+psycopg2://{login}@127.0.0.1:{self.port}/rapport{options}"

    def ask(self, sql):
        """Rows, as `rapport query` gives them to a user of this account."""
        return json.loads(self.lake.run("query", "--sql", sql, "--account", self.account, "--format", "json"))

    def accounts(self):
        return [row["account_id"] for row in json.loads(self.lake.run("accounts", "list", "--format", "json"))]

    @functools.cached_property
    def zone(self):
        [row] = self.ask("SELECT timezone FROM accounts")
        return zoneinfo.ZoneInfo(row["timezone"])

    def midnight(self, day):
        """When a day begins for the shop."""
        return datetime.datetime.fromisoformat(day).replace(tzinfo=self.zone).isoformat()

    def within(self):
        """The days of the charts, as the command line is asked for them."""
        return f"started_at >= '{self.midnight(SINCE)}' AND started_at < '{self.midnight(UNTIL)}'"


def column(sql, label=None):
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label or sql}


def axis(name, grain):
    """A column along which a chart goes."""
    return column(name) | {"columnType": "BASE_AXIS", "timeGrain": grain}


def metric(aggregate, name, label):
    """A metric as it is put together from a column and an aggregate."""
    return {"expressionType": "SIMPLE", "aggregate": aggregate, "column": {"column_name": name}, "label": label}


CONVERSATIONS = [
    column("COUNT(*)", "conversations"),
    metric("SUM", "messages", "messages"),
    metric("COUNT_DISTINCT", "profile_id", "profiles"),
    metric("AVG", "messages", "mean"),
    metric("MAX", "link_clicks", "clicks"),
]
# The same, of the command line.
COUNTED = """count(*) AS conversations, sum(messages) AS messages, count(DISTINCT profile_id) AS profiles,
    avg(messages) AS mean, max(link_clicks) AS clicks"""
NAMES = ["conversations", "messages", "profiles", "mean", "clicks"]

SALES = [
    metric("SUM", "sales", "sales"),
    metric("SUM", "attributed_orders", "orders"),
    column("SUM(resolved) * 1.0 / NULLIF(SUM(conversations), 0)", "rate"),
]
SOLD = """sum(sales) AS sales, sum(attributed_orders) AS orders,
    CAST(sum(resolved) AS double) / nullif(sum(conversations), 0) AS rate"""


def range_of(name):
    return {"col": name, "op": "TEMPORAL_RANGE", "val": f"{SINCE}T00:00:00 : {UNTIL}T00:00:00"}


def number(value):
    """A number as a chart shows it: Superset makes a double of every decimal."""
    return None if value is None else round(float(value), 6)


def table(rows, keys, names):
    """Rows by their keys, which no two share."""
    found = {tuple(row[key] for key in keys): tuple(number(row[name]) for name in names) for row in rows}
    same(len(found), len(rows))
    return found


def agree(found, expected):
    """Wants the same rows, some at least, and tells of the first that differ."""
    if not expected:
        raise Unexpected("nothing to compare with")
    differ = sorted((key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)), key=repr)
    if differ:
        shown = "; ".join(f"{key}: {found.get(key)}, expected {expected.get(key)}" for key in differ[:3])
        raise Unexpected(f"{len(differ)} of {len(found)} and {len(expected)} rows differ: {shown}")


def instant(sql):
    """An instant for the command line, as charts have it: milliseconds from 1970 on."""
    return f"date_part('epoch', {sql}) * 1000"


class Datasets:
    """The databases and the datasets that were made, and what is asked of them."""

    def __init__(self, api):
        self.api = api
        self.database = None
        self.made = {}

    def create(self, name, **more):
        body = {"database": self.database, "schema": "public", "table_name": name}
        self.made[name] = self.api.post("/api/v1/dataset/", body | more)["id"]
        return self.described(name)

    def described(self, name):
        return self.api.get(f"/api/v1/dataset/{self.made[name]}")["result"]

    def ask(self, dataset, columns, metrics, *, answer="json", **more):
        """What is posted for a chart."""
        query = {"columns": columns, "metrics": metrics, "filters": [], "extras": {}, "row_limit": 50000, "orderby": []}
        body = {
            "datasource": {"id": self.made[dataset], "type": "table"},
            "force": True,
            "queries": [query | more],
            "result_format": answer,
            "result_type": "full",
        }
        return self.api.text("POST", "/api/v1/chart/data", body)

    def chart(self, dataset, columns, metrics, **more):
        """The rows of a chart."""
        [result] = json.loads(self.ask(dataset, columns, metrics, **more))["result"]
        if result["error"]:
            raise Unexpected(result["error"])
        same(result["rowcount"], len(result["data"]))
        return result["data"]

    def values(self, dataset, name):
        """What a filter offers of a column."""
        return self.api.get(f"/api/v1/datasource/table/{self.made[dataset]}/column/{name}/values/")["result"]

    def lab(self, sql, client=None, limit=1000):
        """What SQL Lab shows of a statement, which it gives a `LIMIT` of its own in place of any that it has."""
        body = {
            "database_id": self.database,
            "sql": sql,
            "schema": "public",
            "queryLimit": limit,
            "runAsync": False,
            "client_id": client or uuid.uuid4().hex[:10],
        }
        return self.api.post("/api/v1/sqllab/execute/", body)

    def complaint(self, sql):
        """What SQL Lab tells of a statement that fails."""
        try:
            self.lab(sql)
        except Refused as refused:
            return " ".join(message for _, message in refused.errors()) or str(refused)
        raise Unexpected(f"no error: {sql}")


def declare(api, shop, other):
    """Declares all operations; each uses what those before it made."""
    datasets = Datasets(api)
    connecting(api, shop, datasets)
    browsing(api, datasets)
    dataset_making(api, datasets)
    charts_by_time(shop, datasets)
    other_charts(shop, datasets)
    filters(shop, datasets)
    sql_lab(api, shop, datasets)
    zones(api, other)


def connecting(api, shop, datasets):
    @operation("test a connection")
    def _():
        answer = api.post("/api/v1/database/test_connection/", {"sqlalchemy_uri": shop.uri()})
        same(answer["message"], "OK")

    @operation("test a connection with a wrong password")
    def _():
        try:
            api.post("/api/v1/database/test_connection/", {"sqlalchemy_uri": shop.uri("wrong")})
        except Refused as refused:
            same([kind for kind, _ in refused.errors()], ["CONNECTION_INVALID_PASSWORD_ERROR"])
        else:
            raise Unexpected("a wrong password is let in")

    @operation("create a database")
    def _():
        body = {"database_name": "Rapport", "sqlalchemy_uri": shop.uri(), "expose_in_sqllab": True}
        datasets.database = api.post("/api/v1/database/", body)["id"]


def browsing(api, datasets):
    def ask(path):
        return api.get(f"/api/v1/database/{datasets.database}/{path}")

    @operation("catalogs")
    def _():
        same(ask("catalogs/")["result"], ["rapport"])

    @operation("schemas")
    def _():
        same(sorted(ask("schemas/")["result"]), ["information_schema", "public", "raw", "system"])

    @operation("tables of public")
    def _():
        found = ask("tables/?q=(force:!t,schema_name:public)")["result"]
        same(sorted((table["value"], table["type"]) for table in found), [(name, "table") for name in PUBLIC])

    @operation("metadata of a table")
    def _():
        found = ask("table_metadata/?name=conversations&schema=public")
        expected = [name for name, _ in relations()["conversations"]]
        same([column["name"] for column in found["columns"]], expected)
        same([column["name"] for column in found["columns"] if not column["comment"]], [])
        same(found["comment"][:7], "One row")
        same((found["primaryKey"]["name"], found["foreignKeys"], found["indexes"]), (None, [], []))

    @operation("a table's first rows")
    def _():
        found = datasets.lab(ask("select_star/conversations/public/")["result"], limit=100)
        same([column["name"] for column in found["columns"]], [name for name, _ in relations()["conversations"]])
        same(len(found["data"]), 100)


def dataset_making(api, datasets):
    def typed(dataset, columns):
        found = [(c["column_name"], c["type"], c["type_generic"], c["is_dttm"]) for c in dataset["columns"]]
        same(found, [(name, *KINDS[kind], KINDS[kind][1] == TIME) for name, kind in columns])

    def told(dataset):
        same([c["column_name"] for c in dataset["columns"] if not c["description"]], [])

    for name, columns, main in (
        ("conversations", relations()["conversations"], "started_at"),
        ("daily_metrics", DAILY, "date"),
    ):

        @operation(f"a dataset of {name}")
        def _(name=name, columns=columns, main=main):
            made = datasets.create(name)
            typed(made, columns)
            same(made["main_dttm_col"], main)

        @operation(f"comments of {name}'s columns")
        def _(name=name):
            told(datasets.described(name))

        @operation(f"refresh the dataset of {name}")
        def _(name=name, columns=columns):
            same(api.put(f"/api/v1/dataset/{datasets.made[name]}/refresh")["message"], "OK")
            typed(datasets.described(name), columns)


def charts_by_time(shop, datasets):
    def by(name, grain, bucket):
        found = datasets.chart(
            "conversations", [axis("started_at", grain)], CONVERSATIONS, filters=[range_of("started_at")]
        )
        expected = shop.ask(
            f"SELECT {instant(bucket)} AS started_at, {COUNTED} FROM conversations WHERE {shop.within()} GROUP BY 1"
        )
        agree(table(found, ["started_at"], NAMES), table(expected, ["started_at"], NAMES))

    @operation("chart by the instant")
    def _():
        found = datasets.chart(
            "conversations", [axis("started_at", None)], CONVERSATIONS[:1], filters=[range_of("started_at")]
        )
        expected = shop.ask(
            f"SELECT {instant('started_at')} AS t, count(*) AS n FROM conversations WHERE {shop.within()} GROUP BY 1"
        )
        same(sum(row["conversations"] for row in found), sum(row["n"] for row in expected))

    for name, (grain, interval) in FINE.items():

        @operation(f"chart per {name}")
        def _(name=name, grain=grain, interval=interval):
            by(name, grain, f"date_bin(INTERVAL '{interval}', started_at, TIMESTAMP '1970-01-01T00:00:00Z')")

    for name, grain in COARSE.items():

        @operation(f"chart per {name}")
        def _(name=name, grain=grain):
            by(name, grain, f"date_trunc('{name}', started_at AT TIME ZONE '{shop.zone.key}')")

    for name, grain in COARSE.items():

        @operation(f"chart of daily metrics per {name}")
        def _(name=name, grain=grain):
            found = datasets.chart("daily_metrics", [axis("date", grain)], SALES, filters=[range_of("date")])
            expected = shop.ask(
                f"SELECT CAST(CAST(date_trunc('{name}', date) AS date) AS text) AS date, {SOLD} FROM daily_metrics "
                f"WHERE date >= '{SINCE}' AND date < '{UNTIL}' GROUP BY 1"
            )
            # PostgreSQL makes an instant of a date that it truncates: where the day begins in the session's zone.
            for row in expected:
                begins = datetime.datetime.fromisoformat(shop.midnight(row["date"]))
                row["date"] = begins.timestamp() * 1000
            names = ["sales", "orders", "rate"]
            agree(table(found, ["date"], names), table(expected, ["date"], names))


def other_charts(shop, datasets):
    @operation("chart of the largest series")
    def _():
        found = datasets.chart(
            "conversations",
            [axis("started_at", "P1M"), "channel"],
            CONVERSATIONS,
            filters=[range_of("started_at")],
            extras={"time_grain_sqla": "P1M"},
            granularity="started_at",
            is_timeseries=True,
            series_columns=["channel"],
            series_limit=2,
            series_limit_metric=CONVERSATIONS[1],
        )
        month = instant(f"date_trunc('month', started_at AT TIME ZONE '{shop.zone.key}')")
        expected = shop.ask(
            f"SELECT {month} AS started_at, channel, {COUNTED} FROM conversations WHERE {shop.within()} AND channel IN "
            f"(SELECT channel FROM conversations WHERE {shop.within()} GROUP BY 1 ORDER BY sum(messages) DESC LIMIT 2) "
            "GROUP BY 1, 2"
        )
        keys = ["started_at", "channel"]
        agree(table(found, keys, NAMES), table(expected, keys, NAMES))

    @operation("chart beside the time before")
    def _():
        found = datasets.chart(
            "conversations",
            [axis("started_at", "P1M")],
            CONVERSATIONS[:1],
            filters=[range_of("started_at")],
            time_offsets=["1 month ago"],
        )
        per_month = {row["started_at"]: row for row in found}
        months = sorted(per_month)
        # What the month before counted from the 15th on, and all of those between.
        expected = [number(per_month[month]["conversations"]) for month in months[1:-2]]
        same([number(per_month[month]["conversations__1 month ago"]) for month in months[2:-1]], expected)

    @operation("chart of the user's own expressions")
    def _():
        metrics = [
            column("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY messages)", "middle"),
            column("AVG(EXTRACT(EPOCH FROM (resolved_at - started_at)))", "seconds"),
            column("COUNT(*) FILTER (WHERE status = 'resolved')", "resolved"),
        ]
        columns = [
            column("CASE WHEN escalated_at IS NULL THEN 'agent' ELSE 'person' END", "by"),
            column("TO_CHAR(started_at, 'YYYY-MM')", "month"),
        ]
        extras = {"where": "channel <> 'sms'", "having": "COUNT(*) > 3"}
        found = datasets.chart("conversations", columns, metrics, filters=[range_of("started_at")], extras=extras)
        expected = shop.ask(
            f"""SELECT CASE WHEN escalated_at IS NULL THEN 'agent' ELSE 'person' END AS by,
                substr(CAST(local_date(started_at, '{shop.zone.key}') AS text), 1, 7) AS month,
                percentile_cont(CAST(messages AS double), 0.5) AS middle,
                avg(date_part('epoch', resolved_at) - date_part('epoch', started_at)) AS seconds,
                count(*) FILTER (WHERE status = 'resolved') AS resolved
                FROM conversations WHERE {shop.within()} AND channel <> 'sms' GROUP BY 1, 2 HAVING count(*) > 3"""
        )
        names = ["middle", "seconds", "resolved"]
        agree(table(found, ["by", "month"], names), table(expected, ["by", "month"], names))

    @operation("table of rows")
    def _():
        columns = ["conversation_id", "started_at", "started_on", "procedures", "reopened", "messages"]
        found = datasets.chart("conversations", columns, None, orderby=[["conversation_id", True]], row_limit=50)
        expected = shop.ask(f"SELECT {', '.join(columns)} FROM conversations ORDER BY conversation_id LIMIT 50")
        for row in expected:
            began = datetime.datetime.fromisoformat(row["started_at"].replace("Z", "+00:00"))
            day = datetime.datetime.fromisoformat(row["started_on"] + "T00:00:00+00:00")
            row["started_at"], row["started_on"] = began.timestamp() * 1000, day.timestamp() * 1000
        for row in found:
            row["procedures"] = json.loads(row["procedures"])
        same(found, expected)

    @operation("chart as CSV")
    def _():
        text = datasets.ask("conversations", ["channel"], CONVERSATIONS[:2], answer="csv")
        found = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        expected = shop.ask(f"SELECT channel, {COUNTED} FROM conversations GROUP BY 1")
        agree(table(found, ["channel"], NAMES[:2]), table(expected, ["channel"], NAMES[:2]))

    @operation("rows of a result are counted")
    def _():
        [row] = datasets.chart("conversations", ["channel"], ["count"], is_rowcount=True)
        same(row["rowcount"], len(shop.ask("SELECT DISTINCT channel FROM conversations")))


def filters(shop, datasets):
    @operation("filter values of channel")
    def _():
        expected = shop.ask("SELECT DISTINCT channel FROM conversations ORDER BY 1")
        same(sorted(datasets.values("conversations", "channel")), [row["channel"] for row in expected])

    @operation("filter values of account_id")
    def _():
        same(datasets.values("conversations", "account_id"), [shop.account])

    @operation("filter values of escalation_reason")
    def _():
        found = datasets.values("conversations", "escalation_reason")
        expected = shop.ask("SELECT DISTINCT escalation_reason AS reason FROM conversations")
        same(sorted(map(str, found)), sorted(str(row["reason"]) for row in expected))

    for name, op, value, where in (
        ("channel", "IN", ["sms", "email"], "channel IN ('sms', 'email')"),
        ("channel", "NOT IN", ["sms"], "channel <> 'sms'"),
        ("escalation_reason", "IN", [None, UPSET], f"coalesce(escalation_reason, '') IN ('', '{UPSET}')"),
        ("escalation_reason", "IS NOT NULL", None, "escalation_reason IS NOT NULL"),
        ("first_question", "LIKE", "%order%", "strpos(first_question, 'order') > 0"),
        ("first_question", "ILIKE", "%ORDER%", "strpos(lower(first_question), 'order') > 0"),
        ("reopened", "IS TRUE", None, "reopened"),
        ("messages", ">=", 5, "messages >= 5"),
        ("messages", "IN", [3, 4], "messages BETWEEN 3 AND 4"),
        ("started_on", "==", "2025-12-24", "started_on = '2025-12-24'"),
    ):

        @operation(f"filter {name} {op}")
        def _(name=name, op=op, value=value, where=where):
            chosen = {"col": name, "op": op} | ({} if value is None else {"val": value})
            found = datasets.chart("conversations", ["channel"], CONVERSATIONS, filters=[chosen])
            expected = shop.ask(f"SELECT channel, {COUNTED} FROM conversations WHERE {where} GROUP BY 1")
            agree(table(found, ["channel"], NAMES), table(expected, ["channel"], NAMES))


def sql_lab(api, shop, datasets):
    @operation("saved query in SQL Lab")
    def _():
        sql = "SELECT * FROM headline_metrics('2026-01-01', current_date)"
        [found], [expected] = datasets.lab(sql)["data"], shop.ask(sql)
        same(list(found), list(expected))
        same(found.pop("account_id"), expected.pop("account_id"))
        same([number(value) for value in found.values()], [number(value) for value in expected.values()])

    @operation("saved query as a dataset")
    def _():
        sql = f"SELECT * FROM daily_series('{SINCE}', '{UNTIL}', 'web_chat,sms')"
        made = datasets.create("series", sql=sql)
        kinds = {column["column_name"]: column["type_generic"] for column in made["columns"]}
        same((kinds["date"], kinds["ai_generated_sales"], kinds["account_id"]), (TIME, NUMBER, TEXT))
        sales = [metric("SUM", "ai_generated_sales", "sales"), metric("SUM", "conversations", "conversations")]
        found = datasets.chart("series", [column("TO_CHAR(date, 'YYYY-MM')", "month")], sales)
        expected = shop.ask(
            "SELECT substr(CAST(date AS text), 1, 7) AS month, sum(ai_generated_sales) AS sales, "
            f"sum(conversations) AS conversations FROM ({sql}) GROUP BY 1"
        )
        names = ["sales", "conversations"]
        agree(table(found, ["month"], names), table(expected, ["month"], names))

    @operation("types in SQL Lab")
    def _():
        sql = """SELECT started_at, started_on, tags, messages, reopened, now() - started_at AS age FROM conversations
            ORDER BY conversation_id"""
        found = datasets.lab(sql, limit=1)
        [expected] = shop.ask("SELECT * FROM conversations ORDER BY conversation_id LIMIT 1")
        row = found["data"][0]
        began = datetime.datetime.fromisoformat(expected["started_at"].replace("Z", "+00:00"))
        same(row["started_at"], began.astimezone(shop.zone).isoformat(timespec="microseconds"))
        same(row["started_on"], expected["started_on"])
        same(json.loads(row["tags"]), expected["tags"])
        same((row["messages"], row["reopened"]), (expected["messages"], expected["reopened"]))
        kinds = [column["type_generic"] for column in found["columns"]]
        same(kinds[:5], [TIME, TIME, TEXT, NUMBER, TRUTH])

    @operation("plan in SQL Lab")
    def _():
        same(list(datasets.lab("EXPLAIN SELECT * FROM conversations")["data"][0]), ["QUERY PLAN"])

    @operation("errors in SQL Lab")
    def _():
        for sql, told in (
            ("SELECT no_such FROM conversations", 'column "no_such" does not exist'),
            ("SELECT * FROM no_such", 'relation "no_such" does not exist'),
            ("SELECT 1 / 0", "division by zero"),
        ):
            found = datasets.complaint(sql)
            same((sql, told in found or found), (sql, True))
        # And it goes on after them.
        same(datasets.lab("SELECT 1 AS one")["data"], [{"one": 1}])

    @operation("an error in a chart")
    def _():
        try:
            datasets.chart("conversations", [], [column("SUM(no_such)", "none")])
        except Refused as refused:
            same('column "no_such" does not exist' in str(refused.answer) or str(refused), True)
        except Unexpected as told:
            same('column "no_such" does not exist' in str(told) or str(told), True)
        else:
            raise Unexpected("no error")

    @operation("stop a query in SQL Lab")
    def _():
        stop(api, datasets)


def stop(api, datasets):
    """Runs a statement that would take long on a thread, and stops it as the button does."""
    client = uuid.uuid4().hex[:10]
    ended = []

    def work():
        try:
            ended.append(datasets.lab(ENDLESS, client))
        except Exception as error:  # handed to the caller
            ended.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    time.sleep(5)
    if ended:
        raise Unexpected(f"it ended at once: {ended[0]}")
    began = time.monotonic()
    api.post("/api/v1/query/stop", {"client_id": client})
    thread.join(STOPPED_WITHIN)
    if not ended or time.monotonic() - began > STOPPED_WITHIN:
        raise Unexpected(f"it runs on {STOPPED_WITHIN} s after it was stopped")
    # Superset tells of a failure or of a stop, as its notes of the two happen to come.
    if not isinstance(ended[0], Refused) and ended[0].get("status") != "stopped":
        raise Unexpected(f"it ended with {ended[0]}")


def zones(api, shop):
    """Charts show UTC, in which midnight east of Greenwich is of the day before: docs/clients.md tells what helps."""
    names = ["sales", "orders", "rate"]

    def days(label, options):
        """A chart per day over a connection of its own."""
        datasets = Datasets(api)
        body = {"database_name": f"Rapport, {label}", "sqlalchemy_uri": shop.uri(options=options)}
        datasets.database = api.post("/api/v1/database/", body)["id"]
        # Superset holds its datasets' names to be unique in SQLite, whatever database they are of.
        datasets.create(label, sql="SELECT * FROM daily_metrics")
        found = datasets.chart(label, [axis("date", "P1D")], SALES, filters=[range_of("date")])
        return table(found, ["date"], names)

    def expected(begins):
        """The days, each told by when it begins."""
        rows = shop.ask(
            f"SELECT CAST(date AS text) AS date, {SOLD} FROM daily_metrics "
            f"WHERE date >= '{SINCE}' AND date < '{UNTIL}' GROUP BY 1"
        )
        for row in rows:
            row["date"] = datetime.datetime.fromisoformat(begins(row["date"])).timestamp() * 1000
        return table(rows, ["date"], names)

    @operation("days of a shop east of Greenwich")
    def _():
        agree(days("in the shop's zone", ""), expected(shop.midnight))

    @operation("days of a shop east of Greenwich, in UTC")
    def _():
        options = "?" + urllib.parse.urlencode({"options": "-c timezone=UTC"})
        agree(days("in UTC", options), expected(lambda day: f"{day}T00:00:00+00:00"))
