//! Makes DataFusion scalar functions whose parameters and result have fixed types.
//!
//! A [`ScalarFunction`] declares the function and computes its result for arrays. What always holds: a call whose arguments are all
//! constants is computed for one row and returns a constant, so that the planner can fold it.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::columns::{Parameter, coerce, signature};

/// Defines a scalar function.
pub(crate) trait ScalarFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// Returns the function's name in SQL.
    fn name(&self) -> &'static str;

    /// Returns the function's parameters.
    fn parameters(&self) -> &'static [Parameter];

    /// Returns the type of the function's result.
    fn result_type(&self) -> DataType;

    /// Returns the function's documentation.
    fn documentation(&self) -> &'static Documentation;

    /// Computes the result for `rows` rows. The arguments have the types of [`Self::parameters`].
    fn compute(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef>;

    /// Returns the ordering of the result, given that of the arguments.
    fn output_ordering(&self, _: &[ExprProperties]) -> SortProperties {
        SortProperties::Unordered
    }

    /// Returns the range of an argument in which the result equals `value`, as [`ScalarUDFImpl::preimage`] does.
    fn preimage(
        &self,
        _arguments: &[Expr],
        _value: &Expr,
        _info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        Ok(PreimageResult::None)
    }
}

/// Returns the DataFusion function of a [`ScalarFunction`].
pub(crate) fn scalar_udf(function: impl ScalarFunction) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Function {
        signature: signature(function.parameters()),
        function,
    }))
}

/// Converts the arguments to `N` arrays of one length.
pub(crate) fn arrays<const N: usize>(
    function: &str,
    arguments: &[ColumnarValue],
) -> Result<[ArrayRef; N]> {
    take_function_args(function, ColumnarValue::values_to_arrays(arguments)?)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function<F> {
    function: F,
    signature: Signature,
}

impl<F: ScalarFunction> ScalarUDFImpl for Function<F> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), self.function.parameters(), given)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.function.result_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = |argument: &ColumnarValue| matches!(argument, ColumnarValue::Scalar(_));
        if args.args.iter().all(is_constant) {
            let result = self.function.compute(&args.args, 1)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        let result = self.function.compute(&args.args, args.number_rows)?;
        Ok(ColumnarValue::Array(result))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(self.function.output_ordering(inputs))
    }

    fn preimage(
        &self,
        arguments: &[Expr],
        value: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        self.function.preimage(arguments, value, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(self.function.documentation())
    }
}
