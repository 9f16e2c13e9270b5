//! `current_date` in the zone of a session's account.
//!
//! Every date that a shop sees is a day of its own zone (SPEC T2), so `started_on = current_date` and the default range of
//! a saved query must mean that zone too, whatever zone the client prints instants in. For operators, who see many zones, it
//! is the session's: UTC, unless the client sets another.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, FixedOffset, Utc};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use rapport_zones::Tz;

const UNIX_EPOCH_FROM_CE: i32 = 719_163;

/// The name of the function of SQL.
pub(super) const CURRENT_DATE: &str = "current_date";

/// `current_date` and `today`, in one zone or the session's.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountToday {
    zone: Option<Tz>,
    signature: Signature,
    aliases: Vec<String>,
}

impl AccountToday {
    /// The function for sessions whose days are of a zone, or of that which the client sets.
    pub fn udf(zone: Option<Tz>) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(AccountToday {
            zone,
            signature: Signature::nullary(Volatility::Stable),
            aliases: vec!["today".to_owned()],
        }))
    }

    /// The day of `now`. The client's zone is a name, or a distance from UTC as Arrow writes it.
    fn day(&self, now: DateTime<Utc>, of_client: Option<&str>) -> ScalarValue {
        let named = || of_client.and_then(|name| Tz::named(name).ok());
        let local = match self.zone.or_else(named) {
            Some(zone) => now.with_timezone(&zone).date_naive(),
            None => {
                let distance = of_client.and_then(|text| text.parse::<FixedOffset>().ok());
                let utc = now.naive_utc();
                distance.map_or(utc, |distance| utc + distance).date()
            }
        };
        ScalarValue::Date32(Some(local.num_days_from_ce() - UNIX_EPOCH_FROM_CE))
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
                let of_client = info.config_options().execution.time_zone.as_deref();
                ExprSimplifyResult::Simplified(lit(self.day(now, of_client)))
            }
            None => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("current_date is replaced when a statement is planned")
    }
}
