//! [`Function`]: a scalar function of PostgreSQL's as DataFusion calls it.
//!
//! All of them are made in one way, with a name, how many arguments they take, the type of the result, and a body that
//! takes a [`Call`] and gives an array. A function takes arguments of any types; what it makes of them is its body's affair.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::call::Call;
use super::limits::Budget;
use crate::encode::SHOWN_AS_KEY;

/// The bytes of a call's name in a schema beyond which it is cut.
const NAME: usize = 160;

/// Names a call in a schema: `pg_text(a)`. A long name is cut and ends with its hash: operators are calls, and a chain of
/// many of them is named at each link, many times over while it is planned.
///
/// # Errors
/// If an argument has no name.
pub(super) fn call_name(function: &str, args: &[Expr]) -> Result<String> {
    let mut name = format!("{function}(");
    for (at, arg) in args.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(name, "{comma}{}", arg.schema_name()).map_err(|_| {
            DataFusionError::Internal(format!("{function}: no name of argument {at}"))
        })?;
    }
    name.push(')');
    if name.len() > NAME {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        name.truncate(name.floor_char_boundary(NAME));
        name += &format!("\u{2026}{:016x})", hasher.finish());
    }
    Ok(name)
}

type Body = Arc<dyn Fn(&Call) -> Result<ArrayRef> + Send + Sync>;

/// Decides the type of the result from the types of the arguments and the values of those that are constants.
pub type Returns = fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>;

/// Decides the key and value that the result's field is marked with, from the fields of the arguments.
pub type Mark = fn(&[FieldRef]) -> Option<(&'static str, String)>;

/// Returns the type of the first argument: for [`Function::returning`].
pub fn first_type(args: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(args.first().cloned().unwrap_or(DataType::Null))
}

#[derive(Clone)]
enum Returned {
    Always(DataType),
    By(Returns),
}

/// A scalar function of PostgreSQL's.
#[derive(Clone)]
pub struct Function {
    name: String,
    signature: Signature,
    returned: Returned,
    /// Whether the function returns an argument of this type unchanged: such a call is planned as its argument.
    identity: fn(&DataType) -> bool,
    /// The PostgreSQL type of the result where its Arrow type stands for another: `uuid`, which is text in Arrow.
    shown_as: Option<&'static str>,
    /// The metadata of the result's field.
    mark: Mark,
    body: Body,
}

impl Function {
    /// Makes an immutable function: its name, how many arguments it takes, the type of its result, and its body.
    pub fn new(
        name: &str,
        arguments: RangeInclusive<usize>,
        returns: DataType,
        body: impl Fn(&Call) -> Result<ArrayRef> + Send + Sync + 'static,
    ) -> Function {
        let counts = arguments
            .map(|count| {
                if count == 0 {
                    TypeSignature::Nullary
                } else {
                    TypeSignature::Any(count)
                }
            })
            .collect();
        Function {
            name: name.to_owned(),
            signature: Signature::one_of(counts, Volatility::Immutable),
            returned: Returned::Always(returns),
            identity: |_| false,
            shown_as: None,
            mark: |_| None,
            body: Arc::new(body),
        }
    }

    /// Decides the type of the result by the arguments.
    #[must_use]
    pub fn returning(mut self, returns: Returns) -> Function {
        self.returned = Returned::By(returns);
        self
    }

    /// Makes it stable: its result depends on the session's settings or the statement's time.
    #[must_use]
    pub fn stable(self) -> Function {
        self.with(Volatility::Stable)
    }

    /// Makes it volatile: it is called for each row, even where its arguments are constants.
    #[must_use]
    pub fn volatile(self) -> Function {
        self.with(Volatility::Volatile)
    }

    /// Tells for which types of the only argument the function returns it unchanged.
    #[must_use]
    pub fn identity(mut self, identity: fn(&DataType) -> bool) -> Function {
        self.identity = identity;
        self
    }

    /// Sets the PostgreSQL type that clients see for the text it returns: `uuid`, `json`, `jsonb`, `varchar`.
    #[must_use]
    pub fn shown_as(mut self, kind: &'static str) -> Function {
        self.shown_as = Some(kind);
        self
    }

    /// Sets metadata of the result's field.
    #[must_use]
    pub fn marked(mut self, mark: Mark) -> Function {
        self.mark = mark;
        self
    }

    /// Takes any number of arguments, also none.
    #[must_use]
    pub fn variadic(mut self) -> Function {
        let volatility = self.signature.volatility;
        let counts = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
        self.signature = Signature::one_of(counts, volatility);
        self
    }

    /// Takes more arguments than it was made with as well.
    #[must_use]
    pub fn and_more(mut self) -> Function {
        let volatility = self.signature.volatility;
        self.signature = Signature::variadic_any(volatility);
        self
    }

    fn with(mut self, volatility: Volatility) -> Function {
        self.signature.volatility = volatility;
        self
    }

    /// Registers it in a context, in place of any function of its name.
    pub fn register(self, context: &SessionContext) {
        // All names of the replaced function go: a state that is built again from a state's functions would find the old one
        // under an alias.
        if let Ok(other) = context.udf(&self.name) {
            for alias in other.aliases() {
                context.deregister_udf(alias);
            }
            context.deregister_udf(&self.name);
        }
        context.register_udf(ScalarUDF::from(self));
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.body, &other.body)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        call_name(&self.name, args)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match &self.returned {
            Returned::Always(returns) => Ok(returns.clone()),
            Returned::By(returns) => returns(args, &vec![None; args.len()]),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let returns = match &self.returned {
            Returned::Always(returns) => returns.clone(),
            Returned::By(returns) => returns(&types, args.scalar_arguments)?,
        };
        let field = Field::new(&self.name, returns, true);
        let shown = self.shown_as.map(|kind| (SHOWN_AS_KEY, kind.to_owned()));
        Ok(Arc::new(
            match shown.or_else(|| (self.mark)(args.arg_fields)) {
                Some((key, value)) => field.with_metadata(HashMap::from([(key.to_owned(), value)])),
                None => field,
            },
        ))
    }

    fn simplify(&self, mut args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let [only] = args.as_slice()
            && let Ok(arg_type) = only.get_type(info.schema())
            && (self.identity)(&arg_type)
        {
            return Ok(ExprSimplifyResult::Simplified(args.remove(0)));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
            && self.signature.volatility != Volatility::Volatile;
        let rows = if scalar { 1 } else { args.number_rows };
        let mut budget = Budget::of(&self.name);
        for arg in &args.args {
            // `Call::new` copies a constant for each row.
            if let ColumnarValue::Scalar(constant) = arg {
                budget.text(constant.size().saturating_mul(rows))?;
            }
        }
        let result = (self.body)(&Call::new(args, rows)?)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
