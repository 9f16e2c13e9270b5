//! The cells of a row of figures: a name, the number, and what it is made of.

use super::numbers::{Currency, count, duration, percent};
use super::rows::Row;
use crate::pg::PgError;

/// Represents a figure.
pub struct Figure {
    /// What it is.
    pub title: &'static str,
    /// The exact value; empty if there is none.
    pub exact: String,
    /// The value for people; none if it is null.
    pub shown: Option<String>,
    /// What it is made of, in words.
    pub note: String,
}

/// Reads figures from a row of a saved query.
pub struct Figures<'a> {
    /// The row.
    pub row: Row<'a>,
    /// The currency of its money.
    pub currency: &'a Currency,
}

impl Figures<'_> {
    /// Writes a count with its commas.
    pub fn number(&self, column: &str) -> Result<String, PgError> {
        Ok(count(self.row.count(column)?))
    }

    /// Makes the figure of a count.
    pub fn count(
        &self,
        title: &'static str,
        column: &str,
        note: String,
    ) -> Result<Figure, PgError> {
        let value = self.row.integer(column)?;
        Ok(figure(title, value, |value| count(*value), note))
    }

    /// Makes the figure of a number that is no count, as `shown` writes it.
    pub fn float(
        &self,
        title: &'static str,
        column: &str,
        shown: fn(f64) -> String,
        note: String,
    ) -> Result<Figure, PgError> {
        let value = self.row.float(column)?;
        Ok(figure(title, value, |value| shown(*value), note))
    }

    /// Makes the figure of a rate of 0 to 1.
    pub fn rate(&self, title: &'static str, column: &str, note: String) -> Result<Figure, PgError> {
        self.float(title, column, percent, note)
    }

    /// Makes the figure of a duration in seconds.
    pub fn duration(
        &self,
        title: &'static str,
        column: &str,
        note: String,
    ) -> Result<Figure, PgError> {
        let shown = |seconds: f64| duration(seconds.round() as i64);
        self.float(title, column, shown, note)
    }

    /// Makes the figure of an amount of money, with its cents.
    pub fn money(
        &self,
        title: &'static str,
        column: &str,
        note: String,
    ) -> Result<Figure, PgError> {
        let amount = self.row.money(column)?;
        Ok(Figure {
            title,
            exact: amount.map(|amount| amount.exact()).unwrap_or_default(),
            shown: amount.map(|amount| self.currency.cents(amount)),
            note,
        })
    }
}

fn figure<T: ToString>(
    title: &'static str,
    value: Option<T>,
    shown: impl Fn(&T) -> String,
    note: String,
) -> Figure {
    Figure {
        title,
        exact: value.as_ref().map(T::to_string).unwrap_or_default(),
        shown: value.as_ref().map(shown),
        note,
    }
}
