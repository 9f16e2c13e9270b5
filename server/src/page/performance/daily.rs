//! The card of the days: conversations by status and sales per day, as bars and as a table.

use askama::Template;
use chrono::{Datelike, NaiveDate, Weekday};

use super::Days;
use super::chart::{coordinate, stacked};
use super::scale::Scale;
use super::totals::Statuses;
use crate::page::filter::STATUSES;
use crate::page::numbers::{self, Currency, Money, count, credits, length};
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Top and height of the bars of conversations, in pixels.
const CONVERSATIONS: (f64, f64) = (30.0, 230.0);
/// Top and height of the bars of sales, in pixels.
const SALES: (f64, f64) = (308.0, 96.0);
/// How many days are labelled by Mondays; longer ranges are labelled by months.
const MONTHS_OVER: usize = 45;

/// Holds the headline metrics of a day: a row of `daily_series`.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// The day.
    pub date: NaiveDate,
    /// Conversations resolved by AI.
    pub resolved: i64,
    /// Their share of all conversations; none if there were none.
    pub rate: Option<f64>,
    /// Attributed sales.
    pub sales: Money,
    /// The sum of the attributed orders' credits.
    pub orders: f64,
    /// Average order value; none without orders.
    pub average: Option<Money>,
    /// Add-to-cart events.
    pub carts: i64,
    /// Counted link clicks (SPEC C9).
    pub clicks: i64,
}

/// Holds every day of a range.
#[derive(Debug)]
pub struct Series {
    /// The days, in their order.
    pub days: Vec<Day>,
}

