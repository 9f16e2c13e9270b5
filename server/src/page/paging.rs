//! Lists that are read page by page from the key of a row on, not from a row's number: rows neither repeat nor go missing
//! while events land, and no page costs more than the first.
//!
//! Its queries take `ascending`, `after_key` and `after_id`, and give the `key` of each row.

use super::filter::{Filter, Place};
use super::question::Call;
use super::rows::{Row, Rows};
use super::visit::Visit;
use crate::pg::PgError;

/// Rows of a page.
const PAGE: usize = 50;

/// The list of a view.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Where the view is.
    pub path: &'static str,
    /// The column that tells rows of one key apart.
    pub id: &'static str,
}

/// The rows of a page, in the order in which they are shown, and the addresses of those beside it.
pub struct Page<'a> {
    /// The rows.
    pub rows: Vec<Row<'a>>,
    /// The page before.
    pub newer: Option<String>,
    /// The page after.
    pub older: Option<String>,
}

impl List {
    /// Asks for the page where the filter's place is, and for one row more, which tells whether there is another page.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn ask(self, visit: &Visit, call: Call, ascending: bool) -> Result<Rows, PgError> {
        let place = visit.filter.place.as_ref();
        // A page before a place is read away from it, and shown the other way round.
        let back = place.is_some_and(|place| place.before);
        let mut call = call.with("ascending", ascending != back);
        if let Some(place) = place {
            call = call
                .with("after_key", place.key)
                .with("after_id", &place.id);
        }
        Rows::ask(&visit.inquiry, &call.limit(PAGE + 1).sql()).await
    }

    /// Lays out the page that was asked for.
    ///
    /// # Errors
    /// If the rows have no key.
    pub fn page<'a>(self, filter: &Filter, rows: &'a Rows) -> Result<Page<'a>, PgError> {
        let back = filter.place.as_ref().is_some_and(|place| place.before);
        let more = rows.len() > PAGE;
        let mut shown: Vec<Row<'a>> = rows.iter().take(PAGE).collect();
        if back {
            shown.reverse();
        }
        // Before the first page there is nothing, and where one came from there is.
        let has_newer = if back { more } else { filter.place.is_some() };
        let has_older = back || more;
        let newer = shown.first().filter(|_| has_newer);
        let older = shown.last().filter(|_| has_older);
        let newer = newer
            .map(|row| self.beside(filter, *row, true))
            .transpose()?;
        let older = older
            .map(|row| self.beside(filter, *row, false))
            .transpose()?;
        Ok(Page {
            rows: shown,
            newer,
            older,
        })
    }

    fn beside(self, filter: &Filter, row: Row<'_>, before: bool) -> Result<String, PgError> {
        let (key, id) = (row.count("key")?, row.word(self.id)?.to_owned());
        Ok(filter.url_with(self.path, |f| f.place = Some(Place { before, key, id })))
    }
}
