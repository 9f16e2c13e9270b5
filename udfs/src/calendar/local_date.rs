//! `local_date(instant, zone)`: returns the day of an instant (SPEC T2).

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Date32Array};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Documentation, Expr};

use super::{RowZones, find_zone, first_argument_ordering};
use crate::columns::{Instants, Kind, Parameter, TextColumn};
use crate::scalar::ScalarFunction;

const NAME: &str = "local_date";
const PARAMETERS: [Parameter; 2] = [
    Parameter::new("instant", Kind::Instant),
    Parameter::new("zone", Kind::Text),
];

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_DATETIME,
        "The calendar day of an instant in a time zone: the last day that began at or before it. A day begins at local \
         midnight, at the first instant that exists where clocks skip midnight, at the earlier one where it comes twice.",
        "local_date(instant, zone)",
    )
    .with_sql_example(
        "```sql\n> SELECT local_date(TIMESTAMP '2026-03-09T03:59:59Z', 'America/New_York');\n2026-03-08\n```",
    )
    .with_argument("instant", "A timestamp; one without a zone is taken as UTC.")
    .with_argument("zone", "An IANA time zone name.")
    .with_related_udf("day_start")
    .build()
});

/// Implements `local_date`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LocalDate;

impl ScalarFunction for LocalDate {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Date32
    }

    fn compute(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let [instants, zones] = take_function_args(NAME, arguments)?;
        let array = instants.to_array(rows)?;
        let instants = Instants::new(&array)?;
        let dates: Date32Array = match zones {
            ColumnarValue::Scalar(zone) => match zone.try_as_str().flatten() {
                None => Date32Array::new_null(rows),
                Some(zone) => {
                    let mut cursor = find_zone(NAME, zone)?.cursor();
                    (0..rows)
                        .map(|row| instants.get(row).map(|instant| cursor.date(instant)))
                        .collect()
                }
            },
            ColumnarValue::Array(zones) => {
                let mut zones = RowZones::new(TextColumn::new(zones)?);
                (0..rows)
                    .map(|row| {
                        let zone = zones.get(row, NAME)?;
                        Ok(zone.zip(instants.get(row)).map(|(zone, at)| zone.date(at)))
                    })
                    .collect::<Result<_>>()?
            }
        };
        Ok(Arc::new(dates))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> SortProperties {
        first_argument_ordering(inputs)
    }

    /// Returns the range of instants of a day, so that `local_date(occurred_at, 'UTC') = DATE '2026-01-05'` becomes a
    /// filter on `occurred_at`.
    fn preimage(
        &self,
        args: &[Expr],
        date: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        let [instant, zone] = take_function_args(NAME, args)?;
        let (Some(ScalarValue::Date32(Some(day))), Some(zone)) = (
            date.as_literal(),
            zone.as_literal()
                .and_then(|zone| zone.try_as_str().flatten()),
        ) else {
            return Ok(PreimageResult::None);
        };
        let DataType::Timestamp(TimeUnit::Microsecond, shown_in) = info.get_data_type(instant)?
        else {
            return Ok(PreimageResult::None);
        };
        let zone = find_zone(NAME, zone)?;
        let (Some(start), Some(end)) = (
            zone.start(*day),
            day.checked_add(1).and_then(|next| zone.start(next)),
        ) else {
            return Ok(PreimageResult::None);
        };
        let bound = |at| ScalarValue::TimestampMicrosecond(Some(at), shown_in.clone());
        Ok(PreimageResult::Range {
            expr: instant.clone(),
            interval: Box::new(Interval::try_new(bound(start), bound(end))?),
        })
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
    #[case(
        "local_date(TIMESTAMP '2026-03-09T03:59:59.999999Z', 'America/New_York')",
        "2026-03-08"
    )]
    #[case(
        "local_date(TIMESTAMP '2026-03-09T04:00:00Z', 'America/New_York')",
        "2026-03-09"
    )]
    #[case("local_date('2011-12-30T10:00:00Z', 'Pacific/Apia')", "2011-12-31")]
    #[case(
        "local_date(arrow_cast(0, 'Timestamp(Second, None)'), 'Asia/Tokyo')",
        "1970-01-01"
    )]
    #[case(
        "local_date(zone => 'UTC', instant => TIMESTAMP '2026-01-01T23:59:59Z')",
        "2026-01-01"
    )]
    #[case("local_date(NULL, 'UTC')", "")]
    #[case("local_date(now(), NULL)", "")]
    #[tokio::test]
    async fn constants(#[case] call: &str, #[case] expected: &str) {
        assert_eq!(
            text_of(&sql(&format!("SELECT {call}"), 1).await),
            [expected]
        );
    }

    #[tokio::test]
    async fn zones_of_rows_with_nulls_and_dictionaries() {
        let query = "SELECT local_date(t, arrow_cast(z, 'Dictionary(Int8, Utf8)')) FROM (VALUES
            (TIMESTAMP '2026-01-01T02:00:00Z', 'America/New_York'), (TIMESTAMP '2026-01-01T02:00:00Z', 'Asia/Tokyo'),
            (TIMESTAMP '2026-01-01T02:00:00Z', NULL), (NULL, 'UTC')) AS v(t, z)";
        assert_eq!(
            text_of(&sql(query, 4).await),
            ["2025-12-31", "2026-01-01", "", ""]
        );
        let query = query.replace("'Asia/Tokyo'", "'Mars/Olympus'");
        let error = sql_error(&query).await;
        assert!(
            error.contains("local_date: unknown time zone \"Mars/Olympus\""),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_empty_table_gives_no_rows() {
        let query = "SELECT local_date(t, 'UTC') FROM (SELECT now() AS t) WHERE t IS NULL";
        assert!(text_of(&sql(query, 1).await).is_empty());
    }

    /// A filter on the day becomes a filter on the instant, with the same results.
    #[rstest]
    #[case("=", 2)]
    #[case("<>", 2)]
    #[case("<", 1)]
    #[case("<=", 3)]
    #[case(">", 1)]
    #[case(">=", 3)]
    #[tokio::test]
    async fn a_filter_on_a_day_becomes_one_on_the_instant(
        #[case] operator: &str,
        #[case] expected: usize,
    ) {
        let query = format!(
            "SELECT t FROM (SELECT arrow_cast(column1, 'Timestamp(Microsecond, Some(\"UTC\"))') AS t FROM (VALUES
                ('2026-03-08T04:59:59.999999Z'), ('2026-03-08T05:00:00Z'), ('2026-03-09T03:59:59Z'),
                ('2026-03-09T04:00:00Z'), (NULL)))
             WHERE local_date(t, 'America/New_York') {operator} DATE '2026-03-08'"
        );
        assert_eq!(text_of(&sql(&query, 1).await).len(), expected);
        let plan = text_of(&sql(&format!("EXPLAIN {query}"), 1).await).join("\n");
        assert!(!plan.contains("local_date"), "{plan}");
    }
}
