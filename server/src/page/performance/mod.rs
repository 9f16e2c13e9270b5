//! `/performance`: the view that a shop's manager opens each morning.
//!
//! Its parts ask side by side. One that fails is told in its own card, and the rest of the page is right.

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

use super::chrome::{Chrome, render};
use super::error::{PageError, Part};
use super::filter::Filter;
use super::numbers;
use super::question::Call;
use super::visit::Visit;
pub use conversations::conversation_path;
pub use export::Export;
pub use filters::Filters;

/// Where this view is.
pub const PATH: &str = "/performance";

/// The days that a view compares.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The first day.
    pub from: NaiveDate,
    /// The last, itself included (SPEC T3).
    pub to: NaiveDate,
}

impl Days {
    /// Finds the days of a visit.
    pub fn of(visit: &Visit) -> Days {
        let (from, to) = visit.filter.range.days(visit.shop.today);
        Days { from, to }
    }

    /// Counts them.
    pub fn count(self) -> i64 {
        (self.to - self.from).num_days() + 1
    }

    /// Finds as many days just before.
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
    /// The account has sent nothing yet.
    NoEvents(empty::NoEvents),
    /// It has.
    Numbers(Box<Numbers>),
}

struct Numbers {
    lenses: Part<lenses::Lenses>,
    /// In place of the rest where nothing happened in these days.
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
        &Export::frame(&visit),
    );
    let changes_from = freshness.as_ref().ok().and_then(|fresh| fresh.changes_from);
    let lenses = match headline {
        Ok(headline) => lenses::make(&visit, &headline, series.as_ref().ok()).await,
        Err(error) => Err(error),
    };
    let nothing_yet = lenses.as_ref().is_ok_and(|lenses| lenses.nothing_ever);
    let rate = lenses.as_ref().ok().and_then(|lenses| lenses.rate);
    let sales = lenses.as_ref().ok().map(|lenses| lenses.sales);
    let body = if nothing_yet {
        Body::NoEvents(empty::NoEvents::of(&visit))
    } else {
        let nothing = match &statuses {
            Ok(statuses) if statuses.all == 0 && !visit.filter.narrows() => {
                empty::nothing_in_range(&visit, days).await?
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
