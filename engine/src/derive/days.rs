//! Sets of UTC days, and which days share a derived file.
//!
//! A day is a `Date32`: days since 1970-01-01.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};

use crate::lake::{DataFile, date_text};
use datafusion::common::ScalarValue;

/// Microseconds of a UTC day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// Days that are at most this many days old get files of their own, because they will soon be derived again. Older days
/// share one file per month.
const MOVING_DAYS: i32 = 3;

/// A set of UTC days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Days(BTreeSet<i32>);

impl Days {
    /// Returns every day of a range.
    pub fn of(range: RangeInclusive<i32>) -> Self {
        Self(range.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn insert(&mut self, day: i32) {
        self.0.insert(day);
    }

    /// Adds every day from one instant's to another's.
    pub fn cover(&mut self, from_micros: i64, to_micros: i64) {
        self.0.extend(day_of(from_micros)..=day_of(to_micros));
    }

    pub fn extend(&mut self, days: impl IntoIterator<Item = i32>) {
        self.0.extend(days);
    }

    pub fn iter(&self) -> impl Iterator<Item = i32> {
        self.0.iter().copied()
    }

    /// Returns whether any day lies in the range.
    pub fn touches(&self, range: RangeInclusive<i32>) -> bool {
        self.0.range(range).next().is_some()
    }

    /// Adds to each day the `before` days before it and the `after` days after it.
    pub fn widened(&self, before: i32, after: i32) -> Self {
        let mut wide = BTreeSet::new();
        let mut done = i32::MIN;
        for day in &self.0 {
            let from = (day - before).max(done);
            wide.extend(from..=day + after);
            done = day + after + 1;
        }
        Self(wide)
    }

    /// Returns the first day of each month that has any of the days.
    pub fn months(&self) -> BTreeSet<i32> {
        self.0.iter().map(|day| month_of(*day)).collect()
    }

    /// Returns the days that lie in a range.
    pub fn within(&self, range: RangeInclusive<i32>) -> Self {
        Self(self.0.range(range).copied().collect())
    }

    /// Returns the maximal runs of consecutive days.
    fn runs(&self) -> Vec<RangeInclusive<i32>> {
        let mut runs: Vec<RangeInclusive<i32>> = Vec::new();
        for day in &self.0 {
            match runs.last_mut() {
                Some(run) if *run.end() + 1 == *day => *run = *run.start()..=*day,
                _ => runs.push(*day..=*day),
            }
        }
        runs
    }

    /// Writes an SQL condition that `date` is one of the days: as ranges, by which files can be pruned, or as a list where
    /// there are many ranges.
    pub fn sql(&self, date: &str) -> String {
        let literal = |day: i32| format!("DATE '{}'", date_text(day));
        let runs = self.runs();
        if runs.is_empty() {
            return "false".to_owned();
        }
        if runs.len() > MAX_RUNS {
            let days: Vec<String> = self.0.iter().map(|day| literal(*day)).collect();
            return format!("{date} IN ({})", days.join(", "));
        }
        let runs: Vec<String> = runs
            .iter()
            .map(|run| {
                let (from, to) = (literal(*run.start()), literal(*run.end()));
                format!("{date} BETWEEN {from} AND {to}")
            })
            .collect();
        format!("({})", runs.join(" OR "))
    }
}

/// The maximum number of ranges in a condition. A chain of `OR` is nested as deep as it is long.
const MAX_RUNS: usize = 16;

/// Returns the UTC day of an instant in microseconds.
pub(crate) fn day_of(micros: i64) -> i32 {
    // Landed instants lie between 2000 and a day from now (SPEC E3), so the quotient fits.
    micros.div_euclid(DAY_MICROS) as i32
}

/// Returns the first day of a day's month.
pub(super) fn month_of(day: i32) -> i32 {
    NaiveDate::from_epoch_days(day)
        .and_then(|date| date.with_day(1))
        .map_or(day, |first| first.to_epoch_days())
}

/// Returns the key of the file that a day's rows go to: the day itself while it is recent, else the first day of its month.
/// Days with equal keys share a file.
pub(super) fn span_of(day: i32, today: i32) -> i32 {
    if is_closed(day, today) {
        month_of(day)
    } else {
        day
    }
}

/// Returns whether a day is old enough to share its month's file.
pub(crate) fn is_closed(day: i32, today: i32) -> bool {
    day < today - MOVING_DAYS
}

/// Returns the first to the last day of a file's rows, by the statistics of an instant or date column.
pub(crate) fn days_of(file: &DataFile, column: &str) -> Option<RangeInclusive<i32>> {
    let (first, last) = file.statistics.range(column)?;
    Some(scalar_day(&first)?..=scalar_day(&last)?)
}

fn scalar_day(value: &ScalarValue) -> Option<i32> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Some(day_of(*micros)),
        ScalarValue::Date32(Some(day)) => Some(*day),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_merges_neighbours() {
        let days = Days(BTreeSet::from([10, 12, 30]));
        let wide: Vec<i32> = days.widened(2, 1).iter().collect();
        assert_eq!(wide, vec![8, 9, 10, 11, 12, 13, 28, 29, 30, 31]);
    }

    #[test]
    fn days_in_a_row_are_a_range() {
        let day = |text: &str| crate::lake::parse_date(text).unwrap();
        let mut days = Days::of(day("2026-01-01")..=day("2026-01-03"));
        days.insert(day("2026-01-05"));
        assert_eq!(
            days.sql("d"),
            "(d BETWEEN DATE '2026-01-01' AND DATE '2026-01-03' OR d BETWEEN DATE '2026-01-05' AND DATE '2026-01-05')"
        );
        assert_eq!(Days::default().sql("d"), "false");
        let scattered = Days((0..40).map(|day| day * 2).collect());
        assert!(scattered.sql("d").starts_with("d IN (DATE '1970-01-01', "));
    }

    #[test]
    fn months_begin_on_the_first() {
        let day = |text: &str| crate::lake::parse_date(text).unwrap();
        assert_eq!(month_of(day("2026-02-28")), day("2026-02-01"));
        assert_eq!(month_of(day("1969-12-31")), day("1969-12-01"));
    }

    #[test]
    fn days_before_1970_round_down() {
        assert_eq!(day_of(-1), -1);
        assert_eq!(day_of(0), 0);
    }

    #[test]
    fn recent_days_have_files_of_their_own() {
        assert_eq!(span_of(100, 100), 100);
        assert_eq!(span_of(97, 100), 97);
        assert_eq!(span_of(96, 100), month_of(96));
    }
}
