//! Counts what a function will make of its arguments: never too little, and as cheaply as can be.

use datafusion::error::Result;

use super::argument::Argument;
use crate::functions::limits::Budget;

/// How the result of a function grows with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Growth {
    /// A text padded to so many characters: `lpad(x, n)`.
    Padded,
    /// A text repeated so many times: `repeat(x, n)`.
    Repeated,
    /// A text in which each occurrence of another is replaced: `replace(x, from, to)`.
    Replaced,
    /// A text in which matches of a pattern are replaced: `regexp_replace(x, pattern, to)`.
    Matched,
    /// All texts, one after the other: `concat(a, b)`.
    Chained,
    /// All texts but the first, which stands between them: `concat_ws(',', a, b)`.
    Parted,
    /// The elements of an array, with a text between them: `array_to_string(list, ',')`.
    Written,
    /// A series from a first to a last value: `range(1, 10)`.
    Series,
    /// A list of a value so many times: `array_repeat(x, n)`.
    Copied,
    /// A list of so many elements: `array_resize(list, n, x)`.
    Resized,
    /// The elements of all arguments in one list: `array_concat(a, b)`.
    Joined,
}

impl Growth {
    /// Counts what a call makes of all rows. What is no larger than the arguments is counted by columns: `||` runs often, and on
    /// short texts.
    pub fn count_all(self, args: &[Argument], rows: usize, budget: &mut Budget<'_>) -> Result<()> {
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

    /// Counts what a call makes of a row.
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
                // The groups of a match hold no more than the whole text, for each time that they are named.
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
                // A number of eight bytes is written with up to twenty-four characters.
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
