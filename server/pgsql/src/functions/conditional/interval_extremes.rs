//! `greatest` and `least` of intervals, which are compared by their length: 25 hours are more than a day.
//!
//! Of all other types they are DataFusion's. `SELECT greatest(interval '25 hours', interval '1 day')` gives 25:00:00.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use crate::functions::datetime::intervals::{interval_type, span};
use crate::types::interval::from_durations;

/// `greatest` or `least`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    inner: Arc<ScalarUDF>,
    greatest: bool,
}

fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

/// Whether arguments are compared as intervals; differences of times alone are DataFusion's affair.
fn are_intervals(types: &[DataType]) -> bool {
    let is_difference = |of: &DataType| matches!(of, DataType::Duration(_));
    types.iter().any(is_interval) && !types.iter().all(is_difference)
}

impl Extreme {
    /// Picks the longest or shortest value of each row, the first of several.
    fn pick(
        &self,
        columns: &[IntervalMonthDayNanoArray],
        rows: usize,
    ) -> IntervalMonthDayNanoArray {
        (0..rows)
            .map(|row| {
                let values = columns
                    .iter()
                    .filter(|column| column.is_valid(row))
                    .map(|column| column.value(row));
                values.reduce(|kept, next| {
                    let order = span(next).cmp(&span(kept));
                    let better = if self.greatest {
                        order.is_gt()
                    } else {
                        order.is_lt()
                    };
                    if better { next } else { kept }
                })
            })
            .collect()
    }
}

impl ScalarUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if !are_intervals(types) {
            return self.inner.coerce_types(types);
        }
        // DataFusion's cast would make hours of a difference of two times, which is days and a time.
        let coerced = types.iter().map(|of| match of {
            DataType::Duration(_) => of.clone(),
            _ => interval_type(),
        });
        Ok(coerced.collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if are_intervals(types) {
            return Ok(interval_type());
        }
        self.inner.return_type(types)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !matches!(args.return_field.data_type(), DataType::Interval(_)) {
            return self.inner.invoke_with_args(args);
        }
        let constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args
            .args
            .iter()
            .map(|arg| {
                let array = arg.to_array(rows)?;
                match array.data_type() {
                    DataType::Duration(_) => Ok(from_durations(&array)?),
                    _ => Ok(array.as_primitive::<IntervalMonthDayNanoType>().clone()),
                }
            })
            .collect::<Result<Vec<_>>>()?;
        let picked = self.pick(&columns, rows);
        Ok(if constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&picked, 0)?)
        } else {
            ColumnarValue::Array(Arc::new(picked))
        })
    }
}

/// Registers them in a context, in place of DataFusion's.
pub fn register(context: &SessionContext) -> Result<()> {
    for (name, greatest) in [("greatest", true), ("least", false)] {
        let inner = context.udf(name)?;
        context.register_udf(ScalarUDF::from(Extreme { inner, greatest }));
    }
    Ok(())
}
