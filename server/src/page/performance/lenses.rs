//! The six headline metrics in their two lenses, each with its change, its daily values and its definition.
//!
//! The values of the range and of the range before come from `headline_comparison`, the daily values from `daily_series`.
//! Only the change between them is computed here: as a percentage of the earlier value, or in points for a rate.

use askama::Template;

use super::Days;
use super::chart::Spark;
use super::daily::Series;
use crate::page::call::Call;
use crate::page::numbers::{Currency, Money, count, credits, percent, trimmed};
use crate::page::rows::{Row, Rows};
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Represents a metric's value.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Count(i64),
    Rate(f64),
    Sum(Money),
    Average(Money),
}

impl Value {
    fn exact(&self) -> String {
        match self {
            Value::Count(value) => value.to_string(),
            Value::Rate(value) => value.to_string(),
            Value::Sum(value) | Value::Average(value) => value.exact(),
        }
    }

    fn shown(&self, currency: &Currency) -> String {
        match self {
            Value::Count(value) => count(*value),
            Value::Rate(value) => percent(*value),
            Value::Sum(value) => currency.headline(*value),
            Value::Average(value) => currency.cents(*value),
        }
    }

    /// Converts to a float, to compare with another value of the same kind.
    fn approximate(&self) -> f64 {
        match self {
            Value::Count(value) => *value as f64,
            Value::Rate(value) => *value,
            Value::Sum(value) | Value::Average(value) => value.approximate(),
        }
    }
}

/// Represents the change of a value from that of the range before.
#[derive(Debug, PartialEq)]
struct Change {
    /// The CSS class: `up`, `down` or empty.
    class: &'static str,
    /// The change, such as `+14.5%`; empty if it cannot be computed.
    text: String,
    /// The earlier value, such as `from 843`.
    from: String,
}

impl Change {
    fn of(now: Option<&Value>, before: Option<&Value>, currency: &Currency) -> Change {
        let plain = |from: String| Change {
            class: "",
            text: String::new(),
            from,
        };
        match (now, before) {
            (_, None) => plain("no value before".to_owned()),
            (None, Some(before)) => plain(format!("was {}", before.shown(currency))),
            (Some(now), Some(before)) => {
                let from = format!("from {}", before.shown(currency));
                let (size, unit) = match now {
                    Value::Rate(_) => ((now.approximate() - before.approximate()) * 100.0, " pt"),
                    _ if before.approximate() == 0.0 => return plain(from),
                    _ => (
                        (now.approximate() / before.approximate() - 1.0) * 100.0,
                        "%",
                    ),
                };
                let tenths = (size * 10.0).round() / 10.0;
                let (class, text) = match tenths {
                    0.0 => ("", format!("0{unit}")),
                    up if up > 0.0 => ("up", format!("+{}{unit}", change_text(up))),
                    down => ("down", format!("−{}{unit}", change_text(-down))),
                };
                Change { class, text, from }
            }
        }
    }
}

/// Writes a change with one decimal unless it is 0 or the change is large: `14.5`, `100`, `1,250`.
fn change_text(value: f64) -> String {
    match value >= 1_000.0 {
        true => count(value.round() as i64),
        false => trimmed(value, 1),
    }
}

