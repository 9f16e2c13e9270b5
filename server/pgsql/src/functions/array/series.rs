//! `generate_series` of integers and times, as a list that the SQL layer unnests.

use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{Array, ArrayRef, Int64Array, ListArray, new_empty_array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano};
use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;

use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{Call, raise, sql_error};
use crate::functions::datetime::add::add_to_instant;
use crate::functions::datetime::instants::{
    Kind, instant_array, instants, kind, local_array, locals, timestamp, timestamptz,
};
use crate::functions::datetime::intervals::intervals;
use crate::functions::function::Function;
use crate::functions::limits::Budget;
use crate::functions::rows;
use crate::types::zone::Zone;

fn zero_step() -> DataFusionError {
    sql_error(code::INVALID_PARAMETER, "step size cannot equal zero")
}

/// Lists the elements of a series from a first to a last one.
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

/// Returns the length of a step in nanoseconds, with months of 30 days: its sign is the direction of the series.
fn step_length(step: IntervalMonthDayNano) -> i128 {
    const DAY: i128 = 86_400_000_000_000;
    i128::from(step.months) * 30 * DAY + i128::from(step.days) * DAY + i128::from(step.nanoseconds)
}

/// Makes the series of each row from a first to a last time by an interval.
fn time_series(call: &Call, zoned: bool, budget: &mut Budget<'_>) -> Result<Vec<Option<ArrayRef>>> {
    let micros = |at: usize| -> Result<Vec<Option<i64>>> {
        if zoned {
            return instants(call, at, call.zone);
        }
        let locals = locals(call, at, call.zone)?.into_iter();
        Ok(locals
            .map(|local| Some(local?.and_utc().timestamp_micros()))
            .collect())
    };
    let zone = if zoned { call.zone } else { Zone::UTC };
    let bounds = micros(0)?.into_iter().zip(micros(1)?);
    let bounds = bounds.map(|(first, last)| first.zip(last));
    rows::zip(bounds, intervals(call, 2)?, |(first, last), step| {
        let length = step_length(step);
        if length == 0 {
            return Err(zero_step());
        }
        let next = |at| add_to_instant(at, step, zone);
        let all = elements(first, last, length > 0, next, budget)?.into_iter();
        if zoned {
            instant_array(all.map(|micros| Ok(Some(micros))))
        } else {
            let local = |micros| Some(DateTime::from_timestamp_micros(micros)?.naive_utc());
            local_array(all.map(|micros| Ok(local(micros))))
        }
    })
    .collect()
}

/// Makes the series of each row from a first to a last integer by a step, or by one.
fn integer_series(
    call: &Call,
    item: &DataType,
    budget: &mut Budget<'_>,
) -> Result<Vec<Option<ArrayRef>>> {
    let (first, last) = (call.integers(0)?, call.integers(1)?);
    let steps: Vec<Option<i64>> = match call.optional_integers(2)? {
        Some(steps) => steps.iter().collect(),
        None => vec![Some(1); call.rows],
    };
    let bounds = first.iter().zip(last.iter());
    let bounds = bounds.map(|(first, last)| first.zip(last));
    rows::zip(bounds, steps, |(first, last), step| {
        if step == 0 {
            return Err(zero_step());
        }
        let next = |at: i64| at.checked_add(step);
        let all = elements(first, last, step > 0, next, budget)?;
        Ok(cast(&Int64Array::from(all), item)?)
    })
    .collect()
}

/// `generate_series(first, last, step)` as a list.
fn series(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = &call.returns else {
        return Err(raise(PgError::internal("a series that is no list")));
    };
    let mut budget = Budget::of("generate_series");
    let series = match item.data_type() {
        DataType::Timestamp(_, zone) => time_series(call, zone.is_some(), &mut budget)?,
        integer => integer_series(call, integer, &mut budget)?,
    };
    let lengths = series
        .iter()
        .map(|array| array.as_ref().map_or(0, |array| array.len()));
    let parts: Vec<&dyn Array> = series.iter().flatten().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() {
        new_empty_array(item.data_type())
    } else {
        concat(&parts)?
    };
    let present: Vec<bool> = series.iter().map(Option::is_some).collect();
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

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT generate_series(1, 3); and of times, SELECT generate_series(date '2026-01-01', '2026-01-31', '1 day');
        Function::new("pg_series", 2..=3, DataType::Null, series)
            .returning(series_type)
            .stable(),
    ]
}
