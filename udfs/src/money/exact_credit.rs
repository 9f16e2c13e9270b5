//! `exact_credit(units)`: returns the credit of one of `units` units (SPEC A7), as a decimal that sums exactly.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Decimal128Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::divide::divide_half_away;
use super::{CREDIT_SCALE, SECTION, check_units, credit_type};
use crate::columns::{Kind, Parameter, primitive};
use crate::scalar::{ScalarFunction, arrays};

const NAME: &str = "exact_credit";
const PARAMETERS: [Parameter; 1] = [Parameter::new("units", Kind::Whole)];
const ONE: i128 = 10_i128.pow(CREDIT_SCALE as u32);

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The credit of one of `units` units that share an order: 1/units as DECIMAL(38,24). Sum these, then \
         `round_credit` the sum.",
        "exact_credit(units)",
    )
    .with_sql_example("```sql\n> SELECT round_credit(sum(exact_credit(units))) FROM (VALUES (3), (3), (3)) AS t(units);\n1.0\n```")
    .with_argument("units", "How many units share the order: a whole number, at least 1.")
    .with_related_udf("round_credit")
    .build()
});

/// Implements `exact_credit`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExactCredit;

impl ScalarFunction for ExactCredit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        credit_type()
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [units] = arrays(NAME, arguments)?;
        let credits: Decimal128Array =
            primitive::<Int64Type>(&units)?.try_unary(|units| match units {
                1 => Ok(ONE),
                units => Ok::<_, datafusion::error::DataFusionError>(divide_half_away(
                    ONE,
                    check_units(NAME, units)?,
                )),
            })?;
        let credits = credits.with_precision_and_scale(38, CREDIT_SCALE)?;
        Ok(Arc::new(credits))
    }

    fn documentation(&self) -> &'static Documentation {
        &DOCUMENTATION
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::testing::{sql, sql_error, text_of};

    #[rstest]
    #[case("exact_credit(1)", "1.000000000000000000000000")]
    #[case("exact_credit(3)", "0.333333333333333333333333")]
    #[case("exact_credit(6)", "0.166666666666666666666667")]
    #[case("exact_credit(arrow_cast(4, 'UInt8'))", "0.250000000000000000000000")]
    #[case("exact_credit(NULL)", "")]
    #[tokio::test]
    async fn a7_credits(#[case] call: &str, #[case] expected: &str) {
        assert_eq!(
            text_of(&sql(&format!("SELECT {call}"), 1).await),
            [expected]
        );
    }

    #[rstest]
    #[case("exact_credit(0)", "units must be at least 1, got 0")]
    #[case("exact_credit(1.5)", "units must be a whole number, got Float64")]
    #[tokio::test]
    async fn errors(#[case] call: &str, #[case] expected: &str) {
        let error = sql_error(&format!("SELECT {call}")).await;
        assert!(error.contains(expected), "{error}");
    }

    #[tokio::test]
    async fn nulls_in_a_column() {
        let query = "SELECT exact_credit(column1) FROM (VALUES (2), (NULL), (1))";
        let rows = text_of(&sql(query, 1).await);
        assert_eq!(
            rows,
            [
                "0.500000000000000000000000",
                "",
                "1.000000000000000000000000"
            ]
        );
    }
}
