//! What is not the same in two answers.

use super::answer::{Answer, Column};
use super::case::Expected;

/// What is wrong with our answer, which PostgreSQL's is recorded of: a difference that is not marked, or a mark without
/// one.
pub fn wrong(
    expected: Expected,
    ours: &Result<Answer, String>,
    recorded: &Answer,
) -> Option<String> {
    let found = match ours {
        Ok(ours) => difference(ours, recorded),
        Err(torn) => Some(torn.clone()),
    };
    match (expected, found, ours) {
        (Expected::Same, found, _) => found,
        (Expected::Different | Expected::OtherDigits, None, _) => {
            Some("is marked as answered otherwise, and is not".to_owned())
        }
        (Expected::Different, Some(_), _) => None,
        (Expected::OtherDigits, Some(_), Ok(ours)) => {
            difference(&without_last_digits(ours), &without_last_digits(recorded))
                .map(|what| format!("but for the last digits: {what}"))
        }
        (Expected::OtherDigits, torn, Err(_)) => torn,
    }
}

/// What is not the same in two answers, ours first.
fn difference(ours: &Answer, theirs: &Answer) -> Option<String> {
    match (ours, theirs) {
        (
            Answer::Error { code, message },
            Answer::Error {
                code: their_code,
                message: their_message,
            },
        ) => (code != their_code).then(|| {
            format!("fails with {code} ({message}), PostgreSQL with {their_code} ({their_message})")
        }),
        (Answer::Error { code, message }, Answer::Rows { rows, .. }) => Some(format!(
            "fails with {code} ({message}), PostgreSQL gives {} rows",
            rows.len()
        )),
        (Answer::Rows { rows, .. }, Answer::Error { code, message }) => Some(format!(
            "gives {} rows, PostgreSQL fails with {code} ({message})",
            rows.len()
        )),
        (
            Answer::Rows { columns, rows },
            Answer::Rows {
                columns: their_columns,
                rows: their_rows,
            },
        ) => {
            let (described, their_described) = (described(columns), described(their_columns));
            if described != their_described {
                return Some(format!(
                    "has columns {described:?}, PostgreSQL {their_described:?}"
                ));
            }
            if rows.len() != their_rows.len() {
                return Some(format!(
                    "has {} rows, PostgreSQL {}",
                    rows.len(),
                    their_rows.len()
                ));
            }
            let of_rows = rows.iter().zip(their_rows).enumerate();
            let mut of_values = of_rows.flat_map(|(row, (ours, theirs))| {
                let values = ours.iter().zip(theirs).zip(columns);
                values.map(move |((ours, theirs), column)| (row, column, ours, theirs))
            });
            if let Some((row, column, ours, theirs)) =
                of_values.find(|(.., ours, theirs)| ours != theirs)
            {
                let name = &column.name;
                return Some(format!(
                    "row {row}, {name}: {ours:?}, PostgreSQL {theirs:?}"
                ));
            }
            let mut columns = columns.iter().zip(their_columns);
            columns
                .find(|(ours, theirs)| ours.binary != theirs.binary)
                .map(|(ours, theirs)| {
                    let (name, theirs) = (&ours.name, theirs.bytes());
                    format!("in binary, {name}: {}, PostgreSQL {theirs}", ours.bytes())
                })
        }
    }
}

/// Names and types.
fn described(columns: &[Column]) -> Vec<String> {
    let described = columns.iter().map(|column| match &column.binary {
        Some((type_name, _)) => format!("{} {type_name}", column.name),
        None => column.name.clone(),
    });
    described.collect()
}

/// Numbers, and arrays of them, rounded to what they have in common; as text alone, since their bytes differ.
fn without_last_digits(answer: &Answer) -> Answer {
    let Answer::Rows { columns, rows } = answer else {
        return answer.clone();
    };
    let round = |text: &String| {
        let parts = text.split_inclusive(['{', ',', '}']).map(|part| {
            let number = part.trim_end_matches(['{', ',', '}']);
            match number.parse::<f64>() {
                Ok(value) => format!("{value:.9e}{}", &part[number.len()..]),
                Err(_) => part.to_owned(),
            }
        });
        parts.collect::<String>()
    };
    let without_bytes = |column: &Column| Column {
        name: column.name.clone(),
        binary: column
            .binary
            .as_ref()
            .map(|(type_name, _)| (type_name.clone(), String::new())),
    };
    Answer::Rows {
        columns: columns.iter().map(without_bytes).collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(round).collect())
            .collect(),
    }
}
