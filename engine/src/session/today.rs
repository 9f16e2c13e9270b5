//! `current_date` in the time zone of a session's account.
//!
//! Every date that a shop sees is a day of its own zone (SPEC T2). So `started_on = current_date` and the default range of a
//! saved query must use that zone too, whatever zone the client displays instants in. Operators see accounts of many
//! zones; for them it is the zone of the session: UTC, unless the client sets another.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, FixedOffset, Utc};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use rapport_zones::Tz;

/// The name of the SQL function.
pub(super) const CURRENT_DATE: &str = "current_date";

/// Implements `current_date` and `today` for one statement.
///
/// The function is another one on another day, so a plan that it was used for, or evaluated for, is known to be of that day.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountToday {
    /// The day, as Date32.
    day: i32,
    signature: Signature,
    aliases: Vec<String>,
}

impl AccountToday {
    /// Creates the function for a statement that starts at `now`, in a session whose days are in `zone`; `None` for the
    /// zone that the client sets: a name, or an offset from UTC in Arrow's form.
    pub fn udf(zone: Option<Tz>, client_zone: Option<&str>, now: DateTime<Utc>) -> Arc<ScalarUDF> {
        let named = || client_zone.and_then(|name| Tz::named(name).ok());
        let local = match zone.or_else(named) {
            Some(zone) => now.with_timezone(&zone).date_naive(),
            None => {
                let offset = client_zone.and_then(|text| text.parse::<FixedOffset>().ok());
                let utc = now.naive_utc();
                offset.map_or(utc, |offset| utc + offset).date()
            }
        };
        Arc::new(ScalarUDF::from(AccountToday {
            day: local.to_epoch_days(),
            signature: Signature::nullary(Volatility::Stable),
            aliases: vec!["today".to_owned()],
        }))
    }
}

impl ScalarUDFImpl for AccountToday {
    fn name(&self) -> &str {
        CURRENT_DATE
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn simplify(&self, _args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let day = ScalarValue::Date32(Some(self.day));
        Ok(ExprSimplifyResult::Simplified(lit(day)))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let day = ScalarValue::Date32(Some(self.day));
        Ok(ColumnarValue::Scalar(day))
    }
}
