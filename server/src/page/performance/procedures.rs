//! How each procedure performs (SPEC M6), with the interval that its rate may be in, and the marks of `opportunities`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use askama::Template;

use super::opportunities::Mark;
use super::{Days, Export, PATH};
use crate::page::chrome::clip;
use crate::page::filter::{Filter, holds};
use crate::page::numbers::{count, length, percent};
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// So many procedures are listed; the export has all.
const MOST: usize = 100;
/// Under so many conversations a rate says little.
const FEW: i64 = 10;
/// What a conversation without any counts under.
const UNASSIGNED: &str = "Unassigned";

/// A procedure as the query has it.
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

/// Asks for the procedures.
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
    /// None where no address can hold the name.
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

struct Head {
    name: &'static str,
    href: String,
    on: bool,
    ascending: bool,
}

/// The card.
#[derive(Template)]
#[template(path = "performance/procedures.html")]
pub struct Procedures {
    heads: Vec<Head>,
    rows: Vec<TableRow>,
    more: usize,
    average: Option<(String, String)>,
    export: Export,
    names: Vec<String>,
}

impl Procedures {
    /// Lists the names, for the filter of the conversations.
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }
}

/// Writes the table, sorted as the address says.
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
        .filter(|name| holds(Some(name)))
        .take(MOST)
        .collect();
    sort(&mut procedures, filter.procedures);
    let more = procedures.len().saturating_sub(MOST);
    procedures.truncate(MOST);
    let heads = [
        ("procedure", "Procedure"),
        ("conversations", "Conversations"),
        ("share", "Share"),
        ("resolution-rate", "Resolution rate"),
        ("escalated", "Escalated"),
        ("escalation-rate", "Escalation rate"),
    ];
    let heads = heads.map(|(sort, name)| Head {
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
            &Export::frame(visit),
        ),
        names,
    }
}

/// The query's order, most conversations first, breaks ties.
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
            ..f.frame()
        };
        if !chosen {
            f.procedure = procedure.name.clone();
            f.unassigned = procedure.name.is_none();
        }
    };
    TableRow {
        name: clip(procedure.name.as_deref().unwrap_or(UNASSIGNED)),
        href: holds(procedure.name.as_deref()).then(|| filter.url_with(PATH, narrowed)),
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
