//! `current_date` in the time zone of a session's account.
//!
//! Every date that a shop sees is a day of its own zone (SPEC T2). So `started_on = current_date` and the default range of a
//! saved query must use that zone too, whatever zone the client displays instants in. Operators see accounts of many
//! zones; for them it is the zone of the session: UTC, unless the client sets another.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, FixedOffset, Utc};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use rapport_zones::Tz;

/// The name of the SQL function.
pub(super) const CURRENT_DATE: &str = "current_date";

/// Implements `current_date` and `today` in one zone, or in the session's.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountToday {
    zone: Option<Tz>,
    signature: Signature,
    aliases: Vec<String>,
}

impl AccountToday {
    /// Creates the function for sessions whose days are in a zone; `None` for the zone that the client sets.
    pub fn udf(zone: Option<Tz>) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(AccountToday {
            zone,
            signature: Signature::nullary(Volatility::Stable),
            aliases: vec!["today".to_owned()],
        }))
    }

    /// Returns the day of `now` as Date32. The client's zone is a name, or an offset from UTC in Arrow's form.
    fn day(&self, now: DateTime<Utc>, client_zone: Option<&str>) -> ScalarValue {
        let named = || client_zone.and_then(|name| Tz::named(name).ok());
        let local = match self.zone.or_else(named) {
            Some(zone) => now.with_timezone(&zone).date_naive(),
            None => {
                let offset = client_zone.and_then(|text| text.parse::<FixedOffset>().ok());
                let utc = now.naive_utc();
                offset.map_or(utc, |offset| utc + offset).date()
            }
        };
        ScalarValue::Date32(Some(local.to_epoch_days()))
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

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match info.query_execution_start_time() {
            Some(now) => {
                let client_zone = info.config_options().execution.time_zone.as_deref();
                ExprSimplifyResult::Simplified(lit(self.day(now, client_zone)))
            }
            None => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("current_date is replaced when a statement is planned")
    }
}
