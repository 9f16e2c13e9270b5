//! The card of the procedures' performance (SPEC M6), with confidence intervals of the rates and the marks of
//! `opportunities`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use askama::Template;

use super::opportunities::Mark;
use super::{Days, Export, PATH, SortHead};
use crate::page::chrome::clip;
use crate::page::filter::{Filter, fits_in_address};
use crate::page::numbers::{count, length, percent};
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// How many procedures are listed; the export has all.
const MAX_ROWS: usize = 100;
/// How many conversations a procedure needs for its rate to mean something.
const FEW: i64 = 10;
/// The name under which conversations without a procedure count.
const UNASSIGNED: &str = "Unassigned";

/// Represents a row of `procedures_table`.
#[derive(Debug, Clone)]
pub struct Procedure {
    name: Option<String>,
    conversations: i64,
    share: f64,
    rate: f64,
    low: f64,
    high: f64,
    escalated: i64,
    escalation_rate: f64,
}

/// Reads the procedures.
pub async fn ask(visit: &Visit, days: Days) -> Result<Vec<Procedure>, PgError> {
    let sql = days.call("procedures_table", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let read = rows.iter().map(|row| {
        let float = |name| Ok::<_, PgError>(row.float(name)?.unwrap_or_default());
        Ok(Procedure {
            name: row.text("procedure")?.map(str::to_owned),
            conversations: row.count("conversations")?,
            share: float("share")?,
            rate: float("resolution_rate")?,
            low: float("resolution_low")?,
            high: float("resolution_high")?,
            escalated: row.count("escalated")?,
            escalation_rate: float("escalation_rate")?,
        })
    });
    read.collect()
}

struct TableRow {
    name: String,
    /// The address that filters by the procedure; none if the name is too long for it.
    href: Option<String>,
    few: bool,
    chosen: bool,
    conversations: String,
    share: String,
    rate: String,
    exact_rate: f64,
    bar: String,
    low: String,
    high: String,
    interval: String,
    escalated: String,
    escalation_rate: String,
    marks: Vec<Mark>,
    judge: bool,
}

/// Represents the card.
#[derive(Template)]
#[template(path = "performance/procedures.html")]
pub struct Procedures {
    heads: Vec<SortHead>,
    rows: Vec<TableRow>,
    more: usize,
    average: Option<(String, String)>,
    export: Export,
    names: Vec<String>,
}

impl Procedures {
    /// Returns the procedures' names, for the filter of the conversations.
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }
}

/// Makes the card, sorted as the filter says.
pub fn make(
    visit: &Visit,
    mut procedures: Vec<Procedure>,
    marks: &BTreeMap<String, Vec<Mark>>,
    average: Option<f64>,
) -> Procedures {
    let filter = &visit.filter;
    let names = procedures
        .iter()
        .filter_map(|procedure| procedure.name.clone())
        .filter(|name| fits_in_address(Some(name)))
        .take(MAX_ROWS)
        .collect();
    sort(&mut procedures, filter.procedures);
    let more = procedures.len().saturating_sub(MAX_ROWS);
    procedures.truncate(MAX_ROWS);
    let heads = [
        ("procedure", "Procedure"),
        ("conversations", "Conversations"),
        ("share", "Share"),
        ("resolution-rate", "Resolution rate"),
        ("escalated", "Escalated"),
        ("escalation-rate", "Escalation rate"),
    ];
    let heads = heads.map(|(sort, name)| SortHead {
        name,
        href: filter.url_with(PATH, |f| f.procedures = sort),
        on: filter.procedures == sort,
        ascending: sort == "procedure",
    });
    let average = average.map(|rate| (length(rate), percent(rate)));
    let rows = procedures
        .iter()
        .map(|procedure| row(filter, procedure, marks));
    Procedures {
        heads: heads.into(),
        rows: rows.collect(),
        more,
        average,
        export: Export::of(
            visit,
            "export-procedures",
            "All procedures, as filtered",
            "procedures_table",
            &Export::common_parameters(visit),
        ),
        names,
    }
}

/// Sorts by a column of [`crate::page::filter::PROCEDURE_SORTS`]; ties keep the query's order, most conversations first.
fn sort(procedures: &mut [Procedure], by: &str) {
    let down = |value: fn(&Procedure) -> f64| {
        move |a: &Procedure, b: &Procedure| {
            value(b).partial_cmp(&value(a)).unwrap_or(Ordering::Equal)
        }
    };
    match by {
        "procedure" => procedures.sort_by(|a, b| {
            let name = |procedure: &Procedure| (procedure.name.is_none(), procedure.name.clone());
            name(a).cmp(&name(b))
        }),
        "resolution-rate" => procedures.sort_by(down(|p| p.rate)),
        "escalated" => procedures.sort_by_key(|p| std::cmp::Reverse(p.escalated)),
        "escalation-rate" => procedures.sort_by(down(|p| p.escalation_rate)),
        _ => {}
    }
}

fn row(filter: &Filter, procedure: &Procedure, marks: &BTreeMap<String, Vec<Mark>>) -> TableRow {
    let marks = procedure.name.as_ref().and_then(|name| marks.get(name));
    let marks = marks.cloned().unwrap_or_default();
    let few = procedure.conversations < FEW;
    let chosen = match &procedure.name {
        Some(_) => filter.procedure == procedure.name,
        None => filter.unassigned,
    };
    let narrowed = |f: &mut Filter| {
        *f = Filter {
            procedures: f.procedures,
            ..f.common()
        };
        if !chosen {
            f.procedure = procedure.name.clone();
            f.unassigned = procedure.name.is_none();
        }
    };
    TableRow {
        name: clip(procedure.name.as_deref().unwrap_or(UNASSIGNED)),
        href: fits_in_address(procedure.name.as_deref()).then(|| filter.url_with(PATH, narrowed)),
        few,
        chosen,
        conversations: count(procedure.conversations),
        share: percent(procedure.share),
        rate: percent(procedure.rate),
        exact_rate: procedure.rate,
        bar: length(procedure.rate),
        low: length(procedure.low),
        high: length(procedure.high),
        interval: format!(
            "{:.0} to {:.0}%",
            procedure.low * 100.0,
            procedure.high * 100.0
        ),
        escalated: count(procedure.escalated),
        escalation_rate: percent(procedure.escalation_rate),
        judge: few && marks.is_empty(),
        marks,
    }
}
