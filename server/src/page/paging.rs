//! Keyset paging of lists: a page begins at a row's key, not at a row number. So rows neither repeat nor go missing while
//! events land, and no page costs more than the first.
//!
//! The queries of such lists take `ascending`, `after_key` and `after_id`, and return each row's `key`.

use super::call::Call;
use super::filter::{Cursor, Filter};
use super::rows::{Row, Rows};
use super::visit::Visit;
use crate::pg::PgError;

/// How many rows a page has.
const PAGE: usize = 50;

/// Describes a view's list.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// The view's path.
    pub path: &'static str,
    /// The column that tells rows with the same key apart.
    pub id: &'static str,
}

/// Holds the rows of a page, in the order in which they are shown, and the addresses of the pages next to it.
pub struct Page<'a> {
    /// The rows.
    pub rows: Vec<Row<'a>>,
    /// The address of the page before, if there is one.
    pub newer: Option<String>,
    /// The address of the page after, if there is one.
    pub older: Option<String>,
}

impl List {
    /// Reads the page at the filter's cursor, and one row more, which says whether there is another page.
    ///
    /// # Errors
    /// If the query fails.
    pub async fn ask(self, visit: &Visit, call: Call, ascending: bool) -> Result<Rows, PgError> {
        let cursor = visit.filter.cursor.as_ref();
        // A page before the cursor is read in the opposite order, and shown reversed.
        let back = cursor.is_some_and(|cursor| cursor.before);
        let mut call = call.with("ascending", ascending != back);
        if let Some(cursor) = cursor {
            call = call
                .with("after_key", cursor.key)
                .with("after_id", &cursor.id);
        }
        Rows::ask(&visit.inquiry, &call.limit(PAGE + 1).sql()).await
    }

    /// Puts the rows that were read in their order, and writes the addresses of the pages next to them.
    ///
    /// # Errors
    /// If the rows have no key.
    pub fn page<'a>(self, filter: &Filter, rows: &'a Rows) -> Result<Page<'a>, PgError> {
        let back = filter.cursor.as_ref().is_some_and(|cursor| cursor.before);
        let more = rows.len() > PAGE;
        let mut shown: Vec<Row<'a>> = rows.iter().take(PAGE).collect();
        if back {
            shown.reverse();
        }
        // The page that a link led from exists; in the other direction the extra row decides.
        let has_newer = if back { more } else { filter.cursor.is_some() };
        let has_older = back || more;
        let newer = shown.first().filter(|_| has_newer);
        let older = shown.last().filter(|_| has_older);
        let newer = newer
            .map(|row| self.page_url(filter, *row, true))
            .transpose()?;
        let older = older
            .map(|row| self.page_url(filter, *row, false))
            .transpose()?;
        Ok(Page {
            rows: shown,
            newer,
            older,
        })
    }

    /// Writes the address of the page before or after a row.
    fn page_url(self, filter: &Filter, row: Row<'_>, before: bool) -> Result<String, PgError> {
        let (key, id) = (row.count("key")?, row.word(self.id)?.to_owned());
        Ok(filter.url_with(self.path, |f| f.cursor = Some(Cursor { before, key, id })))
    }
}
