//! Functions of DataFusion's that make much of little: each counts first what it will make.
//!
//! They are wrapped and not written again: what they mean is DataFusion's affair, and only how much they may make is
//! ours. See [`super::limits`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
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

use super::call::call_name;
use super::limits::{Budget, TEXT};

/// The functions by name, and what they make.
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

/// What a function makes of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// A text of so many characters.
    Padded,
    /// A text so many times.
    Repeated,
    /// A text in place of each other one in a text.
    Replaced,
    /// A text in place of what a pattern finds.
    Matched,
    /// Its texts one after the other.
    Chained,
    /// Its texts with the first one between them.
    Parted,
    /// The elements of an array with a text between them.
    Written,
    /// All from a first to a last one.
    Series,
    /// A value so many times.
    Copied,
    /// An array of so many elements.
    Resized,
    /// Arrays in one.
    Joined,
}

/// A function that counts before it runs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

/// An argument, of which a constant has one value for all rows.
struct Argument {
    values: ArrayRef,
    constant: bool,
}

impl Argument {
    fn new(value: &ColumnarValue) -> Result<Argument> {
        Ok(Argument {
            values: value.to_array(1)?,
            constant: matches!(value, ColumnarValue::Scalar(_)),
        })
    }

    fn at(&self, row: usize) -> Option<usize> {
        let at = if self.constant { 0 } else { row };
        self.values.is_valid(at).then_some(at)
    }

    fn text(&self, row: usize) -> Option<&str> {
        let at = self.at(row)?;
        match self.values.data_type() {
            DataType::Utf8 => Some(self.values.as_string::<i32>().value(at)),
            DataType::LargeUtf8 => Some(self.values.as_string::<i64>().value(at)),
            DataType::Utf8View => Some(self.values.as_string_view().value(at)),
            _ => None,
        }
    }

    /// A value's bytes.
    fn bytes(&self, row: usize) -> usize {
        match (self.text(row), self.at(row)) {
            (Some(text), _) => text.len(),
            (None, Some(at)) => {
                let value = self.values.slice(at, 1).to_data();
                // What cannot be measured is views, which are copied as views.
                value.get_slice_memory_size().unwrap_or(0)
            }
            (None, None) => 0,
        }
    }

    /// The bytes of the values of all rows together, none of which is looked at.
    fn all_bytes(&self, rows: usize) -> usize {
        if self.constant {
            return self.bytes(0).saturating_mul(rows);
        }
        let (first, last) = match self.values.data_type() {
            DataType::Utf8 => ends(self.values.as_string::<i32>().value_offsets()),
            DataType::LargeUtf8 => ends(self.values.as_string::<i64>().value_offsets()),
            DataType::Utf8View => {
                let lengths = self.values.as_string_view().lengths();
                return lengths.map(|length| length as usize).sum();
            }
            _ => return self.values.to_data().get_slice_memory_size().unwrap_or(0),
        };
        last - first
    }

    /// The elements of the values of all rows together.
    fn all_elements(&self, rows: usize) -> usize {
        let elements = elements(&self.values);
        if self.constant {
            elements.saturating_mul(rows)
        } else {
            elements
        }
    }

    /// A whole number; one below zero counts as zero.
    fn count(&self, row: usize) -> usize {
        let Some(at) = self.at(row) else { return 0 };
        let number = cast(&self.values.slice(at, 1), &DataType::Int64);
        number.map_or(0, |number| {
            usize::try_from(number.as_primitive::<Int64Type>().value(0)).unwrap_or(0)
        })
    }

    /// A value's elements, at whichever depth.
    fn elements(&self, row: usize) -> usize {
        self.at(row)
            .map_or(0, |at| elements(&self.values.slice(at, 1)))
    }

    /// A place on the line that a series goes along: a number, or nanoseconds.
    fn place(&self, row: usize) -> Option<i128> {
        let value = self.values.slice(self.at(row)?, 1);
        let number = |to: &DataType| {
            let number = cast(&value, to).ok()?;
            let number = cast(&number, &DataType::Int64).ok()?;
            Some(i128::from(number.as_primitive::<Int64Type>().value(0)))
        };
        match value.data_type() {
            DataType::Date32 | DataType::Date64 => Some(number(&DataType::Int32)? * DAY),
            DataType::Timestamp(unit, _) => Some(number(&DataType::Int64)? * nanoseconds(*unit)),
            DataType::Interval(_) => {
                let step = cast(&value, &DataType::Interval(IntervalUnit::MonthDayNano)).ok()?;
                let step = step.as_primitive::<IntervalMonthDayNanoType>().value(0);
                // The shortest month, for a step that is too short counts too many and none too few.
                let days = i128::from(step.months) * 28 + i128::from(step.days);
                Some(days * DAY + i128::from(step.nanoseconds))
            }
            _ => number(&DataType::Int64),
        }
    }
}

const DAY: i128 = 86_400_000_000_000;

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Where the values of an array begin and end.
fn ends<O: OffsetSizeTrait>(offsets: &[O]) -> (usize, usize) {
    let at = |offset: Option<&O>| offset.map_or(0, |offset| offset.as_usize());
    (at(offsets.first()), at(offsets.last()))
}

/// The elements of lists, at whichever depth.
fn elements(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = ends(list.value_offsets());
            elements(&list.values().slice(first, last - first))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (first, last) = ends(list.value_offsets());
            elements(&list.values().slice(first, last - first))
        }
        _ => array.len(),
    }
}

