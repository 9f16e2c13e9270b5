//! Ordered-set aggregates that give one of the values: `percentile_disc` and `mode`, of an array that `array_agg` sorted.

use datafusion::arrow::array::{Array, ArrayRef, ListArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::percentile_cont::check_fraction;
use crate::error::code;
use crate::functions::array::{item_type, lists};
use crate::functions::call::{Call, sql_error};
use crate::functions::function::Function;

/// Takes, of each list of sorted values, the element at the index that `place` returns.
fn take_each(
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
    let fractions = call.floats(1)?;
    take_each(call, |lists, row| {
        if fractions.is_null(row) {
            return Ok(None);
        }
        let length = lists.value_length(row) as f64;
        let fraction = check_fraction(fractions.value(row))?;
        let place = (fraction * length).ceil().max(1.0);
        Ok(Some(place as usize - 1))
    })
}

/// Takes the most frequent of sorted values, the first of several.
fn mode(call: &Call) -> Result<ArrayRef> {
    take_each(call, |lists, row| {
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

/// Returns the functions of this file.
pub fn functions() -> Vec<Function> {
    vec![
        // SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (7)) t(x); → 2
        Function::new("pg_percentile_disc", 2..=2, DataType::Null, percentile_disc).returning(
            |args, constants| match args.get(1) {
                Some(DataType::List(_)) => Err(sql_error(
                    code::NOT_SUPPORTED,
                    "percentile_disc of an array of fractions is not supported",
                )),
                _ => item_type(args, constants),
            },
        ),
        // SELECT mode() WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2), (2)) t(x); → 2
        Function::new("pg_mode", 1..=1, DataType::Null, mode).returning(item_type),
    ]
}
