//! `wilson_low(successes, trials)` and `wilson_high(successes, trials)`: the bounds of Wilson's 95 % score interval.
//!
//! When 3 of 3 conversations were resolved, the observed rate is 100 %, but the procedure's true rate may well be 44 %.
//! Wilson's interval is valid for few trials and for rates near 0 and 1, where the normal approximation leaves 0 to 1 or
//! is empty. The two bounds are the roots of one quadratic equation; the lower one is computed from the product of both,
//! which avoids cancellation near 0.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Int64Type};

use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Documentation, DocumentationBuilder};

use super::SECTION;
use crate::columns::{Kind, Parameter, primitive};
use crate::scalar::{ScalarFunction, arrays};

const PARAMETERS: [Parameter; 2] = [
    Parameter::new("successes", Kind::Whole),
    Parameter::new("trials", Kind::Whole),
];

/// The number of standard deviations on either side that hold 95 % of a normal distribution.
const Z: f64 = 1.959_963_984_540_054;

static LOW: LazyLock<Documentation> = LazyLock::new(|| {
    documentation(WilsonBound::Low, "The lower end", "0.20079276")
        .with_related_udf(WilsonBound::High.name())
        .build()
});

static HIGH: LazyLock<Documentation> = LazyLock::new(|| {
    documentation(WilsonBound::High, "The upper end", "0.3173721")
        .with_related_udf(WilsonBound::Low.name())
        .build()
});

fn documentation(end: WilsonBound, which: &str, example: &str) -> DocumentationBuilder {
    let name = end.name();
    Documentation::builder(
        SECTION,
        format!(
            "{which} of Wilson's 95 % score interval of a rate: the rate behind `successes` of `trials` is likely not \
             beyond it. 0 to 1; null where there are no trials."
        ),
        format!("{name}(successes, trials)"),
    )
    .with_sql_example(format!(
        "```sql\n> SELECT round({name}(54, 212), 8);\n{example}\n```"
    ))
    .with_argument("successes", "How many trials succeeded: 0 to `trials`.")
    .with_argument("trials", "How many trials there were.")
}

/// Implements `wilson_low` and `wilson_high`, each a bound of the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum WilsonBound {
    Low,
    High,
}

impl WilsonBound {
    /// Returns this bound; there must be at least one trial.
    fn bound(self, successes: i64, trials: i64) -> f64 {
        let (s, n) = (successes as f64, trials as f64);
        let spread = Z * (s * ((n - s) / n) + Z * Z / 4.0).sqrt();
        let high = (s + Z * Z / 2.0 + spread) / (n + Z * Z);
        match self {
            WilsonBound::High if successes == trials => 1.0,
            WilsonBound::High => high,
            WilsonBound::Low => s * (s / n) / ((n + Z * Z) * high),
        }
    }
}

