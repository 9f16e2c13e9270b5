//! `/performance`: the view with a shop's metrics.
//!
//! The queries of its parts run concurrently. A part that fails says so in its own card; the other parts are shown.

mod chart;
mod conversations;
mod daily;
mod empty;
mod escalations;
mod export;
mod filters;
mod freshness;
mod lenses;
mod opportunities;
mod procedures;
mod scale;
mod totals;

use askama::Template;
use axum::response::Response;
use chrono::NaiveDate;

use super::call::Call;
use super::chrome::{Chrome, render};
use super::error::{PageError, Part};
use super::filter::Filter;
use super::numbers;
use super::visit::Visit;
pub use export::Export;
pub use filters::Filters;

/// The view's path.
pub const PATH: &str = "/performance";

/// Represents the range of days of a view.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The first day.
    pub from: NaiveDate,
    /// The last, itself included (SPEC T3).
    pub to: NaiveDate,
}

impl Days {
    /// Returns the days of a visit.
    pub fn of(visit: &Visit) -> Days {
        let (from, to) = visit.filter.range.days(visit.shop.today);
        Days { from, to }
    }

    /// Returns the number of days.
    pub fn count(self) -> i64 {
        (self.to - self.from).num_days() + 1
    }

    /// Returns the range of as many days just before.
    pub fn before(self) -> Days {
        Days {
            from: numbers::days_before(self.from, self.count()),
            to: numbers::days_before(self.from, 1),
        }
    }

    /// Calls a saved query for these days and the channels of a filter.
    pub fn call(self, query: &'static str, filter: &Filter) -> Call {
        Call::of(query)
            .with("from", self.from)
            .with("to", self.to)
            .with_some("channel", filter.channel())
    }
}

/// Represents a table's column head, which sorts by the column.
struct SortHead {
    name: &'static str,
    href: String,
    on: bool,
    ascending: bool,
}

#[derive(Template)]
#[template(path = "performance/page.html")]
struct Page {
    chrome: Chrome,
    filters: Filters,
    freshness: Part<freshness::Freshness>,
    export: Export,
    body: Body,
}

enum Body {
    /// No event of the account has landed yet.
    NoEvents(empty::NoEvents),
    /// The metrics.
    Numbers(Box<Numbers>),
}

struct Numbers {
    lenses: Part<lenses::Lenses>,
    /// What is shown in place of the other parts if the range has no conversations.
    nothing: Option<empty::NothingInRange>,
    daily: Part<daily::Daily>,
    opportunities: Part<opportunities::Opportunities>,
    procedures: Part<procedures::Procedures>,
    escalations: Part<escalations::Escalations>,
    conversations: Part<conversations::Conversations>,
}

/// Answers `GET /performance`.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let days = Days::of(&visit);
    let (
        freshness,
        channels,
        statuses,
        headline,
        series,
        daily,
        opportunities,
        procedures,
        escalations,
        rows,
        tags,
    ) = tokio::join!(
        freshness::ask(&visit),
        totals::channels(&visit, days),
        totals::statuses(&visit, days),
        lenses::ask(&visit, days),
        daily::series(&visit, days),
        daily::statuses(&visit, days),
        opportunities::ask(&visit, days),
        procedures::ask(&visit, days),
        escalations::ask(&visit, days),
        conversations::ask(&visit, days),
        conversations::tags(&visit, days),
    );
    let chrome = Chrome::of(&visit, "Performance", "performance", PATH);
    let filters = Filters::of(&visit, PATH, channels.as_deref().ok());
    let export = Export::of(
        &visit,
        "export",
        "The headline, as filtered",
        "headline_metrics",
        &Export::common_parameters(&visit),
    );
    let changes_from = freshness.as_ref().ok().and_then(|fresh| fresh.changes_from);
    let lenses = match headline {
        Ok(headline) => lenses::make(&visit, &headline, series.as_ref().ok()).await,
        Err(error) => Err(error),
    };
    let no_events = lenses.as_ref().is_ok_and(|lenses| lenses.no_events);
    let rate = lenses.as_ref().ok().and_then(|lenses| lenses.rate);
    let sales = lenses.as_ref().ok().map(|lenses| lenses.sales);
    let body = if no_events {
        Body::NoEvents(empty::NoEvents::of(&visit))
    } else {
        let nothing = match &statuses {
            Ok(statuses) if statuses.all == 0 && !visit.filter.is_narrowed() => {
                Some(empty::nothing_in_range(&visit, days).await?)
            }
            _ => None,
        };
        let marks = opportunities.as_ref().ok();
        let marks = marks.map(|found| found.marks.clone()).unwrap_or_default();
        let procedures = procedures.map(|rows| procedures::make(&visit, rows, &marks, rate));
        let names = procedures
            .as_ref()
            .map(|table| table.names())
            .unwrap_or_default();
        let daily = match (series, daily) {
            (Ok(series), Ok(daily)) => Ok(daily::make(
                &visit,
                days,
                &series,
                &daily,
                statuses.as_ref().ok(),
                sales,
                changes_from,
            )),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        Body::Numbers(Box::new(Numbers {
            lenses: lenses.into(),
            nothing,
            daily: daily.into(),
            opportunities: opportunities.into(),
            procedures: procedures.into(),
            escalations: escalations.into(),
            conversations: rows
                .and_then(|rows| {
                    conversations::make(
                        &visit,
                        rows,
                        statuses.ok(),
                        names,
                        tags.unwrap_or_default(),
                    )
                })
                .into(),
        }))
    };
    let page = Page {
        chrome,
        filters,
        freshness: freshness.into(),
        export,
        body,
    };
    let html = render(&page)?;
    Ok(page.chrome.answer(html))
}
