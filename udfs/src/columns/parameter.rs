//! Declares the parameters of a function: their names, the types that each accepts, and the type it is cast to.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Signature, TypeSignature, Volatility};

/// Declares one parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// The name, for named arguments (`name => value`) and error messages.
    pub(crate) name: &'static str,
    /// The types that it accepts.
    pub(crate) kind: Kind,
}

/// Groups the Arrow types that a parameter accepts. A bare `NULL` is accepted everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string of any Arrow type, or a dictionary of strings.
    Text,
    /// A list of texts.
    Texts,
    /// An instant: a timestamp of any unit; one without a zone is taken as UTC.
    Instant,
    /// A calendar date.
    Date,
    /// A flag.
    Flag,
    /// Money: DECIMAL(18,4) (SPEC E5), never a float.
    Money,
    /// A sum of money: DECIMAL(38,4).
    MoneySum,
    /// A sum of exact credits: DECIMAL(38,24).
    Credits,
    /// A whole number.
    Whole,
}

impl Parameter {
    /// Creates a parameter.
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }
}

/// Returns the signature of a function with these parameters, called by position or by name. Its types are checked and
/// cast by [`coerce`].
pub(crate) fn signature(parameters: &[Parameter]) -> Signature {
    Signature {
        type_signature: TypeSignature::UserDefined,
        volatility: Volatility::Immutable,
        parameter_names: Some(parameters.iter().map(|p| p.name.to_owned()).collect()),
    }
}

/// Returns the types that the planner casts the arguments to.
///
/// An argument of another type is an error that names the function, the parameter and what it accepts.
pub(crate) fn coerce(
    function: &str,
    parameters: &[Parameter],
    given: &[DataType],
) -> Result<Vec<DataType>> {
    if given.len() != parameters.len() {
        let names: Vec<_> = parameters.iter().map(|p| p.name).collect();
        return plan_err!(
            "{function} takes {} arguments ({}), got {}",
            parameters.len(),
            names.join(", "),
            given.len()
        );
    }
    parameters
        .iter()
        .zip(given)
        .map(
            |(parameter, given)| match parameter.kind.target_type(given) {
                Some(target) => Ok(target),
                None => plan_err!(
                    "{function}: {} must be {}, got {given}",
                    parameter.name,
                    parameter.kind.accepted_form()
                ),
            },
        )
        .collect()
}

fn is_text(given: &DataType) -> bool {
    match given {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Returns the scale of a decimal type, 0 of an integer type, none of any other.
fn scale(given: &DataType) -> Option<i8> {
    match given {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => given.is_integer().then_some(0),
    }
}

impl Kind {
    /// Returns the type that an argument of type `given` is cast to, or none where it is not accepted.
    fn target_type(self, given: &DataType) -> Option<DataType> {
        if given.is_null() {
            return Some(self.default_type());
        }
        let target = self.default_type();
        match self {
            Kind::Text => is_text(given).then(|| given.clone()),
            Kind::Texts => match given {
                DataType::List(item) | DataType::LargeList(item) if is_text(item.data_type()) => {
                    Some(given.clone())
                }
                DataType::FixedSizeList(item, _)
                | DataType::ListView(item)
                | DataType::LargeListView(item)
                    if is_text(item.data_type()) =>
                {
                    Some(target)
                }
                // An empty `make_array()` is a list of nulls.
                DataType::List(item) if item.data_type().is_null() => Some(target),
                _ => None,
            },
            Kind::Instant => match given {
                DataType::Timestamp(TimeUnit::Microsecond, _) => Some(given.clone()),
                DataType::Timestamp(_, None) => {
                    Some(DataType::Timestamp(TimeUnit::Microsecond, None))
                }
                DataType::Timestamp(_, Some(_)) => Some(target),
                _ => is_text(given).then_some(target),
            },
            Kind::Date => match given {
                DataType::Date32 | DataType::Date64 => Some(target),
                _ => is_text(given).then_some(target),
            },
            Kind::Flag => (given == &target).then_some(target),
            Kind::Money | Kind::MoneySum => scale(given).filter(|s| *s <= 4).map(|_| target),
            Kind::Credits => scale(given).map(|_| target),
            Kind::Whole => given.is_integer().then_some(target),
        }
    }

    /// Returns the type of a bare `NULL`, which is also the cast target of most accepted types.
    fn default_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8View,
            Kind::Texts => DataType::new_list(DataType::Utf8, true),
            Kind::Instant => super::instant_type(),
            Kind::Date => DataType::Date32,
            Kind::Flag => DataType::Boolean,
            Kind::Money => DataType::Decimal128(18, 4),
            Kind::MoneySum => DataType::Decimal128(38, 4),
            Kind::Credits => DataType::Decimal128(38, 24),
            Kind::Whole => DataType::Int64,
        }
    }

    /// Returns the accepted form in the words of an error message.
    fn accepted_form(self) -> &'static str {
        match self {
            Kind::Text => "a text",
            Kind::Texts => "a list of texts",
            Kind::Instant => "a timestamp",
            Kind::Date => "a date",
            Kind::Flag => "a boolean",
            Kind::Money => "a decimal with at most 4 decimals, such as DECIMAL(18,4)",
            Kind::MoneySum => "a decimal with at most 4 decimals, such as DECIMAL(38,4)",
            Kind::Credits => "a decimal, such as the DECIMAL(38,24) of exact_credit",
            Kind::Whole => "a whole number",
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Kind::Text, DataType::new_list(DataType::Utf8, true), None)]
    #[case(Kind::Text, DataType::Utf8, Some(DataType::Utf8))]
    #[case(Kind::Text, DataType::Null, Some(DataType::Utf8View))]
    #[case(
        Kind::Texts,
        DataType::new_list(DataType::Utf8View, true),
        Some(DataType::new_list(DataType::Utf8View, true))
    )]
    #[case(Kind::Texts, DataType::new_list(DataType::Int64, true), None)]
    #[case(Kind::Instant, DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())), Some(crate::columns::instant_type()))]
    #[case(
        Kind::Instant,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        Some(DataType::Timestamp(TimeUnit::Microsecond, None))
    )]
    #[case(Kind::Instant, DataType::Int64, None)]
    #[case(
        Kind::Money,
        DataType::Decimal128(10, 2),
        Some(DataType::Decimal128(18, 4))
    )]
    #[case(Kind::Money, DataType::Decimal128(18, 5), None)]
    #[case(Kind::Money, DataType::Float64, None)]
    #[case(Kind::Whole, DataType::UInt8, Some(DataType::Int64))]
    #[case(Kind::Flag, DataType::Null, Some(DataType::Boolean))]
    fn each_kind_accepts_its_types_alone(
        #[case] kind: Kind,
        #[case] given: DataType,
        #[case] target: Option<DataType>,
    ) {
        assert_eq!(kind.target_type(&given), target);
    }

    #[test]
    fn errors_name_the_parameter_and_the_accepted_form() {
        let parameters = [Parameter::new("value", Kind::Money)];
        let error = coerce("net_value", &parameters, &[DataType::Float64]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("net_value: value must be a decimal with at most 4"),
            "{error}"
        );
        let error = coerce("net_value", &parameters, &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("net_value takes 1 arguments (value), got 0"),
            "{error}"
        );
    }
}
