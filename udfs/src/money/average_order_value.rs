//! `average_order_value(sales, credits)`: returns sales divided by credits, rounded to 4 decimals (SPEC M4).
//!
//! A sum of fractional credits has a small error, because a credit such as 1/3 is cut to 24 decimals. A quotient that lies
//! within this error of the middle between two results is taken to be the middle, and rounded away from zero. The
//! computation uses 256-bit integers, so that sums of the largest values divide exactly too.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, i256};

use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::{CREDIT_SCALE, SECTION};
use crate::columns::{Kind, Parameter, primitive};
use crate::scalar::{ScalarFunction, arrays};

const NAME: &str = "average_order_value";
const PARAMETERS: [Parameter; 2] = [
    Parameter::new("sales", Kind::MoneySum),
    Parameter::new("credits", Kind::Credits),
];

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "Sales divided by a sum of exact credits, rounded half away from zero to 4 decimals; null where there are no \
         credits.",
        "average_order_value(sales, credits)",
    )
    .with_sql_example(
        "```sql\n> SELECT average_order_value(sum(attributed_value), sum(exact_credit(units))) FROM attributed;\n42.1250\n```",
    )
    .with_argument("sales", "A sum of money: a decimal with at most 4 decimals.")
    .with_argument("credits", "A sum of `exact_credit`s: DECIMAL(38,24).")
    .with_related_udf("exact_credit")
    .build()
});

/// Implements `average_order_value`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AverageOrderValue;

const ONE: i128 = 10_i128.pow(CREDIT_SCALE as u32);

/// Returns a bound of the error of a sum of credits, in steps of its last decimal: half a step for each row, of which a
/// credit of 1 has only a few. A whole sum is exact.
fn rounding_error(credits: i128) -> i128 {
    match credits % ONE {
        0 => 0,
        _ => 1_000 + credits / ONE * 8,
    }
}

/// Divides a DECIMAL(38,4) by a DECIMAL(38,24) as DECIMAL(38,4). None where the result does not fit.
fn average(sales: i128, credits: i128) -> Option<i128> {
    let wide = |number: i128| i256::from_i128(number);
    let (size, divisor) = (sales.checked_abs()?, credits.checked_abs()?);
    // Both have the same scale then: 38 digits and 24 more fit into 256 bits.
    let size = wide(size).checked_mul(wide(ONE))?;
    let whole = size.checked_div(wide(divisor))?;
    let rest = size.checked_rem(wide(divisor))?;
    let from_middle = rest.checked_add(rest)?.checked_sub(wide(divisor))?;
    // size / (divisor - lacking) is about size * lacking / divisor^2 away from size / divisor.
    let uncertain = size.checked_mul(wide(2 * rounding_error(divisor)));
    let distance = from_middle.wrapping_abs().checked_mul(wide(divisor));
    let is_middle = matches!((distance, uncertain), (Some(d), Some(u)) if d <= u);
    let up = i128::from(is_middle || from_middle >= wide(0));
    let average = whole.to_i128()?.checked_add(up)? * sales.signum() * credits.signum();
    (average.unsigned_abs() < 10_u128.pow(38)).then_some(average)
}

impl ScalarFunction for AverageOrderValue {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Decimal128(38, 4)
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [sales, credits] = arrays(NAME, arguments)?;
        let sales = primitive::<Decimal128Type>(&sales)?;
        let credits = primitive::<Decimal128Type>(&credits)?;
        let averages: Decimal128Array = sales
            .iter()
            .zip(credits)
            .map(|pair| match pair {
                (None, _) | (_, None | Some(0)) => Ok(None),
                (Some(sales), Some(credits)) => {
                    average(sales, credits).map(Some).ok_or_else(|| {
                        exec_datafusion_err!(
                            "{NAME}: {} / {} does not fit into DECIMAL(38,4)",
                            Decimal128Type::format_decimal(sales, 38, 4),
                            Decimal128Type::format_decimal(credits, 38, 24)
                        )
                    })
                }
            })
            .collect::<Result<_>>()?;
        let averages = averages.with_precision_and_scale(38, 4)?;
        Ok(Arc::new(averages))
    }

    fn documentation(&self) -> &'static Documentation {
        &DOCUMENTATION
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::testing::{sql, text_of};

    #[rstest]
    #[case::exact(80_1000, 2 * ONE, 40_0500)]
    #[case::half_up(1_0001, 2 * ONE, 5001)]
    #[case::half_away_below_zero(-1_0001, 2 * ONE, -5001)]
    // 1 / 3 credits: 0.333... of 24 digits must not make 3.0000000000000000003 of it.
    #[case::thirds(1_0000, ONE / 3, 3_0000)]
    #[case::thirds_at_a_half(5, 10 * (ONE / 3 * 3) / 10 * 10, 1)]
    // 1/6 and 1/2, of which the sixth is rounded up at its 24th decimal: 3000000000.00015 exactly.
    #[case::a_half_of_large_sums(20_000_000_000_001, ONE / 6 + 1 + ONE / 2, 30_000_000_000_002)]
    #[case::a_half_of_larger_sums(-20_000_000_000_000_001, ONE / 6 + 1 + ONE / 2, -30_000_000_000_000_002)]
    #[case::nearly_a_half(29_999_999_999_999, 2 * ONE - 1, 15_000_000_000_000)]
    #[case::less_than_a_half(4_9999, 10_0000 * ONE, 0)]
    #[case::largest(10_i128.pow(38) - 1, ONE, 10_i128.pow(38) - 1)]
    #[case::largest_of_many(999_999_999_999_999_999 * 3, 3 * ONE, 999_999_999_999_999_999)]
    fn m4_rounded_half_away_from_zero(
        #[case] sales: i128,
        #[case] credits: i128,
        #[case] expected: i128,
    ) {
        assert_eq!(average(sales, credits), Some(expected));
    }

    #[test]
    fn too_large_is_refused() {
        assert_eq!(average(10_i128.pow(38) - 1, ONE / 1000), None);
    }

    #[rstest]
    #[case("CAST('10' AS DECIMAL(18,4)), exact_credit(3)", "30.0000")]
    #[case("CAST('10' AS DECIMAL(18,4)), CAST(0 AS DECIMAL(38,24))", "")]
    #[case("NULL, exact_credit(3)", "")]
    #[case("CAST('10' AS DECIMAL(18,4)), NULL", "")]
    #[tokio::test]
    async fn m4_null_where_there_are_none(#[case] args: &str, #[case] expected: &str) {
        let query = format!("SELECT average_order_value({args})");
        assert_eq!(text_of(&sql(&query, 1).await), [expected]);
    }

    #[tokio::test]
    async fn over_sums() {
        let query = "SELECT average_order_value(sum(v), sum(exact_credit(u))) FROM (VALUES
            (CAST('33.3333' AS DECIMAL(18,4)), 3), (CAST('66.6667' AS DECIMAL(18,4)), 3)) AS t(v, u)";
        assert_eq!(text_of(&sql(query, 4).await), ["150.0000"]);
        assert_eq!(
            text_of(&sql(&format!("{query} WHERE u > 3"), 4).await),
            [""]
        );
    }

    proptest! {
        /// For whole credits the rule is simple: value / n, half away from zero.
        #[test]
        fn m4_of_whole_credits(sales in -10_i128.pow(30)..10_i128.pow(30), n in 1..1_000_000_i128) {
            let expected = (2 * sales.abs() + n) / (2 * n) * sales.signum();
            prop_assert_eq!(average(sales, n * ONE), Some(expected), "{}", Decimal128Type::format_decimal(sales, 38, 4));
        }
    }
}
