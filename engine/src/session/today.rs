//! `current_date` in the zone of a session's account.
//!
//! Every date that a shop sees is a day of its own zone (SPEC T2), so `started_on = current_date` and the default range of
//! a saved query must mean that zone too, whatever zone the client prints instants in. Operators, who see many zones, keep
//! DataFusion's own `current_date`: the session's zone, UTC.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

const UNIX_EPOCH_FROM_CE: i32 = 719_163;

/// `current_date` and `today`, in one zone.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountToday {
    zone: Tz,
    signature: Signature,
    aliases: Vec<String>,
}

impl AccountToday {
    pub fn udf(zone: Tz) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(AccountToday {
            zone,
            signature: Signature::nullary(Volatility::Stable),
            aliases: vec!["today".to_owned()],
        }))
    }

    fn day(&self, now: DateTime<Utc>) -> ScalarValue {
        let local = now.with_timezone(&self.zone).date_naive();
        ScalarValue::Date32(Some(local.num_days_from_ce() - UNIX_EPOCH_FROM_CE))
    }
}

impl ScalarUDFImpl for AccountToday {
    fn name(&self) -> &str {
        "current_date"
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
            Some(now) => ExprSimplifyResult::Simplified(lit(self.day(now))),
            None => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("current_date is replaced when a statement is planned")
    }
}
