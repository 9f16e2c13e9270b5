//! `percentile_cont`: the value at a fraction of the way through sorted values, interpolated between two of them.
//!
//! DataFusion's own interpolates by millionths, which shows (95.049999 for 95.05), and knows no intervals. PostgreSQL's takes
//! `float8`, which numbers of any kind become, and intervals. Values are gathered as they come, column by column, and sorted
//! only as far as the wanted places need it.
//!
//! `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2)) t(x)` gives 1.5.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, IntervalMonthDayNanoArray, ListArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::encode::type_name;
use crate::error::{PgError, code};
use crate::functions::call::{raise, sql_error};
use crate::functions::datetime::intervals::{interval_out_of_range, interval_type, multiply, span};
use crate::types::interval::from_durations;

/// Returns the aggregate function. Its arguments are the values, a fraction or an array of fractions, and whether the order
/// is descending.
pub fn percentile_cont() -> Arc<AggregateUDF> {
    static FUNCTION: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::from(PercentileCont {
            signature: Signature::one_of(vec![TypeSignature::Any(3)], Volatility::Immutable),
        }))
    });
    Arc::clone(&FUNCTION)
}

/// Returns a fraction if it is between 0 and 1.
pub fn check_fraction(value: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(sql_error(
        "22003",
        format!("percentile value {value} is not between 0 and 1"),
    ))
}

/// Returns the type that values are interpolated in.
fn value_type(data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Interval(_) | DataType::Duration(_) => Ok(interval_type()),
        other if other.is_numeric() || other.is_null() => Ok(DataType::Float64),
        other => Err(raise(
            PgError::new(
                code::UNDEFINED_FUNCTION,
                format!(
                    "function percentile_cont(double precision, {}) does not exist",
                    type_name(other)
                ),
            )
            .hint("it takes numbers and intervals"),
        )),
    }
}

fn is_list(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
    )
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PercentileCont {
    signature: Signature,
}

impl AggregateUDFImpl for PercentileCont {
    fn name(&self) -> &str {
        "pg_percentile_cont"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        let item = value_type(args.first().unwrap_or(&DataType::Null))?;
        Ok(match args.get(1) {
            Some(fractions) if is_list(fractions) => DataType::new_list(item, true),
            _ => item,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let several = is_list(args.return_field.data_type());
        let item = match args.return_field.data_type() {
            DataType::List(item) => item.data_type(),
            item => item,
        };
        Ok(if item == &DataType::Float64 {
            Box::new(Gathered::<f64>::new(several))
        } else {
            Box::new(Gathered::<IntervalMonthDayNano>::new(several))
        })
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let item = match args.return_field.data_type() {
            DataType::List(item) => item.data_type().clone(),
            item => item.clone(),
        };
        let field = |part: &str, data_type| {
            let name = format!("{}[{part}]", args.name);
            Arc::new(Field::new(name, data_type, true))
        };
        Ok(vec![
            field("values", DataType::new_list(item, true)),
            field("fractions", DataType::new_list(DataType::Float64, true)),
            field("descending", DataType::Boolean),
        ])
    }
}

/// A type of values that can be sorted and interpolated.
trait Value: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// Appends the values of a column that are not null.
    fn append(values: &mut Vec<Self>, array: &ArrayRef) -> Result<()>;
    /// Compares two values as PostgreSQL sorts them.
    fn compare(&self, other: &Self) -> Ordering;
    /// Interpolates from this value to another; none where the result is out of range.
    fn interpolate(self, other: Self, part: f64) -> Option<Self>;
    /// Makes a column of values, without a copy.
    fn array(values: Vec<Self>) -> ArrayRef;
    /// Makes a scalar of a value.
    fn scalar(value: Option<Self>) -> ScalarValue;
    /// The Arrow type of the values.
    fn data_type() -> DataType;
}

impl Value for f64 {
    fn append(values: &mut Vec<f64>, array: &ArrayRef) -> Result<()> {
        let array = cast(array, &DataType::Float64)?;
        let floats = array.as_primitive::<Float64Type>();
        if floats.null_count() == 0 {
            values.extend_from_slice(floats.values());
        } else {
            values.extend(floats.iter().flatten());
        }
        Ok(())
    }

    fn compare(&self, other: &f64) -> Ordering {
        // NaN sorts above all else, whatever its sign.
        let order = self.partial_cmp(other);
        order.unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
    }

