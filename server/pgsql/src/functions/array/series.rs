//! Series as arrays, and what is computed of arrays: `generate_series` over times, places in an order, lengths.

use std::sync::Arc;

use chrono::{DateTime, Months, NaiveDateTime, TimeDelta};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, UInt32Array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, IntervalMonthDayNano};
use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;

use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::aggregate::percentile_cont::fraction;
use crate::functions::call::{Call, Function, raise};
use crate::functions::datetime::instants::{
    Kind, instant_array, instants, is_infinite, kind, local_array, locals, naive, out_of_range,
    timestamp, timestamptz, to_instant, to_local, within,
};
use crate::functions::datetime::intervals::intervals;
use crate::functions::limits::Budget;
use crate::types::zone::Zone;

fn zero_step() -> datafusion::error::DataFusionError {
    raise(PgError::new(
        code::INVALID_PARAMETER,
        "step size cannot equal zero",
    ))
}

/// A local time so much later: months by the calendar, then days, then time.
pub fn later(local: NaiveDateTime, by: IntervalMonthDayNano) -> Option<NaiveDateTime> {
    if is_infinite(local) {
        return Some(local);
    }
    let months = Months::new(by.months.unsigned_abs());
    let moved = if by.months >= 0 {
        local.checked_add_months(months)?
    } else {
        local.checked_sub_months(months)?
    };
    let moved = moved
        .checked_add_signed(TimeDelta::days(i64::from(by.days)))?
        .checked_add_signed(TimeDelta::microseconds(by.nanoseconds / 1000))?;
    within(moved)
}

/// An instant so much later: months and days by the calendar of a zone, time as it passes.
fn later_instant(micros: i64, by: IntervalMonthDayNano, zone: Zone) -> Option<i64> {
    let utc = naive(micros)?;
    if is_infinite(utc) {
        return Some(micros);
    }
    let calendar = IntervalMonthDayNano::new(by.months, by.days, 0);
    let moved = if by.months == 0 && by.days == 0 {
        micros
    } else {
        to_instant(later(to_local(utc, zone), calendar)?, zone)
    };
    let moved = moved.checked_add(by.nanoseconds / 1000)?;
    naive(moved).map(|_| moved)
}

/// The elements of a series from a first to a last one.
fn elements<T: Copy + PartialOrd>(
    first: T,
    last: T,
    up: bool,
    next: impl Fn(T) -> Option<T>,
    budget: &mut Budget<'_>,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    let mut at = Some(first);
    while let Some(value) = at {
        if (up && value > last) || (!up && value < last) {
            break;
        }
        budget.elements(1)?;
        all.push(value);
        at = next(value);
    }
    Ok(all)
}

/// The last element's microseconds decide the direction, as of a month of 30 days.
fn direction(step: IntervalMonthDayNano) -> i128 {
    const DAY: i128 = 86_400_000_000_000;
    i128::from(step.months) * 30 * DAY + i128::from(step.days) * DAY + i128::from(step.nanoseconds)
}

fn series(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = &call.returns else {
        return Err(raise(PgError::internal("a series that is no list")));
    };
    let (mut arrays, mut lengths, mut present) = (Vec::<ArrayRef>::new(), Vec::new(), Vec::new());
    let mut budget = Budget::of("generate_series");
    let mut push = |array: Option<ArrayRef>| {
        lengths.push(array.as_ref().map_or(0, |array| array.len()));
        present.push(array.is_some());
        arrays.extend(array);
    };
    match item.data_type() {
        DataType::Timestamp(_, zone) => {
            let steps = intervals(call, 2)?;
            let zoned = zone.is_some();
            let (from, to): (Vec<_>, Vec<_>) = if zoned {
                (instants(call, 0, call.zone)?, instants(call, 1, call.zone)?)
            } else {
                let micros = |at: usize| -> Result<Vec<Option<i64>>> {
                    let locals = locals(call, at, call.zone)?.into_iter();
                    Ok(locals
                        .map(|local| Some(local?.and_utc().timestamp_micros()))
                        .collect())
                };
                (micros(0)?, micros(1)?)
            };
            for ((from, to), step) in from.into_iter().zip(to).zip(steps) {
                let (Some(from), Some(to), Some(step)) = (from, to, step) else {
                    push(None);
                    continue;
                };
                let direction = direction(step);
                if direction == 0 {
                    return Err(zero_step());
                }
                let zone = if zoned { call.zone } else { Zone::UTC };
                let next = |at| later_instant(at, step, zone);
                let all = elements(from, to, direction > 0, next, &mut budget)?;
                push(Some(if zoned {
                    instant_array(all.into_iter().map(Some))
                } else {
                    let local = |micros| Some(DateTime::from_timestamp_micros(micros)?.naive_utc());
                    local_array(all.into_iter().map(local))
                }));
            }
        }
        integer => {
            let (from, to) = (call.integers(0)?, call.integers(1)?);
            let steps = if call.arity() > 2 {
                Some(call.integers(2)?)
            } else {
                None
            };
            for row in 0..call.rows {
                let step_null = steps.as_ref().is_some_and(|steps| steps.is_null(row));
                if from.is_null(row) || to.is_null(row) || step_null {
                    push(None);
                    continue;
                }
                let step = steps.as_ref().map_or(1, |steps| steps.value(row));
                if step == 0 {
                    return Err(zero_step());
                }
                let next = |at: i64| at.checked_add(step);
                let (first, last) = (from.value(row), to.value(row));
                let all = elements(first, last, step > 0, next, &mut budget)?;
                let all = datafusion::arrow::array::Int64Array::from(all);
                push(Some(cast(&all, integer)?));
            }
        }
    }
    let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() {
        datafusion::arrow::array::new_empty_array(item.data_type())
    } else {
        concat(&parts)?
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(item),
        OffsetBuffer::from_lengths(lengths),
        values,
        Some(present.into()),
    )?))
}

