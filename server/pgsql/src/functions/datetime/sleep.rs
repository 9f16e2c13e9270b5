//! `pg_sleep(seconds)`: waits without a thread. `SELECT pg_sleep(1.5)`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sleep {
    signature: Signature,
}

impl ScalarUDFImpl for Sleep {
    fn name(&self) -> &str {
        "pg_sleep"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::NotImplemented(
            "pg_sleep where nothing can wait".to_owned(),
        ))
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Sleep {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let seconds = args.args[0].to_array(args.number_rows)?;
        for seconds in seconds.as_primitive::<Float64Type>().iter().flatten() {
            if let Ok(duration) = Duration::try_from_secs_f64(seconds) {
                tokio::time::sleep(duration).await;
            }
        }
        let nothing = ScalarValue::from("").to_array_of_size(args.number_rows)?;
        Ok(ColumnarValue::Array(nothing))
    }
}

/// Registers `pg_sleep` in a context.
pub fn register(context: &SessionContext) {
    let sleep = Sleep {
        signature: Signature::exact(vec![DataType::Float64], Volatility::Volatile),
    };
    context.register_udf(AsyncScalarUDF::new(Arc::new(sleep)).into_scalar_udf());
}
