//! What could be better, in sentences: the findings of the query `opportunities`, and of nothing else.

use std::collections::BTreeMap;

use askama::Template;

use super::{Days, PATH};
use crate::page::chrome::clip;
use crate::page::filter::{Filter, channel_name, holds};
use crate::page::numbers::{count, percent};
use crate::page::rows::{Row, Rows};
use crate::page::visit::Visit;
use crate::pg::PgError;

/// So many findings are shown; the export has all.
const MOST: usize = 12;

/// A mark of a procedure's row: how it looks and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its class.
    pub class: &'static str,
    /// Its words.
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
    /// None where no address can hold the procedure's name.
    href: Option<String>,
    link: String,
}

/// The card.
#[derive(Template)]
#[template(path = "performance/opportunities.html")]
pub struct Opportunities {
    findings: Vec<Finding>,
    more: usize,
    /// The marks of each procedure.
    pub marks: BTreeMap<String, Vec<Mark>>,
}

/// Asks for the findings.
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
        if findings.len() < MOST {
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
    // Marks are round numbers.
    let mark = percent(threshold).replace(".0%", "%");
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
        let known = crate::page::filter::CHANNELS
            .iter()
            .map(|(known, _)| *known);
        if let Some(known) = known.into_iter().find(|known| Some(*known) == channel) {
            filter.channels = vec![known];
        }
    };
    let href = visit.filter.frame().url_with(PATH, narrowed);
    let href = holds(procedure).then(|| format!("{href}#conversations"));
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