    fn interpolate(self, other: f64, part: f64) -> Option<f64> {
        Some(self + part * (other - self))
    }

    fn array(values: Vec<f64>) -> ArrayRef {
        Arc::new(Float64Array::from(values))
    }

    fn scalar(value: Option<f64>) -> ScalarValue {
        ScalarValue::Float64(value)
    }

    fn data_type() -> DataType {
        DataType::Float64
    }
}

impl Value for IntervalMonthDayNano {
    fn append(values: &mut Vec<IntervalMonthDayNano>, array: &ArrayRef) -> Result<()> {
        let array: IntervalMonthDayNanoArray = match array.data_type() {
            DataType::Duration(_) => from_durations(array)?,
            _ => cast(array, &interval_type())?
                .as_primitive::<IntervalMonthDayNanoType>()
                .clone(),
        };
        values.extend(array.iter().flatten());
        Ok(())
    }

    fn compare(&self, other: &IntervalMonthDayNano) -> Ordering {
        span(*self).cmp(&span(*other))
    }

    fn interpolate(self, other: IntervalMonthDayNano, part: f64) -> Option<IntervalMonthDayNano> {
        let distance = multiply(other.checked_sub(self)?, part)?;
        self.checked_add(distance)
    }

    fn array(values: Vec<IntervalMonthDayNano>) -> ArrayRef {
        Arc::new(IntervalMonthDayNanoArray::from(values))
    }

    fn scalar(value: Option<IntervalMonthDayNano>) -> ScalarValue {
        ScalarValue::IntervalMonthDayNano(value)
    }

    fn data_type() -> DataType {
        interval_type()
    }
}

/// Gathers the values of a group.
#[derive(Debug)]
struct Gathered<T> {
    values: Vec<T>,
    /// The wanted fractions: none before the first row, and where the array of them is null.
    fractions: Option<Vec<Option<f64>>>,
    descending: bool,
    /// Whether the result is an array with one value for each fraction.
    several: bool,
}

impl<T: Value> Gathered<T> {
    fn new(several: bool) -> Gathered<T> {
        Gathered {
            values: Vec::new(),
            fractions: None,
            descending: false,
            several,
        }
    }

    /// The fractions are the same in every row: PostgreSQL evaluates them once.
    fn set_fractions(&mut self, array: &ArrayRef) -> Result<()> {
        if self.fractions.is_some() || array.is_empty() || array.is_null(0) {
            return Ok(());
        }
        let first = array.slice(0, 1);
        let listed = if self.several {
            cast(&first, &DataType::new_list(DataType::Float64, true))?
                .as_list::<i32>()
                .value(0)
        } else {
            cast(&first, &DataType::Float64)?
        };
        let fractions = listed.as_primitive::<Float64Type>().iter();
        let fractions = fractions.map(|value| value.map(check_fraction).transpose());
        self.fractions = Some(fractions.collect::<Result<_>>()?);
        Ok(())
    }

