//! The card of escalations (SPEC C8) by reason, category and procedure, from the query `escalations`.

use askama::Template;

use super::{Days, Export, PATH};
use crate::page::chrome::clip;
use crate::page::filter::{Filter, fits_in_address};
use crate::page::numbers::{count, percent};
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// How many rows are listed; the export has all.
const MAX_ROWS: usize = 12;

struct TableRow {
    reason: Option<String>,
    /// The address of the row's conversations; none if a name is too long for it.
    href: Option<String>,
    category: Option<String>,
    procedure: Option<String>,
    conversations: String,
    share: String,
    rate: String,
    latest: String,
    machine: String,
}

/// Represents the card.
#[derive(Template)]
#[template(path = "performance/escalations.html")]
pub struct Escalations {
    rows: Vec<TableRow>,
    more: usize,
    export: Export,
}

/// Reads the escalations and makes the card.
pub async fn ask(visit: &Visit, days: Days) -> Result<Escalations, PgError> {
    let sql = days.call("escalations", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let filter = &visit.filter;
    let listed = rows.iter().take(MAX_ROWS).map(|row| {
        let text = |name| Ok::<_, PgError>(row.text(name)?.map(str::to_owned));
        let (reason, category) = (text("reason")?, text("category")?);
        let procedure = text("procedure")?;
        let at = row.instant("last_escalated_at")?;
        let at = at.map(|at| visit.shop.local(at));
        let narrowed = |f: &mut Filter| {
            *f = f.common();
            f.escalated = true;
            f.reason = Some(reason.clone().unwrap_or_default());
            f.category = Some(category.clone().unwrap_or_default());
            f.escalated_by = Some(procedure.clone().unwrap_or_default());
        };
        let said = [&reason, &category, &procedure];
        Ok(TableRow {
            href: said
                .iter()
                .all(|said| fits_in_address(said.as_deref()))
                .then(|| filter.url_with(PATH, narrowed)),
            category: category.as_deref().map(clip),
            conversations: count(row.count("conversations")?),
            share: percent(row.float("share")?.unwrap_or_default()),
            rate: percent(row.float("escalation_rate")?.unwrap_or_default()),
            latest: at.map(|at| at.minute(visit.shop.today)).unwrap_or_default(),
            machine: at.map(|at| at.machine()).unwrap_or_default(),
            reason: reason.as_deref().map(clip),
            procedure: procedure.as_deref().map(clip),
        })
    });
    let listed = listed.collect::<Result<Vec<_>, PgError>>()?;
    Ok(Escalations {
        more: rows.len() - listed.len(),
        rows: listed,
        export: Export::of(
            visit,
            "export-escalations",
            "All escalations, as filtered",
            "escalations",
            &Export::common_parameters(visit),
        ),
    })
}
