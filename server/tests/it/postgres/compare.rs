//! One query against both, and what is not the same.

use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::case::{Case, Expected};

type Row = Vec<Option<Vec<u8>>>;

/// An answer: rows, or the SQLSTATE of an error.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Rows {
        columns: Vec<String>,
        rows: Vec<Row>,
    },
    Error {
        code: String,
        message: String,
    },
}

/// A value as it was sent.
struct Sent(Option<Vec<u8>>);

impl<'a> FromSql<'a> for Sent {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Sent(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Sent(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn failed(error: &tokio_postgres::Error) -> Answer {
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("no error of a server's: {error:?}"));
    Answer::Error {
        code: error.code().code().to_owned(),
        message: error.message().to_owned(),
    }
}

async fn as_text(client: &Client, sql: &str) -> Answer {
    let messages = match client.simple_query(sql).await {
        Ok(messages) => messages,
        Err(error) => return failed(&error),
    };
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(described) => {
                columns = described
                    .iter()
                    .map(|column| column.name().to_owned())
                    .collect();
            }
            SimpleQueryMessage::Row(row) => rows.push(
                (0..row.len())
                    .map(|at| row.get(at).map(|text| text.as_bytes().to_vec()))
                    .collect(),
            ),
            _ => {}
        }
    }
    Answer::Rows { columns, rows }
}

/// In binary, with the types of the columns.
async fn in_binary(client: &Client, sql: &str) -> Answer {
    let statement = match client.prepare(sql).await {
        Ok(statement) => statement,
        Err(error) => return failed(&error),
    };
    let columns = statement
        .columns()
        .iter()
        .map(|column| format!("{} {}", column.name(), column.type_().name()))
        .collect();
    match client.query(&statement, &[]).await {
        Ok(found) => {
            let width = statement.columns().len();
            let rows = found
                .iter()
                .map(|row| (0..width).map(|at| row.get::<_, Sent>(at).0).collect())
                .collect();
            Answer::Rows { columns, rows }
        }
        Err(error) => failed(&error),
    }
}

fn shown(value: Option<&Option<Vec<u8>>>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(None) => "NULL".to_owned(),
        Some(Some(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => format!("{text:?}"),
            _ => format!("{bytes:02x?}"),
        },
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
            if columns != their_columns {
                return Some(format!(
                    "has columns {columns:?}, PostgreSQL {their_columns:?}"
                ));
            }
            if rows.len() != their_rows.len() {
                return Some(format!(
                    "has {} rows, PostgreSQL {}",
                    rows.len(),
                    their_rows.len()
                ));
            }
            let at = rows
                .iter()
                .zip(their_rows)
                .position(|(ours, theirs)| ours != theirs)?;
            let column = rows[at]
                .iter()
                .zip(&their_rows[at])
                .position(|(ours, theirs)| ours != theirs)?;
            Some(format!(
                "row {at}, {}: {}, PostgreSQL {}",
                columns[column],
                shown(rows[at].get(column)),
                shown(their_rows[at].get(column))
            ))
        }
    }
}

/// Numbers, and arrays of them, rounded to what they have in common.
fn without_last_digits(answer: &Answer) -> Answer {
    let Answer::Rows { columns, rows } = answer else {
        return answer.clone();
    };
    let round = |text: &str| {
        let parts: Vec<String> = text
            .split_inclusive(['{', ',', '}'])
            .map(|part| {
                let number = part.trim_end_matches(['{', ',', '}']);
                match number.parse::<f64>() {
                    Ok(value) => format!("{value:.9e}{}", &part[number.len()..]),
                    Err(_) => part.to_owned(),
                }
            })
            .collect();
        parts.concat()
    };
    let rows = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|value| {
                    value
                        .as_ref()
                        .map(|bytes| round(&String::from_utf8_lossy(bytes)).into_bytes())
                })
                .collect()
        })
        .collect();
    Answer::Rows {
        columns: columns.clone(),
        rows,
    }
}

fn in_order(answer: Answer, case: &Case) -> Answer {
    match answer {
        Answer::Rows { columns, mut rows } if !case.is_ordered() => {
            rows.sort();
            Answer::Rows { columns, rows }
        }
        other => other,
    }
}

/// What is wrong with a case: a difference that is not marked, or a mark without one.
pub async fn differences(case: &Case, ours: &Client, theirs: &Client) -> Option<String> {
    for client in [ours, theirs] {
        for setting in &case.settings {
            client
                .batch_execute(&format!("SET {setting}"))
                .await
                .unwrap();
        }
    }
    let text = (
        in_order(as_text(ours, &case.sql).await, case),
        in_order(as_text(theirs, &case.sql).await, case),
    );
    let mut found = difference(&text.0, &text.1).map(|what| format!("as text: {what}"));
    let mut types = None;
    if case.binary {
        let binary = (
            in_order(in_binary(ours, &case.sql).await, case),
            in_order(in_binary(theirs, &case.sql).await, case),
        );
        if let (
            Answer::Rows { columns, .. },
            Answer::Rows {
                columns: their_columns,
                ..
            },
        ) = &binary
            && columns != their_columns
        {
            types = Some(format!(
                "has types {columns:?}, PostgreSQL {their_columns:?}"
            ));
        }
        found = found
            .or_else(|| difference(&binary.0, &binary.1).map(|what| format!("in binary: {what}")));
    }
    if !case.settings.is_empty() {
        for client in [ours, theirs] {
            client.batch_execute("RESET ALL").await.unwrap();
        }
    }
    match (case.expected, found) {
        (Expected::Same, found) => found,
        (Expected::Different | Expected::OtherDigits, None) => {
            Some("is marked as answered otherwise, and is not".to_owned())
        }
        (Expected::Different, Some(_)) => None,
        (Expected::OtherDigits, Some(_)) => types.or_else(|| {
            difference(&without_last_digits(&text.0), &without_last_digits(&text.1))
                .map(|what| format!("but for the last digits, as text: {what}"))
        }),
    }
}
