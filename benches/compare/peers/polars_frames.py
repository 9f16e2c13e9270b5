"""Polars over frames in memory, sorted by account and time: its own storage is the process's."""

import time
from datetime import date, datetime

import polars as pl

from peers.base import TABLES, Peer


def idle(now):
    """The status with the live idle rule (C3, rule 4)."""
    return pl.when(pl.col("idle_at") <= now).then(pl.lit("closed")).otherwise(pl.col("status")).alias("status")


def ranged(frame, parameters, day):
    """The rows of the account and the range."""
    low, high = date.fromisoformat(parameters["from"]), date.fromisoformat(parameters["to"])
    return frame.filter(pl.col(day).is_between(low, high))


LISTED = [
    "account_id", "conversation_id", "profile_id", "channel", "status", "first_question", "procedures", "tags", "messages",
    "link_clicks", "cart_adds", "started_at", "last_updated", "resolved_at", "escalated_at", "escalation_reason",
]  # fmt: skip
ALL = LISTED[:12] + ["started_on"] + LISTED[12:] + ["escalation_category", "escalation_procedure", "reopened"]


class Frames(Peer):
    def version(self):
        return f"Polars {pl.__version__}"

    def open(self):
        self.frames = {}
        for table in TABLES:
            frame = pl.read_parquet(f"{self.setup['base']}/{table}.parquet")
            self.frames[table] = frame.with_columns(pl.col("account_id").set_sorted())
        self.accounts = {}
        # A frame is a slice of the account's rows, which lie beside each other: what a good analyst keeps at hand.
        for table, frame in self.frames.items():
            for (account,), part in frame.partition_by("account_id", as_dict=True, maintain_order=True).items():
                self.accounts.setdefault(account, {})[table] = part

    def ask(self, workload, parameters):
        account = parameters.get("account")
        frames = self.frames if account is None else self.accounts[account]
        lazy = {name: frame.lazy() for name, frame in frames.items()}
        begin = time.perf_counter()
        plan = getattr(self, workload)(lazy, parameters)
        answer = plan.collect()
        return time.perf_counter() - begin, answer

    def rows(self, answer):
        return answer.columns, answer.rows()

    def headline(self, lazy, parameters):
        started = ranged(lazy["conversations"], parameters, "started_on").select(
            conversations=pl.len(), resolved=(pl.col("status") == "resolved").sum()
        )
        mine = pl.col("in_account_currency")
        sold = ranged(lazy["attributed_orders"], parameters, "ordered_on").select(
            sales=pl.col("attributed_value").filter(mine).sum(),
            credits=(1.0 / pl.col("units")).filter(mine).sum(),
            other_currency_orders=pl.col("order_id").filter(~mine).n_unique(),
        )
        happened = ranged(lazy["counted_events"], parameters, "happened_on").select(
            cart_adds=(pl.col("type") == "added_to_cart").sum(), link_clicks=(pl.col("type") == "link_clicked").sum()
        )
        return self.rates(pl.concat([started, sold, happened], how="horizontal"), parameters)

    def headline_rollup(self, lazy, parameters):
        counted = ["conversations", "resolved", "sales", "credits", "cart_adds", "link_clicks"]
        summed = ranged(lazy["daily_metrics"], parameters, "date").select(
            *[pl.col(name).sum() for name in counted],
            other_currency_orders=pl.col("first_other_currency_orders").sum(),
        )
        return self.rates(summed, parameters)

    def rates(self, summed, parameters):
        some = pl.col("conversations") > 0
        sold = pl.col("credits") > 0
        return summed.select(
            pl.lit(parameters["account"]).alias("account_id"),
            "conversations",
            "resolved",
            pl.when(some).then(pl.col("resolved") / pl.col("conversations")).alias("resolved_rate"),
            "sales",
            pl.col("credits").round(9).alias("attributed_orders"),
            pl.when(sold).then(pl.col("sales").cast(pl.Float64) / pl.col("credits")).round(4).alias("avg_order_value"),
            "cart_adds",
            "link_clicks",
            "other_currency_orders",
        )

    def conversations_table(self, lazy, parameters):
        rows = ranged(lazy["conversations"], parameters, "started_on")
        page = rows.sort(["last_updated", "conversation_id"], descending=[True, False]).head(50)
        return page.with_columns(idle(instant(parameters))).select(LISTED)

    def routed_page(self, lazy, parameters):
        routed = lazy["conversations"].filter(pl.col("status") == "routed")
        page = routed.top_k(50, by="last_updated").sort("last_updated", descending=True)
        return page.with_columns(idle(instant(parameters))).select(ALL)

    def performance(self, lazy, parameters):
        rows = ranged(lazy["conversations"], parameters, "started_on")
        each = rows.select("procedures", "status", "escalated_at", "escalation_procedure").with_columns(total=pl.len())
        each = each.explode("procedures", empty_as_null=True).rename({"procedures": "procedure"})
        named = pl.col("procedure").is_null() | (pl.col("procedure") == pl.col("escalation_procedure")).fill_null(False)
        return each.group_by("procedure").agg(
            conversations=pl.len(),
            share=pl.len() / pl.col("total").first(),
            resolved=(pl.col("status") == "resolved").sum(),
            resolution_rate=(pl.col("status") == "resolved").mean(),
            escalated=(pl.col("escalated_at").is_not_null() & named).sum(),
            escalation_rate=(pl.col("escalated_at").is_not_null() & named).mean(),
        )

    def procedures(self, lazy, parameters):
        return (
            self.performance(lazy, parameters)
            .select(pl.lit(parameters["account"]).alias("account_id"), pl.all())
            .sort(["conversations", "procedure"], descending=[True, False], nulls_last=True)
        )

    def opportunities(self, lazy, parameters):
        conversations, share = pl.col("conversations"), pl.col("share")
        rows = self.performance(lazy, parameters).filter(pl.col("procedure").is_not_null())
        found = [
            finding(rows, "low_resolution", "procedure", pl.col("resolution_rate"), 0.5,
                    (conversations >= 10) & (share >= 0.1) & (pl.col("resolution_rate") < 0.5)),
            finding(rows, "rarely_picked", "procedure", share, 0.01, (share < 0.01) & (conversations / share >= 199.5)),
            finding(rows, "escalating_often", "procedure", pl.col("escalation_rate"), 0.3,
                    (conversations >= 10) & (pl.col("escalation_rate") >= 0.3)),
        ]  # fmt: skip
        sums = ranged(lazy["daily_metrics"], parameters, "date").group_by("channel").agg(
            pl.col("conversations").sum(), clicks=pl.col("link_clicks").sum(), orders=pl.col("credits").sum()
        ).filter(conversations >= 50)  # fmt: skip
        for name, of, least in (("low_link_clicks", "clicks", 0.05), ("low_sales", "orders", 0.01)):
            rate = pl.col(of) / conversations
            found.append(finding(sums, name, "channel", rate, least, rate < least))
        account = pl.lit(parameters["account"]).alias("account_id")
        order = ["conversations", "opportunity", "procedure", "channel"]
        return pl.concat(found).select(account, pl.all()).sort(order, descending=[True, False, False, False])

    def grouped(self, lazy, parameters):
        closed = (pl.col("status") == "closed") | (pl.col("idle_at") <= instant(parameters)).fill_null(False)
        return lazy["conversations"].group_by("account_id", "started_on", "channel").agg(
            conversations=pl.len(),
            resolved=(pl.col("status") == "resolved").sum(),
            closed=closed.sum(),
            messages=pl.col("messages").sum(),
        )  # fmt: skip

    def daily_all(self, lazy, parameters):
        key = ["account_id", "date", "channel"]
        idle = lazy["conversations"].filter(pl.col("idle_at") <= instant(parameters))
        idle = idle.group_by("account_id", pl.col("started_on").alias("date"), "channel").agg(idle=pl.len().cast(pl.Int64))
        became = pl.col("idle").fill_null(0)
        return lazy["daily_metrics"].join(idle, on=key, how="left").select(
            *key, "conversations", "resolved", "routed",
            pl.col("closed") + became,
            pl.col("open") - became,
            "link_clicks", "cart_adds",
            pl.col("credits").round(9).alias("attributed_orders"),
            "sales", "other_currency_orders",
        )  # fmt: skip


def instant(parameters):
    return datetime.fromisoformat(parameters["now"])


def finding(rows, name, of, measured, threshold, where):
    """The rows of `opportunities` of one kind."""
    columns = [pl.col(of) if column == of else pl.lit(None, pl.String).alias(column) for column in ("procedure", "channel")]
    return rows.filter(where).select(
        pl.lit(name).alias("opportunity"),
        *columns,
        pl.col("conversations").cast(pl.Int64),
        measured.cast(pl.Float64).alias("measured"),
        pl.lit(threshold).alias("threshold"),
    )
