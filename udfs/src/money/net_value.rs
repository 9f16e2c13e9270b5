//! `net_value(attributed, refunded, units)`: returns an attributed value less its share of the refunds (SPEC A9).

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Int64Type};

use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::divide::divide_half_away;
use super::{SECTION, check_units};
use crate::columns::{Kind, Parameter, primitive};
use crate::scalar::{ScalarFunction, arrays};

const NAME: &str = "net_value";
const PARAMETERS: [Parameter; 3] = [
    Parameter::new("attributed", Kind::Money),
    Parameter::new("refunded", Kind::Money),
    Parameter::new("units", Kind::Whole),
];

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "What is left of an attributed value after its share of the order's refunds: `attributed - refunded / units`, \
         rounded half away from zero to 4 decimals.",
        "net_value(attributed, refunded, units)",
    )
    .with_sql_example(
        "```sql\n> SELECT net_value(CAST('33.3334' AS DECIMAL(18,4)), CAST('10' AS DECIMAL(18,4)), 3);\n30.0001\n```",
    )
    .with_argument("attributed", "The value attributed to the row: DECIMAL(18,4).")
    .with_argument("refunded", "What was refunded of the whole order: DECIMAL(18,4).")
    .with_argument("units", "How many units share the order: a whole number, at least 1.")
    .with_related_udf("exact_credit")
    .build()
});

/// Implements `net_value`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NetValue;

fn net(attributed: i128, refunded: i128, units: i64) -> Result<i128> {
    let units = check_units(NAME, units)?;
    // Both products are below 10^18 x 2^63, which 128 bits hold.
    let net = divide_half_away(attributed * units - refunded, units);
    if net.unsigned_abs() >= 10_u128.pow(18) {
        return exec_err!(
            "{NAME}: {} does not fit into DECIMAL(18,4)",
            Decimal128Type::format_decimal(net, 38, 4)
        );
    }
    Ok(net)
}

impl ScalarFunction for NetValue {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Decimal128(18, 4)
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [attributed, refunded, units] = arrays(NAME, arguments)?;
        let attributed = primitive::<Decimal128Type>(&attributed)?;
        let refunded = primitive::<Decimal128Type>(&refunded)?;
        let units = primitive::<Int64Type>(&units)?;
        let values: Decimal128Array = (0..units.len())
            .map(|row| {
                if attributed.is_null(row) || refunded.is_null(row) || units.is_null(row) {
                    return Ok(None);
                }
                net(attributed.value(row), refunded.value(row), units.value(row)).map(Some)
            })
            .collect::<Result<_>>()?;
        let values = values.with_precision_and_scale(18, 4)?;
        Ok(Arc::new(values))
    }

    fn documentation(&self) -> &'static Documentation {
        &DOCUMENTATION
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::testing::{sql, sql_error, text_of};

    #[rstest]
    #[case::nothing_refunded(80_1000, 0, 1, 80_1000)]
    #[case::all_refunded(80_1000, 80_1000, 1, 0)]
    #[case::a_third(33_3334, 10_0000, 3, 30_0001)]
    #[case::split_off_by_one_step(33_3333, 100_0000, 3, 0)]
    #[case::split_off_by_the_other_step(33_3334, 100_0000, 3, 1)]
    #[case::divide_half_away(1, 1, 2, 1)]
    #[case::half_away_below_zero(0, 1, 2, -1)]
    #[case::largest(999_999_999_999_999_999, 0, i64::MAX, 999_999_999_999_999_999)]
    fn a9_rounded_half_away_from_zero(
        #[case] attributed: i128,
        #[case] refunded: i128,
        #[case] units: i64,
        #[case] expected: i128,
    ) -> Result<()> {
        assert_eq!(net(attributed, refunded, units)?, expected);
        Ok(())
    }

    #[tokio::test]
    async fn columns_with_nulls() {
        let query =
            "SELECT net_value(CAST(a AS DECIMAL(18,4)), CAST(r AS DECIMAL(18,4)), u) FROM (VALUES
            ('10', '3', 2), (NULL, '3', 2), ('10', NULL, 2), ('10', '3', NULL)) AS t(a, r, u)";
        assert_eq!(text_of(&sql(query, 4).await), ["8.5000", "", "", ""]);
    }

    #[rstest]
    #[case("1, 1, 0", "units must be at least 1, got 0")]
    #[case(
        "1.5, 1, 1",
        "net_value: attributed must be a decimal with at most 4 decimals"
    )]
    #[case(
        "99999999999999, -99999999999999, 1",
        "199999999999998.0000 does not fit"
    )]
    #[tokio::test]
    async fn errors(#[case] args: &str, #[case] expected: &str) {
        let error = sql_error(&format!("SELECT net_value({args})")).await;
        assert!(error.contains(expected), "{error}");
    }
}
