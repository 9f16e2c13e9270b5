//! How functions of PostgreSQL's are made known to DataFusion: all in one way.
//!
//! They take whatever types come (a literal may be text, an object id any integer), and make of them what they need.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;

use super::limits::Budget;
use crate::encode::{IntervalStyle, SHOWN_AS_KEY, SessionStyle, Style, texts_of};
use crate::error::PgError;
use crate::types::digits::Digits;
use crate::types::zone::Zone;

/// The arguments of a call.
pub struct Call {
    args: Vec<ArrayRef>,
    fields: Vec<FieldRef>,
    /// How many rows the result has.
    pub rows: usize,
    /// The session's time zone.
    pub zone: Zone,
    /// How the session writes intervals.
    pub intervals: IntervalStyle,
    /// The type that the result has.
    pub returns: DataType,
}

impl Call {
    /// How many arguments there are.
    pub fn arity(&self) -> usize {
        self.args.len()
    }

    /// An argument as it is.
    pub fn array(&self, at: usize) -> &ArrayRef {
        &self.args[at]
    }

    /// The type that an argument's text is shown as, where it is not text.
    pub fn shown_as(&self, at: usize) -> Option<&str> {
        let marks = self.fields.get(at)?.metadata();
        marks.get(SHOWN_AS_KEY).map(String::as_str)
    }

    /// An argument of another type.
    pub fn cast(&self, at: usize, to: &DataType) -> Result<ArrayRef> {
        Ok(cast(&self.args[at], to)?)
    }

    /// An argument as numbers.
    pub fn integers(&self, at: usize) -> Result<Int64Array> {
        Ok(self
            .cast(at, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .clone())
    }

    /// An argument as texts.
    pub fn texts(&self, at: usize) -> Result<StringArray> {
        Ok(self.cast(at, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    /// How values are written as texts.
    pub fn style(&self) -> Style {
        Style {
            zone: self.zone,
            extra_float_digits: 1,
            intervals: self.intervals,
        }
    }

    /// How many digits after the point an argument's numbers are shown with.
    pub fn digits(&self, at: usize) -> Digits {
        self.fields
            .get(at)
            .map_or(Digits::Scale, |field| Digits::of(field))
    }

    /// An argument's values as they are sent, numbers with the digits that they are shown with.
    pub fn sent(&self, at: usize) -> Result<StringArray> {
        texts_of(&self.args[at], self.digits(at), &self.style()).map_err(raise)
    }

    /// A text for each number of the first argument.
    pub fn text_by_integer(&self, text: impl Fn(i64) -> Option<String>) -> Result<ArrayRef> {
        let array: StringArray = self
            .integers(0)?
            .iter()
            .map(|value| value.and_then(&text))
            .collect();
        Ok(Arc::new(array))
    }

    /// The same truth for every row, and null where the first argument is null.
    pub fn truth(&self, truth: bool) -> Result<ArrayRef> {
        let rows = (0..self.rows).map(|row| match self.args.first() {
            Some(first) if first.is_null(row) => None,
            _ => Some(truth),
        });
        Ok(Arc::new(rows.collect::<BooleanArray>()))
    }
}

/// A name longer than this is cut.
const NAME: usize = 160;

/// What a call is named in a schema. A long name is cut and tells the rest by its hash: operators are calls, and a chain of
/// many of them is named at each link, over and over again while it is planned.
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

/// The result's type, from the arguments' types and from those arguments that are constants.
pub type Returns = fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>;

/// Key and value of a mark.
pub type Mark = fn(&[FieldRef]) -> Option<(&'static str, String)>;

#[derive(Clone)]
enum Returned {
    Always(DataType),
    By(Returns),
}

/// A function.
#[derive(Clone)]
pub struct Function {
    name: String,
    signature: Signature,
    returned: Returned,
    /// Of an argument of such a type the function makes nothing else: the call is the argument.
    identity: fn(&DataType) -> bool,
    /// The type that clients see the result as, where it is not the one that its Arrow type stands for.
    shown_as: Option<&'static str>,
    /// What the result's field is marked with, by the arguments' fields.
    mark: Mark,
    body: Body,
}

impl Function {
    /// A function of so many arguments that gives a type, always the same for the same arguments.
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

    /// The type of the result depends on the arguments.
    #[must_use]
    pub fn returning(mut self, returns: Returns) -> Function {
        self.returned = Returned::By(returns);
        self
    }

    /// It gives something else in another statement, or at another zone.
    #[must_use]
    pub fn stable(self) -> Function {
        self.with(Volatility::Stable)
    }

    /// It gives something else, or does something, at each call.
    #[must_use]
    pub fn volatile(self) -> Function {
        self.with(Volatility::Volatile)
    }

    /// Of an argument of such a type the function makes nothing else.
    #[must_use]
    pub fn identity(mut self, identity: fn(&DataType) -> bool) -> Function {
        self.identity = identity;
        self
    }

    /// Clients see the text that it gives as another type: `uuid`, `json`, `jsonb`.
    #[must_use]
    pub fn shown_as(mut self, kind: &'static str) -> Function {
        self.shown_as = Some(kind);
        self
    }

    /// Its result's field is marked.
    #[must_use]
    pub fn marked(mut self, mark: Mark) -> Function {
        self.mark = mark;
        self
    }

    /// It takes any number of arguments.
    #[must_use]
    pub fn variadic(mut self) -> Function {
        let volatility = self.signature.volatility;
        let counts = vec![TypeSignature::VariadicAny, TypeSignature::Nullary];
        self.signature = Signature::one_of(counts, volatility);
        self
    }

    /// It takes more arguments than those as well.
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

    /// Puts it into a context.
    pub fn register(self, context: &SessionContext) {
        // Another function of that name goes with all its names: a state that is built again from a state's functions
        // would find it under those.
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
        let zone = args.config_options.execution.time_zone.as_deref();
        let style = args.config_options.extensions.get::<SessionStyle>();
        let style = style.and_then(|style| IntervalStyle::parse(&style.interval_style));
        let mut budget = Budget::of(&self.name);
        for arg in &args.args {
            // A constant is copied for each row.
            if let ColumnarValue::Scalar(constant) = arg {
                budget.text(constant.size().saturating_mul(rows))?;
            }
        }
        let call = Call {
            args: args
                .args
                .iter()
                .map(|arg| arg.to_array(rows))
                .collect::<Result<_>>()?,
            fields: args.arg_fields,
            rows,
            zone: zone.and_then(Zone::parse).unwrap_or(Zone::UTC),
            intervals: style.unwrap_or_default(),
            returns: args.return_field.data_type().clone(),
        };
        let result = (self.body)(&call)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// An error of PostgreSQL's from inside a function.
pub fn raise(error: PgError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