/// Represents a metric of a lens.
struct Metric {
    id: &'static str,
    title: &'static str,
    exact: String,
    shown: Option<String>,
    /// What is shown in place of the value if such events never landed.
    never: Option<&'static str>,
    change: Change,
    spark: Option<Spark>,
    definition: String,
    evidence: String,
    link: Option<(String, &'static str)>,
}

/// Holds both lenses.
#[derive(Template)]
#[template(path = "performance/lenses.html")]
pub struct Lenses {
    resolution: Vec<Metric>,
    revenue: Vec<Metric>,
    /// Whether no event of the account has ever landed.
    pub no_events: bool,
    /// The resolution rate of all conversations of the range.
    pub rate: Option<f64>,
    /// The attributed sales of the range.
    pub sales: Money,
}

/// Holds the columns of `headline_comparison` for one range.
#[derive(Debug)]
struct Headline {
    conversations: i64,
    resolved: i64,
    rate: Option<f64>,
    sales: Money,
    orders: f64,
    average: Option<Money>,
    carts: i64,
    clicks: i64,
    others: i64,
}

impl Headline {
    fn read(row: Row<'_>, prefix: &str) -> Result<Headline, PgError> {
        let name = |column: &str| format!("{prefix}{column}");
        Ok(Headline {
            conversations: row.count(&name("conversations"))?,
            resolved: row.count(&name("resolved_by_ai"))?,
            rate: row.float(&name("resolved_rate"))?,
            sales: row.money(&name("ai_generated_sales"))?.unwrap_or_default(),
            orders: row.float(&name("attributed_orders"))?.unwrap_or_default(),
            average: row.money(&name("avg_order_value"))?,
            carts: row.count(&name("add_to_carts"))?,
            clicks: row.count(&name("link_clicks"))?,
            others: row.count(&name("other_currency_orders"))?,
        })
    }
}

/// Reads the headline metrics of the days and of as many days before.
pub async fn ask(visit: &Visit, days: Days) -> Result<Rows, PgError> {
    let sql = days.call("headline_comparison", &visit.filter).sql();
    Rows::ask(&visit.inquiry, &sql).await
}

/// Says which kinds of event of the account have ever landed.
struct Sent {
    anything: bool,
    orders: bool,
    clicks: bool,
    carts: bool,
}

impl Sent {
    /// Derives it from the metrics, and reads the query `coverage` only if one of them is zero.
    async fn ask(visit: &Visit, now: &Headline, before: &Headline) -> Result<Sent, PgError> {
        let some = |value: fn(&Headline) -> bool| value(now) || value(before);
        let mut sent = Sent {
            anything: some(|h| h.conversations > 0),
            orders: some(|h| h.orders > 0.0 || h.others > 0),
            clicks: some(|h| h.clicks > 0),
            carts: some(|h| h.carts > 0),
        };
        if sent.anything && sent.orders && sent.clicks && sent.carts {
            return Ok(sent);
        }
        let rows = Rows::ask(&visit.inquiry, &Call::of("coverage").sql()).await?;
        for row in rows.iter() {
            sent.anything = true;
            match row.word("type")? {
                "order_placed" => sent.orders = true,
                "link_clicked" => sent.clicks = true,
                "added_to_cart" => sent.carts = true,
                _ => {}
            }
        }
        Ok(sent)
    }
}

/// Makes both lenses.
pub async fn make(visit: &Visit, rows: &Rows, series: Option<&Series>) -> Result<Lenses, PgError> {
    let Some(row) = rows.first() else {
        return Ok(Lenses {
            resolution: Vec::new(),
            revenue: Vec::new(),
            no_events: true,
            rate: None,
            sales: Money(0),
        });
    };
    let now = Headline::read(row, "")?;
    let before = Headline::read(row, "previous_")?;
    let sent = Sent::ask(visit, &now, &before).await?;
    let currency = &visit.shop.currency;
    let metric = |id, title, value: fn(&Headline) -> Option<Value>, never: Option<&'static str>| {
        let (shown, earlier) = (value(&now), value(&before));
        Metric {
            id,
            title,
            exact: shown.as_ref().map(Value::exact).unwrap_or_default(),
            shown: shown.as_ref().map(|shown| shown.shown(currency)),
            never,
            change: Change::of(shown.as_ref(), earlier.as_ref(), currency),
            spark: None,
            definition: String::new(),
            evidence: String::new(),
            link: None,
        }
    };
    let spark = |values: fn(&super::daily::Day) -> Option<f64>, top: Option<f64>| {
        let series = series?;
        let values: Vec<Option<f64>> = series.days.iter().map(values).collect();
        Spark::of(&values, top)
    };
    let (sum, orders) = (currency.cents(now.sales), credits(now.orders));
    let others = match now.others {
        0 => String::new(),
        1 => " 1 more order in another currency is not in the sum.".to_owned(),
        more => format!(
            " {} more orders in other currencies are not in the sum.",
            count(more)
        ),
    };
    let code = currency.code();
    let bots = if visit.shop.excludes_bots {
        "Clicks by bots are left out."
    } else {
        "Clicks by bots count too, as this account's settings say."
    };
    let never = |sent: bool, words: &'static str| (!sent).then_some(words);
    let resolution = vec![
        Metric {
            spark: spark(|day| Some(day.resolved as f64), None),
            definition: "Conversations that ended Resolved: nobody escalated them and no person wrote in them. \
                They count on the day they started."
                .to_owned(),
            evidence: format!("{} of {} conversations.", count(now.resolved), count(now.conversations)),
            ..metric("def-1", "Total resolved by AI", |h| Some(Value::Count(h.resolved)), None)
        },
        Metric {
            spark: spark(|day| day.rate, Some(1.0)),
            definition: "Total resolved by AI as a share of all conversations of the range, the open and closed ones \
                included. They count on the day they started."
                .to_owned(),
            evidence: match now.rate {
                Some(rate) => format!(
                    "{} of {} = {:.2}%.",
                    count(now.resolved),
                    count(now.conversations),
                    rate * 100.0
                ),
                None => "There were no conversations.".to_owned(),
            },
            ..metric("def-2", "% resolved by AI", |h| h.rate.map(Value::Rate), None)
        },
    ];
    let revenue = vec![
        Metric {
            spark: spark(|day| Some(day.sales.approximate()), None),
            definition: format!(
                "Orders credited to the agent, before refunds, in {code}, on the day of the order. A web chat message \
                counts for 24 hours; email, SMS and WhatsApp touches follow the account’s windows."
            ),
            evidence: format!("{sum} from {orders} orders.{others}"),
            link: Some((visit.filter.common().url("/sales"), "See the orders")),
            ..metric(
                "def-3",
                "AI-generated sales",
                |h| Some(Value::Sum(h.sales)),
                never(sent.orders, "No orders received yet"),
            )
        },
        Metric {
            spark: spark(|day| Some(day.carts as f64), None),
            definition: "Products put in a cart from a conversation, on the day it happened."
                .to_owned(),
            evidence: format!("{} events, however many units.", count(now.carts)),
            ..metric(
                "def-4",
                "Add to carts",
                |h| Some(Value::Count(h.carts)),
                never(sent.carts, "No cart events received yet"),
            )
        },
        Metric {
            spark: spark(|day| Some(day.clicks as f64), None),
            definition: format!(
                "Clicks on links that the agent shared, on the day of the click. {bots}"
            ),
            evidence: format!("{} clicks.", count(now.clicks)),
            ..metric(
                "def-5",
                "Link clicks",
                |h| Some(Value::Count(h.clicks)),
                never(sent.clicks, "No clicks received yet"),
            )
        },
        Metric {
            spark: spark(|day| day.average.map(Money::approximate), None),
            definition:
                "AI-generated sales divided by the credited orders, on the day of the order."
                    .to_owned(),
            evidence: match now.average {
                Some(average) => format!("{sum} ÷ {orders} = {}.", average.exact()),
                None => "There were no credited orders.".to_owned(),
            },
            ..metric(
                "def-6",
                "Avg order value",
                |h| h.average.map(Value::Average),
                never(sent.orders, "No orders received yet"),
            )
        },
    ];
    Ok(Lenses {
        resolution,
        revenue,
        no_events: !sent.anything,
        rate: now.rate,
        sales: now.sales,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_as_the_design_says() {
        let usd = Currency::of("USD");
        let change = |now: Option<Value>, before: Option<Value>| {
            let change = Change::of(now.as_ref(), before.as_ref(), &usd);
            format!("{} {} {}", change.class, change.text, change.from)
        };
        use Value::{Count, Rate, Sum};
        let cases = [
            (Some(Count(965)), Some(Count(843)), "up +14.5% from 843"),
            (
                Some(Rate(0.645)),
                Some(Rate(0.632)),
                "up +1.3 pt from 63.2%",
            ),
            (Some(Count(0)), Some(Count(5)), "down −100% from 5"),
            (Some(Count(5)), Some(Count(5)), " 0% from 5"),
            (Some(Count(5)), Some(Count(0)), "  from 0"),
            (None, Some(Rate(0.625)), "  was 62.5%"),
            (Some(Rate(0.5)), None, "  no value before"),
            (None, None, "  no value before"),
            (
                Some(Sum(Money(1_236_888_200))),
                Some(Sum(Money(892_120_000))),
                "up +38.6% from $89,212",
            ),
            (Some(Count(2_000)), Some(Count(1)), "up +199,900% from 1"),
        ];
        for (now, before, words) in cases {
            assert_eq!(change(now, before), words);
        }
    }
}
