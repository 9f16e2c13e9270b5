//! Functions that check the arguments of a prepared statement inside its plan, when their values are known.
//!
//! The call of a saved query adds them; SQL cannot name them. The optimizer evaluates them once the values are known: so a
//! range prunes files as one of literals does, and a wrong value fails the statement at once, not when a row is compared
//! with it.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility, lit,
};

use super::parameter::Parameter;

/// Converts an argument to its parameter's type, or refuses it; replaces null by the default.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CheckArgument {
    query: String,
    parameter: Parameter,
    default: ScalarValue,
    signature: Signature,
    name: String,
}

impl CheckArgument {
    pub fn new(query: &str, parameter: &Parameter, default: ScalarValue) -> CheckArgument {
        CheckArgument {
            query: query.to_owned(),
            parameter: parameter.clone(),
            default,
            signature: Signature::any(1, Volatility::Immutable),
            name: format!("{query}_{}", parameter.name),
        }
    }

    fn check(&self, argument: &ScalarValue) -> Result<ScalarValue> {
        if argument.is_null() {
            return Ok(self.default.clone());
        }
        self.parameter.convert(&self.query, argument)
    }
}

impl ScalarUDFImpl for CheckArgument {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.parameter.kind.value_type())
    }

    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let [Expr::Literal(value, _)] = args.as_slice() {
            return Ok(ExprSimplifyResult::Simplified(lit(self.check(value)?)));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Scalar(value)] => Ok(ColumnarValue::Scalar(self.check(value)?)),
            [ColumnarValue::Array(values)] => {
                let checked = (0..values.len())
                    .map(|row| self.check(&ScalarValue::try_from_array(values, row)?))
                    .collect::<Result<Vec<_>>>()?;
                Ok(ColumnarValue::Array(ScalarValue::iter_to_array(checked)?))
            }
            _ => internal_err!("{} takes one argument", self.name),
        }
    }
}

/// Returns the second of two days, or refuses a second one that is before the first.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CheckRange {
    query: String,
    signature: Signature,
}

impl CheckRange {
    pub fn new(query: &str) -> CheckRange {
        CheckRange {
            query: query.to_owned(),
            signature: Signature::exact(
                vec![DataType::Date32, DataType::Date32],
                Volatility::Immutable,
            ),
        }
    }

    /// Refuses a range of days that ends before it begins.
    pub fn check(query: &str, from: &ScalarValue, to: &ScalarValue) -> Result<()> {
        match (from, to) {
            (ScalarValue::Date32(Some(first)), ScalarValue::Date32(Some(last))) if first > last => {
                plan_err!(
                    "{query}: parameter \"from\" is '{from}' and \"to\" is '{to}'; expected \"from\" on or before \"to\""
                )
            }
            _ => Ok(()),
        }
    }
}

impl ScalarUDFImpl for CheckRange {
    fn name(&self) -> &str {
        "range_end"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let [Expr::Literal(from, _), Expr::Literal(to, _)] = args.as_slice() {
            Self::check(&self.query, from, to)?;
            return Ok(ExprSimplifyResult::Simplified(lit(to.clone())));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [from, to] = args.args.as_slice() else {
            return internal_err!("range_end takes two arguments");
        };
        if let (ColumnarValue::Scalar(from), ColumnarValue::Scalar(to)) = (from, to) {
            Self::check(&self.query, from, to)?;
            return Ok(ColumnarValue::Scalar(to.clone()));
        }
        let from = from.to_array(args.number_rows)?;
        let to = to.to_array(args.number_rows)?;
        for row in 0..args.number_rows {
            let first = ScalarValue::try_from_array(&from, row)?;
            let last = ScalarValue::try_from_array(&to, row)?;
            Self::check(&self.query, &first, &last)?;
        }
        Ok(ColumnarValue::Array(to))
    }
}
