//! Comparing rows as the cases mean them: as data, not as text.

use serde_json::Value;

use super::case::{Call, Case, MORE_COLUMNS, ORDERED, RELATIONS, Row};

/// The columns that the cases write as texts and that are float8: sums of exact credits, rounded last to 9 decimals.
const CREDITS: [&str; 3] = ["credit", "attributed_orders", "compared_orders"];

/// Whether a value is the expected one.
fn same(column: &str, actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Number(actual), Value::String(expected)) if CREDITS.contains(&column) => {
            actual.as_f64() == expected.parse().ok()
        }
        // Rates, shares and averages are rounded to 9 decimals in the cases, medians to 6.
        (Value::Number(a), Value::Number(e)) if e.is_f64() || a.is_f64() => {
            let last = if column.starts_with("median") {
                1e-6
            } else {
                1e-9
            };
            (a.as_f64().unwrap() - e.as_f64().unwrap()).abs() <= 0.51 * last
        }
        _ => actual == expected,
    }
}

fn same_row(actual: &Row, expected: &Row) -> bool {
    actual.len() == expected.len()
        && actual.iter().all(|(column, value)| {
            expected
                .get(column)
                .is_some_and(|expected| same(column, value, expected))
        })
}

/// Fails unless the rows are the expected ones, in this order.
#[track_caller]
fn check_rows(what: &str, case: &Case, actual: &[Row], expected: &[Row]) {
    let text =
        |row: Option<&Row>| row.map_or("nothing".into(), |row| serde_json::to_string(row).unwrap());
    for at in 0..actual.len().max(expected.len()) {
        let (a, e) = (actual.get(at), expected.get(at));
        let fits = matches!((a, e), (Some(a), Some(e)) if same_row(a, e));
        assert!(
            fits,
            "{:?} ({}), {what}, row {at} of {} and {}:\n  actual   {}\n  expected {}",
            case.folder.file_name().unwrap(),
            case.title,
            actual.len(),
            expected.len(),
            text(a),
            text(e),
        );
    }
}

/// What a row is sorted by: account and key, bytewise, null last.
fn sort_key(row: &Row, key: &[&str]) -> Vec<(bool, String)> {
    let part = |column: &str| match row.get(column) {
        Some(Value::String(text)) => (false, text.clone()),
        Some(Value::Null) | None => (true, String::new()),
        Some(other) => (false, other.to_string()),
    };
    ["account_id"].iter().chain(key).map(|c| part(c)).collect()
}

/// Fails unless a relation holds the expected rows; with an account, those of it alone.
#[track_caller]
pub fn check_relation(
    case: &Case,
    way: &str,
    name: &str,
    account: Option<&str>,
    mut actual: Vec<Row>,
) {
    let key = RELATIONS
        .iter()
        .find(|(relation, _)| *relation == name)
        .unwrap()
        .1;
    if !case.more
        && let Some((_, columns)) = MORE_COLUMNS.iter().find(|(of, _)| *of == name)
    {
        for row in &mut actual {
            row.retain(|column, _| !columns.contains(&column.as_str()));
        }
    }
    actual.sort_by_key(|row| sort_key(row, key));
    let mut expected: Vec<Row> = case.expected.relations[name].clone();
    if let Some(account) = account {
        expected.retain(|row| row["account_id"] == account);
    }
    expected.sort_by_key(|row| sort_key(row, key));
    let what = format!("{way}, relation {name} as {account:?}");
    check_rows(&what, case, &actual, &expected);
}

/// Fails unless a call gives the expected rows.
#[track_caller]
pub fn check_call(case: &Case, way: &str, call: &Call, mut actual: Vec<Row>) {
    let mut expected = call.rows.clone();
    if !ORDERED.contains(&call.query.as_str()) {
        let by = |row: &Row| sort_key(row, &["currency"]);
        actual.sort_by_key(by);
        expected.sort_by_key(by);
    }
    check_rows(&format!("{way}, {}", call.name()), case, &actual, &expected);
}
