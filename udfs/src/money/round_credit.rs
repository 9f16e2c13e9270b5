//! `round_credit(sum)`: returns a sum of exact credits as float8, rounded once to 9 decimals (SPEC A7).
//!
//! `exact_credit` cuts 1/3 off at the 24th decimal, so a sum that should lie exactly halfway between two results may lie
//! slightly below it. Rounding to 20 decimals first removes this error.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::SECTION;
use super::divide::divide_half_away;
use crate::columns::{Kind, Parameter, primitive};
use crate::scalar::{ScalarFunction, arrays};

const NAME: &str = "round_credit";
const PARAMETERS: [Parameter; 1] = [Parameter::new("sum", Kind::Credits)];
const BILLION: i128 = 1_000_000_000;

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "A sum of exact credits as float8, rounded half away from zero to 9 decimals.",
        "round_credit(sum)",
    )
    .with_sql_example("```sql\n> SELECT round_credit(exact_credit(3));\n0.333333333\n```")
    .with_argument("sum", "A sum of `exact_credit`s: DECIMAL(38,24).")
    .with_related_udf("exact_credit")
    .build()
});

/// Implements `round_credit`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoundCredit;

/// Returns the float nearest to a DECIMAL(38,24) rounded to 9 decimals.
fn round(credits: i128) -> f64 {
    let at_20 = divide_half_away(credits, 10_i128.pow(4));
    let at_9 = divide_half_away(at_20, 10_i128.pow(11));
    if at_9.abs() < 1 << 53 {
        // Both operands are exact, so the quotient is rounded once.
        return at_9 as f64 / BILLION as f64;
    }
    let (whole, rest) = (at_9 / BILLION, (at_9 % BILLION).abs());
    // Beyond 2^53 billionths `whole` is not zero, so it carries the sign. The text always parses as a number.
    format!("{whole}.{rest:09}").parse().unwrap_or(f64::NAN)
}

impl ScalarFunction for RoundCredit {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Float64
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [sums] = arrays(NAME, arguments)?;
        let rounded: Float64Array = primitive::<Decimal128Type>(&sums)?.unary(round);
        Ok(Arc::new(rounded))
    }

    fn documentation(&self) -> &'static Documentation {
        &DOCUMENTATION
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{sql, text_of};

    #[rstest]
    #[case(10_i128.pow(24), 1.0)]
    #[case(3 * (10_i128.pow(24) / 3), 1.0)]
    #[case(2 * 10_i128.pow(24) / 3, 0.666666667)]
    // Slightly below half of the ninth decimal, as a sum of thirds may be.
    #[case(499_999_999_999_999, 1e-9)]
    #[case(-10_i128.pow(24) / 3, -0.333333333)]
    #[case(99_999_999_999_999 * 10_i128.pow(24), 99_999_999_999_999.0)]
    #[case(12_345_678 * 10_i128.pow(24) + 10_i128.pow(24) / 7, 12_345_678.142857143)]
    fn a7_rounded_once(#[case] sum: i128, #[case] expected: f64) {
        assert_eq!(round(sum), expected);
    }

    #[rstest]
    #[case(
        "SELECT round_credit(sum(exact_credit(c))) FROM (VALUES (3), (3), (3), (7)) AS t(c)",
        "1.142857143"
    )]
    #[case(
        "SELECT round_credit(sum(exact_credit(c))) FROM (VALUES (3)) AS t(c) WHERE c > 3",
        ""
    )]
    #[case("SELECT round_credit(NULL)", "")]
    #[case("SELECT round_credit(2)", "2.0")]
    #[tokio::test]
    async fn in_sql(#[case] query: &str, #[case] expected: &str) {
        assert_eq!(text_of(&sql(query, 4).await), [expected]);
    }
}