    fn at(&mut self, fraction: f64) -> Result<Option<T>> {
        let Some(last) = self.values.len().checked_sub(1) else {
            return Ok(None);
        };
        let place = fraction * last as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        let descending = self.descending;
        let order = |a: &T, b: &T| {
            if descending {
                b.compare(a)
            } else {
                a.compare(b)
            }
        };
        let (_, low, above) = self.values.select_nth_unstable_by(low, order);
        let low = *low;
        if part == 0.0 {
            return Ok(Some(low));
        }
        let Some(high) = above.iter().min_by(|a, b| order(a, b)) else {
            return Ok(Some(low));
        };
        let between = low.interpolate(*high, part);
        between.map(Some).ok_or_else(interval_out_of_range)
    }
}

impl<T: Value> Accumulator for Gathered<T> {
    fn update_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let [values, fractions, descending] = arrays else {
            return Err(raise(PgError::internal(
                "percentile_cont of other arguments",
            )));
        };
        self.set_fractions(fractions)?;
        if !descending.is_empty() {
            self.descending = descending.as_boolean().value(0);
        }
        T::append(&mut self.values, values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, fractions, descending] = states else {
            return Err(raise(PgError::internal("percentile_cont of other states")));
        };
        let (values, fractions) = (values.as_list::<i32>(), fractions.as_list::<i32>());
        for row in 0..values.len() {
            T::append(&mut self.values, &values.value(row))?;
            if self.fractions.is_none() && fractions.is_valid(row) {
                let listed = fractions.value(row);
                let listed = listed.as_primitive::<Float64Type>().iter();
                self.fractions = Some(listed.collect());
                self.descending = descending.as_boolean().value(row);
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        // The values become the state without a copy: as scalars they would be several times as large, uncounted.
        let values = T::array(std::mem::take(&mut self.values));
        let fractions = match &self.fractions {
            Some(fractions) => {
                let fractions: Vec<_> = fractions.iter().copied().map(f64::scalar).collect();
                ScalarValue::new_list_nullable(&fractions, &DataType::Float64)
            }
            None => Arc::new(ListArray::new_null(
                Arc::new(Field::new_list_field(DataType::Float64, true)),
                1,
            )),
        };
        Ok(vec![
            SingleRowListArrayBuilder::new(values).build_list_scalar(),
            ScalarValue::List(fractions),
            ScalarValue::Boolean(Some(self.descending)),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let fractions = self.fractions.take().filter(|_| !self.values.is_empty());
        let Some(fractions) = fractions else {
            let none = if self.several {
                DataType::new_list(T::data_type(), true)
            } else {
                T::data_type()
            };
            return ScalarValue::try_from(&none);
        };
        let found: Vec<ScalarValue> = fractions
            .iter()
            .map(|wanted| match wanted {
                Some(wanted) => self.at(*wanted).map(T::scalar),
                None => Ok(T::scalar(None)),
            })
            .collect::<Result<_>>()?;
        self.fractions = Some(fractions);
        if self.several {
            let list = ScalarValue::new_list_nullable(&found, &T::data_type());
            return Ok(ScalarValue::List(list));
        }
        Ok(found.into_iter().next().unwrap_or_else(|| T::scalar(None)))
    }

    fn size(&self) -> usize {
        let fractions = self.fractions.as_ref().map_or(0, Vec::capacity);
        size_of_val(self)
            + self.values.capacity() * size_of::<T>()
            + fractions * size_of::<Option<f64>>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use datafusion::arrow::array::{BooleanArray, Int64Array};
    use rstest::rstest;

    use super::*;

    fn gathered(values: ArrayRef, fraction: f64, descending: bool) -> Gathered<f64> {
        let rows = values.len();
        let mut gathered = Gathered::new(false);
        gathered
            .update_batch(&[
                values,
                Arc::new(Float64Array::from(vec![fraction; rows])),
                Arc::new(BooleanArray::from(vec![descending; rows])),
            ])
            .unwrap();
        gathered
    }

    #[rstest]
    #[case(0.0, false, 1.0)]
    #[case(0.95, false, 95.05)]
    #[case(0.95, true, 5.95)]
    #[case(0.5, false, 50.5)]
    #[case(1.0, false, 100.0)]
    fn a_place_between_two_values_is_between_them(
        #[case] fraction: f64,
        #[case] descending: bool,
        #[case] expected: f64,
    ) {
        let values: Vec<Option<i64>> = (1..=100).rev().map(Some).chain([None]).collect();
        let values = Arc::new(Int64Array::from(values));
        let found = gathered(values, fraction, descending).evaluate().unwrap();
        let near = |found: f64| (found - expected).abs() < 1e-12;
        assert!(
            matches!(found, ScalarValue::Float64(Some(found)) if near(found)),
            "{found}"
        );
    }

    #[test]
    fn states_are_merged() {
        let mut parts = [1..=50_i64, 51..=100]
            .map(|part| gathered(Arc::new(Int64Array::from_iter_values(part)), 0.25, false));
        let mut whole = Gathered::<f64>::new(false);
        for part in &mut parts {
            let states = part.state().unwrap();
            let states: Vec<ArrayRef> = states.iter().map(|s| s.to_array().unwrap()).collect();
            whole.merge_batch(&states).unwrap();
        }
        assert_eq!(whole.evaluate().unwrap(), ScalarValue::Float64(Some(25.75)));
    }

    #[test]
    fn no_values_give_null() {
        let none = Arc::new(Int64Array::from(vec![None::<i64>]));
        let found = gathered(none, 0.5, false).evaluate().unwrap();
        assert_eq!(found, ScalarValue::Float64(None));
    }

    #[test]
    fn a_fraction_is_between_0_and_1() {
        assert!(check_fraction(1.0).is_ok());
        assert!(check_fraction(-0.1).is_err());
        assert!(check_fraction(f64::NAN).is_err());
    }
}
