//! `/service`: how well conversations were served (SPEC M8), from the query `service_quality`.

use askama::Template;
use axum::response::Response;

use super::chrome::{Chrome, render};
use super::error::{PageError, Part};
use super::figures::{Figure, Figures};
use super::numbers::trimmed;
use super::performance::{Days, Export, Filters};
use super::rows::Rows;
use super::visit::Visit;
use crate::pg::PgError;

/// The view's path.
const PATH: &str = "/service";

#[derive(Template)]
#[template(path = "service/page.html")]
struct Page {
    chrome: Chrome,
    filters: Filters,
    quality: Part<Quality>,
    export: Export,
}

/// Holds the figures of the two cards.
struct Quality {
    handled: Vec<Figure>,
    felt: Vec<Figure>,
}

/// Answers `GET /service`.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let quality = quality(&visit).await;
    let chrome = Chrome::of(&visit, "Service", "service", PATH);
    let page = Page {
        filters: Filters::of(&visit, PATH, None),
        quality: quality.into(),
        export: Export::of(
            &visit,
            "export",
            "These numbers, as filtered",
            "service_quality",
            &Export::common_parameters(&visit),
        ),
        chrome,
    };
    let html = render(&page)?;
    Ok(page.chrome.answer(html))
}

async fn quality(visit: &Visit) -> Result<Quality, PgError> {
    let sql = Days::of(visit).call("service_quality", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let Some(row) = rows.first() else {
        return Ok(Quality {
            handled: Vec::new(),
            felt: Vec::new(),
        });
    };
    let figures = Figures {
        row,
        currency: &visit.shop.currency,
    };
    let number = |column| figures.number(column);
    let of = |part, whole, words: &str| {
        Ok::<_, PgError>(format!("{} of {}{words}", number(part)?, number(whole)?))
    };
    Ok(Quality {
        handled: vec![
            figures.rate(
                "Contained",
                "containment_rate",
                of("contained", "conversations", " stayed with the agent")?,
            )?,
            figures.rate(
                "Resolved by AI",
                "resolved_rate",
                of("resolved", "conversations", " conversations")?,
            )?,
            figures.count(
                "Reopened",
                "reopened",
                "The shopper wrote again after it was resolved".to_owned(),
            )?,
            figures.rate(
                "Came back",
                "recontact_rate",
                format!(
                    "{} resolved shoppers began another conversation within 7 days",
                    number("recontacted")?
                ),
            )?,
        ],
        felt: vec![
            figures.rate(
                "Satisfied",
                "csat",
                of("satisfied", "rated", " ratings are 4 or 5")?,
            )?,
            figures.float(
                "Average rating",
                "average_rating",
                |rating| trimmed(rating, 2),
                "Of 5".to_owned(),
            )?,
            figures.duration(
                "Time to resolution",
                "median_seconds_to_resolution",
                format!("Median of {} resolved", number("resolved")?),
            )?,
            figures.duration(
                "Time to a person",
                "median_seconds_to_human",
                of(
                    "human_replied",
                    "escalated",
                    " escalated got a person's reply; median",
                )?,
            )?,
        ],
    })
}
