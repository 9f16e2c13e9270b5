//! `/sales`: sums of the attributed orders by currency, gross and net, and the list of these orders.

mod order;

use askama::Template;
use axum::response::Response;

pub use order::show as show_order;

use super::chrome::{Chrome, clip, render};
use super::error::{PageError, Part};
use super::filter::channel_name;
use super::links;
use super::numbers::{Currency, Money, credits, duration, short_percent};
use super::orders::class_name;
use super::paging::List;
use super::performance::{Days, Export, Filters};
use super::rows::{Row, Rows};
use super::visit::Visit;
use crate::pg::PgError;

/// The view's path.
const PATH: &str = "/sales";
const LIST: List = List {
    path: PATH,
    id: "row_id",
};

#[derive(Template)]
#[template(path = "sales/page.html")]
struct Page {
    chrome: Chrome,
    filters: Filters,
    totals: Part<Totals>,
    orders: Part<Orders>,
    export: Export,
    export_totals: Export,
}

/// Holds the sums in the account's currency and in others.
struct Totals {
    own: Option<Total>,
    others: Vec<Total>,
}

struct Total {
    code: String,
    gross: (String, String),
    net: (String, String),
    refunded: String,
    orders: String,
}

struct Orders {
    rows: Vec<TableRow>,
    newer: Option<String>,
    older: Option<String>,
}

struct TableRow {
    id: String,
    href: String,
    question: Option<String>,
    conversation: String,
    channel: String,
    class: String,
    between: String,
    credit: String,
    gross: (String, String),
    net: (String, String),
    foreign: bool,
    time: String,
    machine: String,
}

/// Answers `GET /sales`.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let days = Days::of(&visit);
    let (totals, rows) = tokio::join!(totals(&visit, days), ask(&visit, days));
    let orders = rows.and_then(|rows| make(&visit, rows));
    let chrome = Chrome::of(&visit, "Sales", "sales", PATH);
    let parameters = Export::common_parameters(&visit);
    let page = Page {
        filters: Filters::of(&visit, PATH, None),
        totals: totals.into(),
        orders: orders.into(),
        export: Export::of(
            &visit,
            "export",
            "All credited orders, as filtered",
            "sales_page",
            &parameters,
        ),
        export_totals: Export::of(
            &visit,
            "export-sums",
            "Sums by currency, as filtered",
            "sales_summary",
            &parameters,
        ),
        chrome,
    };
    let html = render(&page)?;
    Ok(page.chrome.answer(html))
}

async fn totals(visit: &Visit, days: Days) -> Result<Totals, PgError> {
    let sql = days.call("sales_summary", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let (mut own, mut others) = (None, Vec::new());
    for row in rows.iter() {
        let code = row.word("currency")?;
        let currency = Currency::of(code);
        let amount = |name| Ok::<_, PgError>(row.money(name)?.unwrap_or_default());
        let (gross, net) = (amount("sales")?, amount("net_sales")?);
        let both = |amount: Money| (amount.exact(), currency.cents(amount));
        let total = Total {
            code: code.to_owned(),
            gross: both(gross),
            net: both(net),
            refunded: currency.cents(Money(gross.0 - net.0)),
            orders: credits(row.float("attributed_orders")?.unwrap_or_default()),
        };
        if row.flag("in_account_currency")? {
            own = Some(total);
        } else {
            others.push(total);
        }
    }
    Ok(Totals { own, others })
}

async fn ask(visit: &Visit, days: Days) -> Result<Rows, PgError> {
    LIST.ask(visit, days.call("sales_page", &visit.filter), false)
        .await
}

fn make(visit: &Visit, rows: Rows) -> Result<Orders, PgError> {
    let page = LIST.page(&visit.filter, &rows)?;
    let rows = page.rows.iter().map(|row| table_row(visit, *row));
    Ok(Orders {
        rows: rows.collect::<Result<_, _>>()?,
        newer: page.newer,
        older: page.older,
    })
}

fn table_row(visit: &Visit, row: Row<'_>) -> Result<TableRow, PgError> {
    let shop = &visit.shop;
    let currency = Currency::of(row.word("currency")?);
    let amount = |name| Ok::<_, PgError>(row.money(name)?.unwrap_or_default());
    let both = |amount: Money| (amount.exact(), currency.cents(amount));
    let at = row.instant("ordered_at")?.map(|at| shop.local(at));
    let id = row.word("order_id")?;
    Ok(TableRow {
        href: links::order(visit, id),
        id: clip(id),
        question: row.text("first_question")?.map(clip),
        conversation: links::conversation(visit, row.word("conversation_id")?),
        channel: channel_name(row.word("channel")?).to_owned(),
        class: class_name(row.word("touch_class")?),
        between: duration(row.count("seconds_to_order")?),
        credit: short_percent(row.float("credit")?.unwrap_or_default()),
        gross: both(amount("attributed_value")?),
        net: both(amount("net_value")?),
        foreign: !row.flag("in_account_currency")?,
        time: at.map(|at| at.minute(shop.today)).unwrap_or_default(),
        machine: at.map(|at| at.machine()).unwrap_or_default(),
    })
}
