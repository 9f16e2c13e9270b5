//! `longest_window(windows)`: returns how far back, in seconds, a touch can count for an order (SPEC A3).

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::SECTION;
use super::rule_source::rule_error;
use super::rules::{MICROS, Windows};
use crate::columns::{Kind, Parameter, TextColumn};
use crate::scalar::{ScalarFunction, arrays};

const NAME: &str = "longest_window";
const PARAMETERS: [Parameter; 1] = [Parameter::new("windows", Kind::Text)];

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The longest of some attribution windows, in seconds; that of `web_chat` has 24 hours unless given.",
        "longest_window(windows)",
    )
    .with_sql_example("```sql\n> SELECT longest_window('sms_clicked=5 days,sms_opened=1 day');\n432000\n```")
    .with_argument("windows", "The classes that attribute, as of `attribute`.")
    .with_related_udf("attribute")
    .build()
});

/// Implements `longest_window`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LongestWindow;

/// Returns the longest window in seconds; 0 where all are off.
fn seconds(windows: &str) -> Result<i64> {
    let windows: Windows = windows.parse().map_err(|error| rule_error(NAME, &error))?;
    let longest = windows.iter().map(|(_, window)| window).max();
    Ok(longest.unwrap_or(0) / MICROS)
}

impl ScalarFunction for LongestWindow {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Int64
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [windows] = arrays(NAME, arguments)?;
        let texts = TextColumn::new(&windows)?;
        let longest = (0..windows.len()).map(|row| texts.get(row).map(seconds).transpose());
        let longest: Int64Array = longest.collect::<Result<_>>()?;
        Ok(Arc::new(longest))
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
    #[case::a1_web_chat_has_24_hours("''", "86400")]
    #[case::a1_web_chat_beside_shorter_ones("'sms_opened=12 hours,sms_clicked=off'", "86400")]
    #[case::the_longest("'sms_clicked=36 hours,email_opened=5 days'", "432000")]
    #[case::all_off("'web_chat=off'", "0")]
    #[case::null("NULL", "")]
    #[tokio::test]
    async fn constants(#[case] windows: &str, #[case] expected: &str) {
        let query = format!("SELECT longest_window({windows})");
        assert_eq!(text_of(&sql(&query, 1).await), [expected]);
    }

    #[tokio::test]
    async fn errors() {
        let error = sql_error("SELECT longest_window('sms_clicked')").await;
        assert!(
            error.contains("longest_window: attribution windows 'sms_clicked'"),
            "{error}"
        );
    }
}