impl ScalarFunction for WilsonBound {
    fn name(&self) -> &'static str {
        match self {
            WilsonBound::Low => "wilson_low",
            WilsonBound::High => "wilson_high",
        }
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Float64
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [successes, trials] = arrays(self.name(), arguments)?;
        let ends: Float64Array = primitive::<Int64Type>(&successes)?
            .iter()
            .zip(primitive::<Int64Type>(&trials)?)
            .map(|counts| match counts {
                (None, _) | (_, None) => Ok(None),
                (Some(0), Some(0)) => Ok(None),
                (Some(successes), Some(trials)) if (0..=trials).contains(&successes) => {
                    Ok(Some(self.bound(successes, trials)))
                }
                (Some(successes), Some(trials)) => exec_err!(
                    "{}: successes must be 0 to trials, got {successes} of {trials}",
                    self.name()
                ),
            })
            .collect::<Result<_>>()?;
        Ok(Arc::new(ends))
    }

    fn documentation(&self) -> &'static Documentation {
        match self {
            WilsonBound::Low => &LOW,
            WilsonBound::High => &HIGH,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::testing::{sql, sql_error, text_of};

    /// The expected bounds were computed with 60 decimals.
    #[rstest]
    #[case(54, 212, 0.200_792_758_983_584_1, 0.317_372_098_832_745_5)]
    #[case(3, 3, 0.438_502_968_244_954_5, 1.0)]
    #[case(0, 3, 0.0, 0.561_497_031_755_045_5)]
    #[case(0, 10, 0.0, 0.277_532_799_862_889_3)]
    #[case(1, 10, 0.017_876_213_095_072_9, 0.404_150_026_795_238_5)]
    #[case(5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436)]
    #[case::fewest(1, 1, 0.206_549_314_377_237_4, 1.0)]
    #[case::nearly_never(1, 1_000_000, 1.765_245_767_453_714_7e-7, 5.664_911_804_311_443e-6)]
    #[case::nearly_always(999_999, 1_000_000, 0.999_994_335_088_195_7, 0.999_999_823_475_423_3)]
    #[case::many(1, 1_000_000_000_000_000, 1.765_245_549e-16, 5.664_934_265_8e-15)]
    fn bounds_match_wilsons_formula(
        #[case] successes: i64,
        #[case] trials: i64,
        #[case] low: f64,
        #[case] high: f64,
    ) {
        for (end, expected) in [(WilsonBound::Low, low), (WilsonBound::High, high)] {
            let found = end.bound(successes, trials);
            assert!(
                (found - expected).abs() <= expected * 1e-9,
                "{}({successes}, {trials}) is {found}",
                end.name()
            );
        }
    }

    #[rstest]
    #[case::no_trials("0, 0", "|")]
    #[case::unknown_successes("NULL, 3", "|")]
    #[case::unknown_trials("3, NULL", "|")]
    #[case::other_whole_numbers("CAST(0 AS SMALLINT), CAST(3 AS INT)", "0.0|0.56149703")]
    #[tokio::test]
    async fn in_sql(#[case] arguments: &str, #[case] expected: &str) {
        let query =
            format!("SELECT round(wilson_low({arguments}), 8), round(wilson_high({arguments}), 8)");
        assert_eq!(text_of(&sql(&query, 1).await), [expected]);
    }

    #[tokio::test]
    async fn over_counts() {
        let query = "SELECT k, round(wilson_low(count(*) FILTER (WHERE won), count(*)), 4) \
                     FROM (VALUES (1, true), (1, true), (1, true), (2, false)) AS t(k, won) GROUP BY k ORDER BY k";
        assert_eq!(text_of(&sql(query, 4).await), ["1|0.4385", "2|0.0"]);
    }

    #[rstest]
    #[case("4, 3", "successes must be 0 to trials, got 4 of 3")]
    #[case("-1, 3", "successes must be 0 to trials, got -1 of 3")]
    #[case("0, -1", "successes must be 0 to trials, got 0 of -1")]
    #[case("0.5, 1", "successes must be a whole number")]
    #[tokio::test]
    async fn impossible_counts_are_refused(#[case] arguments: &str, #[case] says: &str) {
        let message = sql_error(&format!("SELECT wilson_high({arguments})")).await;
        assert!(message.contains(says), "{message}");
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_rate_and_mirrors(trials in 1..i64::MAX, part in 0.0..=1.0_f64) {
            let successes = ((trials as f64 * part) as i64).min(trials);
            let (low, high) = (WilsonBound::Low.bound(successes, trials), WilsonBound::High.bound(successes, trials));
            let rate = successes as f64 / trials as f64;
            let hair = 1e-12;
            prop_assert!(0.0 <= low && low <= rate + hair && rate <= high + hair && high <= 1.0 + hair);
            let mirrored = 1.0 - WilsonBound::High.bound(trials - successes, trials);
            prop_assert!((low - mirrored).abs() < 1e-9, "{low} and {mirrored}");
        }

        /// At the same rate, more trials give a narrower interval.
        #[test]
        fn more_trials_narrow_the_interval(trials in 1..1_000_000_i64, successes in 0..1_000_000_i64, times in 2..1_000_i64) {
            let successes = successes % (trials + 1);
            let width = |times| WilsonBound::High.bound(successes * times, trials * times) - WilsonBound::Low.bound(successes * times, trials * times);
            prop_assert!(width(times) < width(1));
        }
    }
}