fn series_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let of = |item: DataType| DataType::new_list(item, true);
    let (Some(first), Some(last)) = (args.first(), args.get(1)) else {
        return Ok(of(DataType::Int64));
    };
    let timed = |of| matches!(kind(of), Kind::Local | Kind::Instant | Kind::Date);
    Ok(match (kind(first), kind(last)) {
        _ if args.len() == 2 && (timed(first) || timed(last)) => {
            return Err(no_series(first, last));
        }
        (Kind::Local, _) | (_, Kind::Local) => of(timestamp()),
        // Days are instants here: that is the type of times which PostgreSQL prefers.
        (Kind::Instant | Kind::Date, _) | (_, Kind::Instant | Kind::Date) => of(timestamptz()),
        _ if args
            .iter()
            .all(|arg| matches!(arg, DataType::Int32 | DataType::Int16)) =>
        {
            of(DataType::Int32)
        }
        _ if args.iter().all(|arg| arg.is_integer() || arg.is_null()) => of(DataType::Int64),
        _ => return Err(no_series(first, last)),
    })
}

fn no_series(first: &DataType, last: &DataType) -> DataFusionError {
    let (first, last) = (type_name(first), type_name(last));
    raise(
        PgError::new(
            code::UNDEFINED_FUNCTION,
            format!("function generate_series({first}, {last}) does not exist"),
        )
        .hint("it takes integers, or times and an interval"),
    )
}

/// The lists of an argument.
pub fn lists(call: &Call, at: usize) -> Result<ListArray> {
    let array = call.array(at);
    let item = match array.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Arc::clone(item)
        }
        _ => Arc::new(Field::new_list_field(DataType::Null, true)),
    };
    Ok(call
        .cast(at, &DataType::List(item))?
        .as_list::<i32>()
        .clone())
}

pub fn item_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match args.first() {
        Some(
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _),
        ) => item.data_type().clone(),
        _ => DataType::Null,
    })
}

/// Of each list of sorted values the one that `place` gives the index of.
fn picked(
    call: &Call,
    place: impl Fn(&ListArray, usize) -> Result<Option<usize>>,
) -> Result<ArrayRef> {
    let lists = lists(call, 0)?;
    let mut indices = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let start = lists.value_offsets()[row];
        let length = lists.value_length(row);
        let index = if lists.is_null(row) || length == 0 {
            None
        } else {
            place(&lists, row)?.map(|at| start as u32 + at as u32)
        };
        indices.push(index);
    }
    Ok(take(lists.values(), &UInt32Array::from(indices), None)?)
}

fn percentile_disc(call: &Call) -> Result<ArrayRef> {
    let fractions = call.cast(1, &DataType::Float64)?;
    let fractions = fractions.as_primitive::<Float64Type>();
    picked(call, |lists, row| {
        if fractions.is_null(row) {
            return Ok(None);
        }
        let length = lists.value_length(row) as f64;
        let place = (fraction(fractions.value(row))? * length).ceil().max(1.0);
        Ok(Some(place as usize - 1))
    })
}

