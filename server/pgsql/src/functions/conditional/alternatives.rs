//! `coalesce`, `nullif`, `greatest` and `least` while a query is planned, with arguments of several types.
//!
//! DataFusion wants one type at once, and finds another one than PostgreSQL: it knows neither what a literal stands for
//! nor in which zone a date begins. So the calls take what comes, tell the type that the result will have, and are replaced
//! by DataFusion's once their arguments have it (see `analyze`).

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use crate::error::PgError;
use crate::functions::call::raise;
use crate::functions::function::call_name;

/// Returns the type that values of several types are cast to where there must be one; none where they have none in common.
pub fn common_type(types: &[DataType]) -> Option<DataType> {
    let mut known = types.iter().filter(|of| !of.is_null());
    let first = known.next()?;
    if known.all(|of| of == first) {
        return Some(first.clone());
    }
    let known = || types.iter().filter(|of| !of.is_null());
    let is_date_or_time = |of: &DataType| {
        matches!(
            of,
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)
        )
    };
    if known().all(is_date_or_time) {
        let zoned = known().any(|of| matches!(of, DataType::Timestamp(_, Some(_))));
        let timed = known().any(|of| matches!(of, DataType::Timestamp(..)));
        return Some(match (zoned, timed) {
            (true, _) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            (false, true) => DataType::Timestamp(TimeUnit::Microsecond, None),
            (false, false) => DataType::Date32,
        });
    }
    // Not numeric, which has no room for every float.
    if known().all(DataType::is_numeric) {
        for float in [DataType::Float64, DataType::Float32] {
            if known().any(|of| *of == float) {
                return Some(float);
            }
        }
    }
    let known: Vec<DataType> = known().cloned().collect();
    type_union_resolution(&known)
}

/// Whether a literal is null or a text, which stands for a value of any type.
pub fn is_unknown_literal(literal: &ScalarValue) -> bool {
    literal.data_type().is_null() || literal.try_as_str().is_some()
}

/// One of the four functions, named `pg_coalesce` and so on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Alternatives {
    name: String,
    signature: Signature,
    inner: Arc<ScalarUDF>,
}

impl Alternatives {
    /// Returns DataFusion's function.
    pub fn inner(&self) -> &Arc<ScalarUDF> {
        &self.inner
    }
}

impl ScalarUDFImpl for Alternatives {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        call_name(self.inner.name(), args)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(common_type(types).unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let is_known = |at: &usize| {
            let literal = args.scalar_arguments.get(*at).copied().flatten();
            !literal.is_some_and(is_unknown_literal)
        };
        let all = 0..args.arg_fields.len();
        let mut types: Vec<DataType> = all
            .filter(is_known)
            .map(|at| args.arg_fields[at].data_type().clone())
            .collect();
        if types.iter().all(DataType::is_null) {
            types = args
                .arg_fields
                .iter()
                .map(|field| field.data_type().clone())
                .collect();
        }
        let of = common_type(&types)
            .or_else(|| types.into_iter().next())
            .unwrap_or(DataType::Null);
        Ok(Arc::new(Field::new(self.inner.name(), of, true)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = &self.name;
        Err(raise(PgError::internal(format!(
            "{name} has arguments of several types"
        ))))
    }

    fn conditional_arguments<'a>(
        &self,
        args: &'a [Expr],
    ) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }
}

/// DataFusion's names; while a query is planned there is a `pg_` before them.
const NAMES: [&str; 4] = ["coalesce", "nullif", "greatest", "least"];

/// Registers them in a context.
pub fn register(context: &SessionContext) -> Result<()> {
    for name in NAMES {
        let inner = context.udf(name)?;
        let signature = match name {
            "nullif" => Signature::any(2, Volatility::Immutable),
            _ => Signature::variadic_any(Volatility::Immutable),
        };
        context.register_udf(ScalarUDF::from(Alternatives {
            name: format!("pg_{name}"),
            signature,
            inner,
        }));
    }
    Ok(())
}
