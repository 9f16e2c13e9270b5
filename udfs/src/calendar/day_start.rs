//! `day_start(date, zone)`: returns the first instant of a day (SPEC T2).

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, exec_datafusion_err, internal_datafusion_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::{RowZones, Zone, find_zone, first_argument_ordering};
use crate::columns::{Kind, Parameter, TextColumn, instant_type};
use crate::scalar::ScalarFunction;

const NAME: &str = "day_start";
const PARAMETERS: [Parameter; 2] = [
    Parameter::new("date", Kind::Date),
    Parameter::new("zone", Kind::Text),
];

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_DATETIME,
        "The first instant of a calendar day in a time zone; of a date that the zone skips, that of the next day. \
         `local_date(t, z) >= d` holds exactly where `t >= day_start(d, z)`.",
        "day_start(date, zone)",
    )
    .with_sql_example(
        "```sql\n> SELECT day_start(DATE '2026-03-08', 'America/New_York');\n2026-03-08T05:00:00Z\n```",
    )
    .with_argument("date", "A date.")
    .with_argument("zone", "An IANA time zone name.")
    .with_related_udf("local_date")
    .build()
});

/// Implements `day_start`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DayStart;

/// Returns the start of a day as microseconds since 1970, or an error where a timestamp cannot hold it.
fn start(zone: &Zone, day: i32) -> Result<i64> {
    zone.start(day).ok_or_else(|| {
        exec_datafusion_err!(
            "{NAME}: the start of day {day} since 1970-01-01 is beyond what a timestamp holds"
        )
    })
}

impl ScalarFunction for DayStart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        instant_type()
    }

    fn compute(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let [dates, zones] = take_function_args(NAME, arguments)?;
        let array = dates.to_array(rows)?;
        let dates = array
            .as_primitive_opt::<Date32Type>()
            .ok_or_else(|| internal_datafusion_err!("{NAME}: not a date: {}", array.data_type()))?;
        let starts: TimestampMicrosecondArray = match zones {
            ColumnarValue::Scalar(zone) => match zone.try_as_str().flatten() {
                None => TimestampMicrosecondArray::new_null(rows),
                Some(zone) => {
                    let zone = find_zone(NAME, zone)?;
                    dates
                        .iter()
                        .map(|day| day.map(|day| start(zone, day)).transpose())
                        .collect::<Result<_>>()?
                }
            },
            ColumnarValue::Array(zones) => {
                let mut zones = RowZones::new(TextColumn::new(zones)?);
                dates
                    .iter()
                    .enumerate()
                    .map(|(row, day)| {
                        let zone = zones.get(row, NAME)?;
                        zone.zip(day)
                            .map(|(zone, day)| start(zone, day))
                            .transpose()
                    })
                    .collect::<Result<_>>()?
            }
        };
        Ok(Arc::new(starts.with_timezone("UTC")))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> SortProperties {
        first_argument_ordering(inputs)
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
        "day_start(DATE '2026-03-08', 'America/New_York')",
        "2026-03-08T05:00:00Z"
    )]
    #[case("day_start('2026-03-29', 'Asia/Beirut')", "2026-03-28T22:00:00Z")]
    #[case("day_start(DATE '2011-12-30', 'Pacific/Apia')", "2011-12-30T10:00:00Z")]
    #[case("day_start(NULL, 'UTC')", "")]
    #[case("day_start(DATE '2026-01-01', NULL)", "")]
    #[tokio::test]
    async fn constants(#[case] call: &str, #[case] expected: &str) {
        assert_eq!(
            text_of(&sql(&format!("SELECT {call}"), 1).await),
            [expected]
        );
    }

    #[tokio::test]
    async fn columns_of_dates_and_zones() {
        let query = "SELECT day_start(d, z), day_start(d, 'UTC') FROM (VALUES (DATE '2026-01-01', 'Asia/Tokyo'),
            (DATE '2026-01-02', 'UTC'), (NULL, 'UTC'), (DATE '2026-01-02', NULL)) AS v(d, z)";
        let rows = text_of(&sql(query, 4).await);
        assert_eq!(
            rows,
            [
                "2025-12-31T15:00:00Z|2026-01-01T00:00:00Z",
                "2026-01-02T00:00:00Z|2026-01-02T00:00:00Z",
                "|",
                "|2026-01-02T00:00:00Z"
            ]
        );
    }

    #[rstest]
    #[case(
        "day_start(arrow_cast(2147483647, 'Date32'), 'UTC')",
        "beyond what a timestamp holds"
    )]
    #[case("day_start(DATE '2026-01-01', 'utc?')", "unknown time zone \"utc?\"")]
    #[case("day_start(1.5, 'UTC')", "day_start: date must be a date, got Float64")]
    #[tokio::test]
    async fn errors(#[case] call: &str, #[case] expected: &str) {
        let error = sql_error(&format!("SELECT {call}")).await;
        assert!(error.contains(expected), "{error}");
    }
}