/// The most frequent of sorted values, the first of several.
fn mode(call: &Call) -> Result<ArrayRef> {
    picked(call, |lists, row| {
        let values = lists.value(row);
        let (mut best, mut best_length, mut start) = (0, 0, 0);
        for at in 1..=values.len() {
            let same = at < values.len() && values.slice(at, 1) == values.slice(start, 1);
            if !same {
                if at - start > best_length {
                    (best, best_length) = (start, at - start);
                }
                start = at;
            }
        }
        Ok(Some(best))
    })
}

pub fn functions() -> Vec<Function> {
    vec![
        Function::new("pg_series", 2..=3, DataType::Null, series)
            .returning(series_type)
            .stable(),
        // An instant and an interval: days by the calendar of the session's zone, time as it passes.
        Function::new("pg_later", 2..=2, timestamptz(), |call| moved(call, 1)).stable(),
        Function::new("pg_earlier", 2..=2, timestamptz(), |call| moved(call, -1)).stable(),
        Function::new("pg_percentile_disc", 2..=2, DataType::Null, percentile_disc).returning(
            |args, constants| match args.get(1) {
                Some(DataType::List(_)) => Err(raise(PgError::new(
                    code::NOT_SUPPORTED,
                    "percentile_disc of an array of fractions is not supported",
                ))),
                _ => item_type(args, constants),
            },
        ),
        Function::new("pg_mode", 1..=1, DataType::Null, mode).returning(item_type),
        Function::new("pg_array_length", 2..=2, DataType::Int32, |call| {
            let lists = lists(call, 0)?;
            let dimensions = call.cast(1, &DataType::Int64)?;
            let dimensions = dimensions.as_primitive::<Int64Type>();
            let lengths = (0..call.rows).map(|row| {
                let known =
                    lists.is_valid(row) && dimensions.is_valid(row) && dimensions.value(row) == 1;
                // An empty array has no dimensions.
                known
                    .then(|| lists.value_length(row))
                    .filter(|length| *length > 0)
            });
            Ok(Arc::new(lengths.collect::<Int32Array>()))
        }),
        Function::new("num_nulls", 1..=64, DataType::Int32, |call| {
            nulls(call, true)
        }),
        Function::new("num_nonnulls", 1..=64, DataType::Int32, |call| {
            nulls(call, false)
        }),
    ]
}

fn moved(call: &Call, sign: i32) -> Result<ArrayRef> {
    let pairs = instants(call, 0, call.zone)?
        .into_iter()
        .zip(intervals(call, 1)?);
    let moved = pairs.map(|(instant, by)| {
        let (Some(instant), Some(by)) = (instant, by) else {
            return Ok(None);
        };
        let moved = || {
            let by = IntervalMonthDayNano::new(
                by.months.checked_mul(sign)?,
                by.days.checked_mul(sign)?,
                by.nanoseconds.checked_mul(i64::from(sign))?,
            );
            later_instant(instant, by, call.zone)
        };
        moved().map(Some).ok_or_else(out_of_range)
    });
    Ok(instant_array(
        moved.collect::<Result<Vec<_>>>()?.into_iter(),
    ))
}

fn nulls(call: &Call, of_nulls: bool) -> Result<ArrayRef> {
    let count = |row: usize| {
        (0..call.arity())
            .filter(|at| {
                call.array(*at)
                    .logical_nulls()
                    .is_some_and(|nulls| nulls.is_null(row))
                    == of_nulls
            })
            .count()
    };
    let counts = (0..call.rows).map(|row| i32::try_from(count(row)).ok());
    Ok(Arc::new(counts.collect::<Int32Array>()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_month_after_the_last_day_is_the_last_day() {
        let local =
            NaiveDateTime::parse_from_str("2026-01-31 12:00:00", "%Y-%m-%d %H:%M:%S").unwrap();
        let month = IntervalMonthDayNano::new(1, 0, 0);
        assert_eq!(
            later(local, month).unwrap().to_string(),
            "2026-02-28 12:00:00"
        );
    }

    #[test]
    fn a_day_of_a_zone_may_have_23_hours() {
        let zone = Zone::parse("America/New_York").unwrap();
        // 2026-03-07 00:00 there.
        let start = 1_772_859_600_000_000;
        let day = later_instant(start, IntervalMonthDayNano::new(0, 1, 0), zone).unwrap();
        let next = later_instant(day, IntervalMonthDayNano::new(0, 1, 0), zone).unwrap();
        assert_eq!((next - day) / 3_600_000_000, 23);
    }
}