/// Reads the headline metrics of every day.
pub async fn series(visit: &Visit, days: Days) -> Result<Series, PgError> {
    let sql = days.call("daily_series", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let days = rows.iter().map(|row| {
        Ok(Day {
            date: row.date("date")?.unwrap_or_default(),
            resolved: row.count("resolved_by_ai")?,
            rate: row.float("resolved_rate")?,
            sales: row.money("ai_generated_sales")?.unwrap_or_default(),
            orders: row.float("attributed_orders")?.unwrap_or_default(),
            average: row.money("avg_order_value")?,
            carts: row.count("add_to_carts")?,
            clicks: row.count("link_clicks")?,
        })
    });
    Ok(Series {
        days: days.collect::<Result<_, PgError>>()?,
    })
}

/// Reads the conversations of every day by status.
pub async fn statuses(visit: &Visit, days: Days) -> Result<Vec<Statuses>, PgError> {
    let sql = days.call("daily_statuses", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    rows.iter().map(Statuses::read).collect()
}

struct Tick {
    y: String,
    text_y: String,
    text: String,
    base: bool,
}

struct Hover {
    x: String,
    words: String,
    money: String,
}

struct TableRow {
    day: String,
    counts: [String; 5],
    sales: String,
    exact: String,
}

struct Soft {
    x: String,
    width: String,
    words: String,
}

/// Represents the card.
#[derive(Template)]
#[template(path = "performance/daily.html")]
pub struct Daily {
    key: Vec<(&'static str, &'static str, String)>,
    summary: String,
    count: usize,
    width: String,
    soft: Option<Soft>,
    ticks: Vec<Tick>,
    bars: Vec<(&'static str, String)>,
    sales_bars: String,
    labels: Vec<(String, String)>,
    hovers: Vec<Hover>,
    rows: Vec<TableRow>,
}

/// Makes the card. Days from `changes_from` on are shaded, because their sales may still change.
pub fn make(
    visit: &Visit,
    days: Days,
    series: &Series,
    statuses: &[Statuses],
    key: Option<&Statuses>,
    sales: Option<Money>,
    changes_from: Option<NaiveDate>,
) -> Daily {
    let currency = &visit.shop.currency;
    let count_of = series.days.len();
    let place = |index: usize| length(index as f64 / count_of.max(1) as f64);
    let most = statuses.iter().map(|day| day.all).max().unwrap_or_default();
    let greatest = series
        .days
        .iter()
        .map(|day| day.sales.approximate())
        .fold(0.0, f64::max);
    let (counts, money) = (Scale::of(most as f64, true), Scale::of(greatest, false));
    let mut ticks = axis_ticks(&counts, CONVERSATIONS, numbers::short);
    ticks.extend(axis_ticks(&money, SALES, |value| currency.axis(value)));
    let values = |of: fn(&Statuses) -> i64| -> Vec<f64> {
        statuses.iter().map(|day| of(day) as f64).collect()
    };
    let parts = [
        values(|day| day.resolved),
        values(|day| day.routed),
        values(|day| day.closed),
        values(|day| day.open),
    ];
    let names = ["resolved", "routed", "closed", "open"];
    let bars = stacked(&parts, CONVERSATIONS.1, counts.top);
    let heights: Vec<f64> = series
        .days
        .iter()
        .map(|day| day.sales.approximate().max(0.0))
        .collect();
    let sales_bars = stacked(&[heights], SALES.1, money.top)
        .pop()
        .unwrap_or_default();
    let both = || series.days.iter().zip(statuses);
    let hovers = both().enumerate().map(|(index, (day, by))| Hover {
        x: place(index),
        words: format!(
            "{}: {} resolved, {} routed, {} closed, {} open",
            numbers::weekday(day.date),
            count(by.resolved),
            count(by.routed),
            count(by.closed),
            count(by.open)
        ),
        money: format!(
            "{} from {} orders",
            currency.cents(day.sales),
            credits(day.orders)
        ),
    });
    let rows = both().rev().map(|(day, by)| TableRow {
        day: numbers::weekday(day.date),
        counts: [by.all, by.resolved, by.routed, by.closed, by.open].map(count),
        sales: currency.cents(day.sales),
        exact: day.sales.exact(),
    });
    let mut shown: Vec<(&str, &str, String)> = Vec::new();
    if let Some(key) = key {
        let counts = STATUSES.map(|(status, name)| (status, name, count(key.of(status))));
        shown.extend(counts);
    }
    if let Some(sales) = sales {
        shown.push(("sales", "Sales", currency.headline(sales)));
    }
    Daily {
        key: shown,
        summary: summary(series, statuses, currency),
        count: count_of,
        width: place(1),
        soft: changes_from.and_then(|first| soft(days, first, count_of)),
        ticks,
        bars: names.into_iter().zip(bars).collect(),
        sales_bars,
        labels: labels(series),
        hovers: hovers.collect(),
        rows: rows.collect(),
    }
}

/// Places the ticks of a scale that is drawn from `top` down over `height` pixels.
fn axis_ticks(
    scale: &Scale,
    (top, height): (f64, f64),
    write: impl Fn(f64) -> String,
) -> Vec<Tick> {
    let ticks = scale.ticks.iter().map(|tick| {
        let y = top + height - tick / scale.top * height;
        Tick {
            y: coordinate(y),
            text_y: coordinate(y + 4.0),
            text: write(*tick),
            base: *tick == 0.0,
        }
    });
    ticks.collect()
}

/// Labels Mondays, or the first days of months if the range is long.
fn labels(series: &Series) -> Vec<(String, String)> {
    let days = &series.days;
    let middle = |index: usize| length((index as f64 + 0.5) / days.len().max(1) as f64);
    let by_month = days.len() > MONTHS_OVER;
    let step = match days.len() {
        0..=400 => 1,
        _ => 3,
    };
    let labelled = days.iter().enumerate().filter(|(_, day)| match by_month {
        true => day.date.day() == 1 && day.date.month0() % step == 0,
        false => days.len() <= 8 || day.date.weekday() == Weekday::Mon,
    });
    let named = labelled.map(|(index, day)| {
        let name = match by_month {
            true if day.date.month() == 1 => day.date.format("%b %Y").to_string(),
            true => day.date.format("%b").to_string(),
            false => numbers::day(day.date),
        };
        (middle(index), name)
    });
    named.collect()
}

/// Shades the days that may still change.
fn soft(days: Days, first: NaiveDate, count: usize) -> Option<Soft> {
    let from = first.max(days.from);
    if from > days.to || count == 0 {
        return None;
    }
    let index = (from - days.from).num_days() as f64 / count as f64;
    let soft = (days.to - from).num_days() + 1;
    let words = match soft {
        1 => "the last day may still change".to_owned(),
        some if some as usize == count => "these days may still change".to_owned(),
        some => format!("last {some} days may still change"),
    };
    Some(Soft {
        x: length(index),
        width: length(1.0 - index),
        words,
    })
}

/// Says in a sentence what the bars show, for people who cannot see them.
fn summary(series: &Series, statuses: &[Statuses], currency: &Currency) -> String {
    let by_count = || series.days.iter().zip(statuses);
    let least = by_count().min_by_key(|(_, by)| by.all);
    let most = by_count().max_by_key(|(_, by)| by.all);
    let dear = series.days.iter().max_by_key(|day| day.sales);
    let cheap = series.days.iter().min_by_key(|day| day.sales);
    let (Some(least), Some(most), Some(dear), Some(cheap)) = (least, most, dear, cheap) else {
        return "No days.".to_owned();
    };
    let on = |day: &Day| day.date.format("%-d %B").to_string();
    format!(
        "Conversations a day by status: from {} on {} to {} on {}. Sales a day: from {} on {} to {} on {}. \
        The table below has every value.",
        count(least.1.all),
        on(least.0),
        count(most.1.all),
        on(most.0),
        currency.headline(cheap.sales),
        on(cheap),
        currency.headline(dear.sales),
        on(dear),
    )
}
