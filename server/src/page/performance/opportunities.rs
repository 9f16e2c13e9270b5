//! The card of opportunities: the rows of the query `opportunities`, in sentences.

use std::collections::BTreeMap;

use askama::Template;

use super::{Days, PATH};
use crate::page::chrome::clip;
use crate::page::filter::{CHANNELS, Filter, channel_name, fits_in_address};
use crate::page::numbers::{count, percent, short_percent};
use crate::page::rows::{Row, Rows};
use crate::page::visit::Visit;
use crate::pg::PgError;

/// How many findings are shown; the query has all.
const MAX_FINDINGS: usize = 12;

/// Represents a mark of a finding, shown also in the procedure's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The CSS class.
    pub class: &'static str,
    /// The text.
    pub words: &'static str,
}

impl Mark {
    fn of(opportunity: &str) -> Mark {
        let (class, words) = match opportunity {
            "low_resolution" => ("badge--bad", "Low resolution"),
            "escalating_often" => ("badge--warn", "Escalates often"),
            "rarely_picked" => ("", "Rarely picked"),
            "low_link_clicks" => ("", "Few link clicks"),
            "low_sales" => ("", "Few sales"),
            _ => ("", "Look here"),
        };
        Mark { class, words }
    }
}

struct Finding {
    about: String,
    mark: Mark,
    sentence: String,
    /// The address of the finding's conversations; none if the procedure's name is too long for it.
    href: Option<String>,
    link: String,
}

/// Represents the card.
#[derive(Template)]
#[template(path = "performance/opportunities.html")]
pub struct Opportunities {
    findings: Vec<Finding>,
    more: usize,
    /// The marks of each procedure, by name.
    pub marks: BTreeMap<String, Vec<Mark>>,
}

/// Reads the findings and makes the card.
pub async fn ask(visit: &Visit, days: Days) -> Result<Opportunities, PgError> {
    let sql = days.call("opportunities", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let mut marks: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    let mut findings = Vec::new();
    for row in rows.iter() {
        if let Some(procedure) = row.text("procedure")? {
            let mark = Mark::of(row.word("opportunity")?);
            marks.entry(procedure.to_owned()).or_default().push(mark);
        }
        if findings.len() < MAX_FINDINGS {
            findings.push(finding(visit, row)?);
        }
    }
    Ok(Opportunities {
        more: rows.len().saturating_sub(findings.len()),
        findings,
        marks,
    })
}

fn finding(visit: &Visit, row: Row<'_>) -> Result<Finding, PgError> {
    let opportunity = row.word("opportunity")?;
    let conversations = row.count("conversations")?;
    let measured = row.float("measured")?.unwrap_or_default();
    let threshold = row.float("threshold")?.unwrap_or_default();
    let mut evidence = row.word("evidence")?.to_owned();
    if let Some(first) = evidence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let rate = percent(measured);
    let mark = short_percent(threshold);
    let advice = match opportunity {
        "low_resolution" => {
            format!("{rate}, where {mark} is the mark. See what the agent lacks to finish them.")
        }
        "escalating_often" => {
            format!("{rate}, where {mark} is the mark. It may be picked for the wrong requests.")
        }
        "rarely_picked" => {
            format!("{rate}, where {mark} is the mark. Its “When to use” text may need sharpening.")
        }
        "low_link_clicks" => {
            format!("{rate}, where {mark} is the mark. The agent may share too few links.")
        }
        "low_sales" => {
            format!("{rate}, where {mark} is the mark. See whether the agent recommends products.")
        }
        _ => format!("{rate}, where {mark} is the mark."),
    };
    let procedure = row.text("procedure")?;
    let channel = row.text("channel")?;
    let conversations = count(conversations);
    let link = match opportunity {
        "low_resolution" => "See those it did not resolve".to_owned(),
        "escalating_often" => "See the escalated conversations".to_owned(),
        "low_link_clicks" => "See those without a click".to_owned(),
        _ if conversations == "1" => "See the conversation".to_owned(),
        _ => format!("See the {conversations} conversations"),
    };
    let narrowed = |filter: &mut Filter| {
        filter.procedure = procedure.map(str::to_owned);
        match opportunity {
            "low_resolution" => filter.statuses = vec!["routed", "closed", "open"],
            "escalating_often" => filter.escalated = true,
            "low_link_clicks" => filter.unclicked = true,
            _ => {}
        }
        let mut known = CHANNELS.iter().map(|(known, _)| *known);
        if let Some(known) = known.find(|known| Some(*known) == channel) {
            filter.channels = vec![known];
        }
    };
    let href = visit.filter.common().url_with(PATH, narrowed);
    let href = fits_in_address(procedure).then(|| format!("{href}#conversations"));
    Ok(Finding {
        about: match (procedure, channel) {
            (Some(procedure), _) => clip(procedure),
            (None, Some(channel)) => channel_name(channel).to_owned(),
            (None, None) => "All conversations".to_owned(),
        },
        mark: Mark::of(opportunity),
        sentence: format!("{evidence}: {advice}"),
        href,
        link,
    })
}
