//! `touch_exclusion(kind, is_bot, …)`: returns why a touch of any class is left out (SPEC A2).

use std::sync::LazyLock;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::SECTION;
use super::verdict::LeftOut;
use crate::columns::{Kind, Parameter, TextColumn, flags, is_set};
use crate::grouped::LabelBuilder;
use crate::scalar::{ScalarFunction, arrays};

const NAME: &str = "touch_exclusion";
const PARAMETERS: [Parameter; 7] = [
    Parameter::new("kind", Kind::Text),
    Parameter::new("is_bot", Kind::Flag),
    Parameter::new("is_machine_open", Kind::Flag),
    Parameter::new("is_transactional", Kind::Flag),
    Parameter::new("exclude_bot_clicks", Kind::Flag),
    Parameter::new("exclude_machine_opens", Kind::Flag),
    Parameter::new("exclude_transactional", Kind::Flag),
];

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "Why a touch is left out, whatever its class: `bot` for a click by a bot, `machine_open` for an open by a machine, \
         `transactional`; the first that holds where the setting of its name excludes it, null if none does. A null flag \
         means no.",
        "touch_exclusion(kind, is_bot, is_machine_open, is_transactional, exclude_bot_clicks, exclude_machine_opens, \
         exclude_transactional)",
    )
    .with_sql_example(
        "```sql\n> SELECT touch_exclusion('clicked', true, NULL, NULL, true, false, false);\nbot\n```",
    )
    .with_argument("kind", "`delivered`, `opened` or `clicked`.")
    .with_argument("is_bot", "Whether a bot clicked. Of clicks alone.")
    .with_argument("is_machine_open", "Whether a machine opened. Of opens alone.")
    .with_argument("is_transactional", "Whether the message is transactional.")
    .with_argument("exclude_bot_clicks", "The account's setting.")
    .with_argument("exclude_machine_opens", "The account's setting.")
    .with_argument("exclude_transactional", "The account's setting.")
    .with_related_udf("touch_class")
    .build()
});

/// Implements `touch_exclusion`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TouchExclusion;

/// Classifies touches by the exclusions that apply to their kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TouchAction {
    Click,
    Open,
    Other,
}

impl TouchAction {
    fn from_kind(name: Option<&str>) -> Self {
        match name {
            Some("clicked") => Self::Click,
            Some("opened") => Self::Open,
            _ => Self::Other,
        }
    }
}

impl ScalarFunction for TouchExclusion {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [kinds, rest @ ..] = &arrays::<7>(NAME, arguments)?;
        let rows = kinds.len();
        let kinds = TextColumn::new(kinds)?.codes(rows, TouchAction::from_kind);
        let mut flag = [None::<&BooleanArray>; 6];
        for (flag, array) in flag.iter_mut().zip(rest) {
            *flag = Some(flags(array)?);
        }
        let is = |which: usize, row: usize| flag[which].is_some_and(|flags| is_set(flags, row));
        let mut reasons = LabelBuilder::new("reason", rows);
        for (row, kind) in kinds.into_iter().enumerate() {
            let reason = if kind == TouchAction::Click && is(3, row) && is(0, row) {
                Some(LeftOut::Bot)
            } else if kind == TouchAction::Open && is(4, row) && is(1, row) {
                Some(LeftOut::MachineOpen)
            } else if is(5, row) && is(2, row) {
                Some(LeftOut::Transactional)
            } else {
                None
            };
            reasons.push(reason.map(|reason| reason.name().as_bytes()))?;
        }
        reasons.finish()
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
    #[case::a2_a_bots_click("'clicked', true, false, false, true, true, true", "bot")]
    #[case::a2_bots_only_click("'opened', true, false, false, true, true, true", "")]
    #[case::a2_where_excluded("'clicked', true, false, false, false, true, true", "")]
    #[case::a2_a_machines_open("'opened', false, true, false, true, true, true", "machine_open")]
    #[case::a2_machines_only_open("'clicked', false, true, false, true, true, true", "")]
    #[case::a2_machine_opens_count_unless_excluded(
        "'opened', false, true, false, true, false, true",
        ""
    )]
    #[case::a2_transactional("'delivered', NULL, NULL, true, true, true, true", "transactional")]
    #[case::a2_transactional_counts_unless_excluded(
        "'delivered', NULL, NULL, true, true, true, false",
        ""
    )]
    #[case::the_first_that_holds("'clicked', true, true, true, true, true, true", "bot")]
    #[case::the_next_where_the_first_is_not_excluded(
        "'clicked', true, true, true, false, true, true",
        "transactional"
    )]
    #[case::null_means_no("'clicked', NULL, NULL, NULL, true, true, true", "")]
    #[case::no_settings("'clicked', true, true, true, NULL, NULL, NULL", "")]
    #[tokio::test]
    async fn constants(#[case] arguments: &str, #[case] expected: &str) {
        let query = format!("SELECT touch_exclusion({arguments})");
        assert_eq!(text_of(&sql(&query, 1).await), [expected]);
    }

    #[tokio::test]
    async fn columns() {
        let query = "SELECT touch_exclusion(kind, bot, NULL, transactional, true, true, transactional) FROM (VALUES
            ('clicked', true, false), ('clicked', NULL, true), ('opened', true, NULL), (NULL, true, NULL))
            AS v(kind, bot, transactional)";
        assert_eq!(
            text_of(&sql(query, 1).await),
            ["bot", "transactional", "", ""]
        );
    }

    #[tokio::test]
    async fn errors() {
        let error =
            sql_error("SELECT touch_exclusion('clicked', 1, NULL, NULL, true, true, true)").await;
        assert!(
            error.contains("touch_exclusion: is_bot must be a boolean"),
            "{error}"
        );
    }
}