impl Growth {
    /// Counts what is made of all rows. What is no more than the arguments are is counted by columns: `||` runs often, and
    /// of short texts.
    fn count_all(self, args: &[Argument], rows: usize, budget: &mut Budget<'_>) -> Result<()> {
        let total = |of: fn(&Argument, usize) -> usize| {
            let each = args.iter().map(|arg| of(arg, rows));
            each.fold(0, usize::saturating_add)
        };
        match self {
            Growth::Chained => budget.text(total(Argument::all_bytes)),
            Growth::Joined => {
                budget.elements(total(Argument::all_elements))?;
                budget.text(total(Argument::all_bytes))
            }
            _ => (0..rows).try_for_each(|row| self.count(args, row, budget)),
        }
    }

    /// Counts what is made of a row: never too little.
    fn count(self, args: &[Argument], row: usize, budget: &mut Budget<'_>) -> Result<()> {
        let text = |at: usize| args.get(at).and_then(|arg| arg.text(row));
        let bytes = |at: usize| args.get(at).map_or(0, |arg| arg.bytes(row));
        let count = |at: usize| args.get(at).map_or(0, |arg| arg.count(row));
        let all_bytes = || args.iter().map(|arg| arg.bytes(row)).sum();
        match self {
            Growth::Padded => {
                let widest = match text(2) {
                    Some(fill) if !fill.is_ascii() => 4,
                    _ => 1,
                };
                budget.text(count(1).saturating_mul(widest).saturating_add(bytes(0)))
            }
            Growth::Repeated => budget.text(bytes(0).saturating_mul(count(1))),
            Growth::Replaced => {
                let (Some(within), Some(from)) = (text(0), text(1)) else {
                    return Ok(());
                };
                let found = match (from, bytes(2)) {
                    ("", _) | (_, 0) => 0,
                    (from, to) if to <= from.len() => 0,
                    (from, _) => within.matches(from).count(),
                };
                budget.text(within.len().saturating_add(found.saturating_mul(bytes(2))))
            }
            Growth::Matched => {
                let within = bytes(0);
                let found = match text(3) {
                    Some(flags) if flags.contains('g') => within + 1,
                    _ => 1,
                };
                // All that groups hold together is no more than the whole text for each time they are named.
                let named = text(2).map_or(0, |to| to.matches(['\\', '$']).count());
                let groups = named.saturating_mul(within);
                let made = found.saturating_mul(bytes(2)).saturating_add(groups);
                budget.text(within.saturating_add(made))
            }
            Growth::Chained | Growth::Joined => Ok(()),
            Growth::Parted => {
                let between = bytes(0).saturating_mul(args.len());
                budget.text(between.saturating_add(all_bytes()))
            }
            Growth::Written => {
                // A number of eight bytes has up to twenty-four characters.
                let each = bytes(1).saturating_add(bytes(2)).saturating_add(24);
                let elements = args.first().map_or(0, |list| list.elements(row));
                budget.text(elements.saturating_mul(each).saturating_add(bytes(0)))
            }
            Growth::Series => {
                let place = |at: usize| args.get(at).map(|arg| arg.place(row));
                let (first, last, step) = match (place(0), place(1), place(2)) {
                    (Some(last), None, _) => (Some(0), last, Some(1)),
                    (first, last, step) => {
                        (first.flatten(), last.flatten(), step.unwrap_or(Some(1)))
                    }
                };
                let (Some(first), Some(last), Some(step)) = (first, last, step) else {
                    return Ok(());
                };
                let ways = (last - first) * step.signum();
                if ways < 0 || step == 0 {
                    return Ok(());
                }
                let made = ways / step.abs() + 1;
                budget.elements(usize::try_from(made).unwrap_or(usize::MAX))
            }
            Growth::Copied | Growth::Resized => {
                let (value, each) = match self {
                    Growth::Copied => (0, args.first().map_or(0, |arg| arg.elements(row)).max(1)),
                    _ => (2, 1),
                };
                budget.elements(count(1).saturating_mul(each))?;
                budget.text(count(1).saturating_mul(bytes(value)))
            }
        }
    }
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

    // All else is the function's own.

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        call_name(self.name(), args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        self.inner.return_type(args)
    }

    fn return_field_from_args(
        &self,
        args: ReturnFieldArgs<'_>,
    ) -> Result<datafusion::arrow::datatypes::FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        let growth = self.growth;
        Some(ScalarUDF::from(Bounded { inner, growth }))
    }

    fn is_strict(&self) -> bool {
        self.inner.inner().is_strict()
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // Constants are put together while a statement is planned, which is counted when it runs.
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

    fn preimage(
        &self,
        args: &[Expr],
        literal: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        self.inner.inner().preimage(args, literal, info)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn conditional_arguments<'a>(
        &self,
        args: &'a [Expr],
    ) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn propagate_constraints(
        &self,
        interval: &Interval,
        inputs: &[&Interval],
    ) -> Result<Option<Vec<Interval>>> {
        self.inner.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.preserves_lex_ordering(inputs)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.inner.placement(args)
    }
}

/// Puts a bound to the functions that a context has.
pub(super) fn bound(context: &SessionContext) {
    for (name, growth) in BOUNDED {
        // What is not there need not be bounded.
        if let Ok(inner) = context.udf(name) {
            let growth = *growth;
            context.register_udf(ScalarUDF::from(Bounded { inner, growth }));
        }
    }
}

#[cfg(test)]
mod tests;
