//! DataFusion's functions that make much of little, such as `repeat`: each counts what it will make before it runs.
//!
//! They are wrapped and not written again: their meaning is DataFusion's, and only the limits of [`super::limits`] are
//! ours. `SELECT repeat('x', 2000000000)` fails with `requested length too large`.

mod argument;
mod growth;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExpressionPlacement, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::SessionContext;

use super::function::call_name;
use super::limits::{Budget, TEXT};
use argument::Argument;
use growth::Growth;

/// The wrapped functions by name, and how their results grow.
const BOUNDED: &[(&str, Growth)] = &[
    ("lpad", Growth::Padded),
    ("rpad", Growth::Padded),
    ("repeat", Growth::Repeated),
    ("replace", Growth::Replaced),
    ("regexp_replace", Growth::Matched),
    ("concat", Growth::Chained),
    ("concat_ws", Growth::Parted),
    ("array_to_string", Growth::Written),
    ("range", Growth::Series),
    ("generate_series", Growth::Series),
    ("array_repeat", Growth::Copied),
    ("array_resize", Growth::Resized),
    ("array_concat", Growth::Joined),
    ("array_append", Growth::Joined),
    ("array_prepend", Growth::Joined),
    ("make_array", Growth::Joined),
    ("pg_joined", Growth::Chained),
];

/// A function of DataFusion's that counts before it runs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

/// Writes methods that call those of the wrapped function.
macro_rules! delegate {
    ($(fn $name:ident(&$self:ident $(, $arg:ident: $type:ty)*) -> $returns:ty;)*) => {$(
        fn $name(&$self $(, $arg: $type)*) -> $returns {
            $self.inner.inner().$name($($arg),*)
        }
    )*};
}

impl ScalarUDFImpl for Bounded {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments: Vec<Argument> =
            args.args.iter().map(Argument::new).collect::<Result<_>>()?;
        let constant = arguments.iter().all(|argument| argument.constant);
        let rows = if constant { 1 } else { args.number_rows };
        let mut budget = Budget::of(self.name());
        for argument in arguments.iter().filter(|argument| argument.constant) {
            // Many functions copy a constant for each row.
            budget.text(argument.bytes(0).saturating_mul(rows))?;
        }
        let mut budget = Budget::of(self.name());
        self.growth.count_all(&arguments, rows, &mut budget)?;
        self.inner.invoke_with_args(args)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        call_name(self.name(), args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        let growth = self.growth;
        Some(ScalarUDF::from(Bounded { inner, growth }))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // Constants are folded while a statement is planned; a call that would fold to too much is left for its run, which counts.
        let bytes = |arg: &Expr| match arg {
            Expr::Literal(constant, _) => constant.size(),
            _ => 0,
        };
        let all: usize = args.iter().map(bytes).sum();
        let between = args.first().map_or(0, bytes);
        if all.saturating_add(between.saturating_mul(args.len())) > TEXT {
            return Ok(ExprSimplifyResult::Original(args));
        }
        self.inner.simplify(args, info)
    }

    fn conditional_arguments<'a>(
        &self,
        args: &'a [Expr],
    ) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    delegate! {
        fn name(&self) -> &str;
        fn aliases(&self) -> &[String];
        fn signature(&self) -> &Signature;
        fn return_type(&self, args: &[DataType]) -> Result<DataType>;
        fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef>;
        fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>>;
        fn is_strict(&self) -> bool;
        fn short_circuits(&self) -> bool;
        fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult>;
        fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval>;
        fn propagate_constraints(&self, interval: &Interval, inputs: &[&Interval]) -> Result<Option<Vec<Interval>>>;
        fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties>;
        fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool>;
        fn documentation(&self) -> Option<&Documentation>;
        fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement;
    }
}

/// Wraps the functions that a context has.
pub(super) fn register(context: &SessionContext) {
    for (name, growth) in BOUNDED {
        // What is not there need not be bounded.
        if let Ok(inner) = context.udf(name) {
            let growth = *growth;
            context.register_udf(ScalarUDF::from(Bounded { inner, growth }));
        }
    }
}
