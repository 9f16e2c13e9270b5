//! An answer: asked of a server, written to a file, and read from there.
//!
//! ```text
//! -- the name of the query
//! day: date 00001d4a 00001d4b
//! channel: text as text
//! (2 rows)
//! 2020-07-01⇥sms
//! 2020-07-02⇥\N
//! ```
//!
//! After a column's type stand the bytes of its values in binary, in hexadecimal; where they are many, their digest; and
//! `as text` where they are those of the text. The values of a row are as `COPY` writes them.

use std::fmt;
use std::str::Lines;

use aws_lc_rs::digest::{SHA256, digest};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::case::Case;

/// So many digits of bytes are written out.
const WRITTEN_OUT: usize = 72;
/// So many bytes of a digest are kept.
const OF_DIGEST: usize = 8;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its type's name, and its values in binary; none where the query is asked as text alone.
    pub binary: Option<(String, String)>,
}

impl Column {
    /// Its values in binary, as they are written.
    pub fn bytes(&self) -> &str {
        self.binary.as_ref().map_or("", |(_, bytes)| bytes)
    }
}

/// Rows, or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Rows {
        columns: Vec<Column>,
        /// Values as `COPY` writes them.
        rows: Vec<Vec<String>>,
    },
    Error {
        code: String,
        message: String,
    },
}

impl Answer {
    /// Asks a case of a server, as text and in binary.
    ///
    /// # Errors
    /// If the two are not of the same columns, or one fails and the other does not.
    pub async fn ask(client: &Client, case: &Case) -> Result<Answer, String> {
        for setting in &case.settings {
            let set = format!("SET {setting}");
            client.batch_execute(&set).await.unwrap();
        }
        let text = as_text(client, case).await;
        let binary = match case.binary {
            true => Some(in_binary(client, case).await),
            false => None,
        };
        if !case.settings.is_empty() {
            client.batch_execute("RESET ALL").await.unwrap();
        }
        match (text, binary) {
            (Ok((names, rows)), None) => {
                let column = |name| Column { name, binary: None };
                let columns = names.into_iter().map(column).collect();
                Ok(Answer::Rows { columns, rows })
            }
            (Ok((names, rows)), Some(Ok((described, values)))) => {
                let columns = described.into_iter().enumerate();
                let columns: Vec<Column> = columns
                    .map(|(at, (name, type_name))| Column {
                        name,
                        binary: Some((type_name, bytes_of(at, &values, &rows))),
                    })
                    .collect();
                if !columns.iter().map(|column| &column.name).eq(&names) {
                    return Err(format!(
                        "as text of columns {names:?}, in binary {columns:?}"
                    ));
                }
                Ok(Answer::Rows { columns, rows })
            }
            (Err((code, message)), None) => Ok(Answer::Error { code, message }),
            (Err((code, message)), Some(Err((other, _)))) if code == other => {
                Ok(Answer::Error { code, message })
            }
            (text, binary) => Err(format!(
                "as text {}, in binary {}",
                outcome(text.map(|(_, rows)| rows.len())),
                binary.map_or_else(String::new, |binary| outcome(
                    binary.map(|(_, rows)| rows.len())
                ))
            )),
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote; nothing if it ends too early.
    pub fn read(lines: &mut Lines) -> Option<Answer> {
        let mut columns = Vec::new();
        loop {
            let line = lines.next()?;
            if let Some(error) = line.strip_prefix("ERROR ") {
                let (code, message) = error.split_once(": ")?;
                return Some(Answer::Error {
                    code: code.to_owned(),
                    message: message.to_owned(),
                });
            }
            if let Some(count) = line.strip_prefix('(') {
                let count = count.split(' ').next()?.parse().ok()?;
                let values = |row: &str| match columns.is_empty() {
                    true => Vec::new(),
                    false => row.split('\t').map(str::to_owned).collect(),
                };
                let rows: Vec<Vec<String>> = lines.take(count).map(values).collect();
                return (rows.len() == count).then_some(Answer::Rows { columns, rows });
            }
            let (name, binary) = match line.rsplit_once(": ") {
                Some((name, described)) => (name, Some(described.split_once(' ')?)),
                None => (line.strip_suffix(':')?, None),
            };
            columns.push(Column {
                name: name.to_owned(),
                binary: binary.map(|(name, bytes)| (name.to_owned(), bytes.to_owned())),
            });
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Error { code, message } => writeln!(out, "ERROR {code}: {message}"),
            Answer::Rows { columns, rows } => {
                for Column { name, binary } in columns {
                    match binary {
                        Some((type_name, bytes)) => writeln!(out, "{name}: {type_name} {bytes}")?,
                        None => writeln!(out, "{name}:")?,
                    }
                }
                let plural = if rows.len() == 1 { "" } else { "s" };
                writeln!(out, "({} row{plural})", rows.len())?;
                rows.iter()
                    .try_for_each(|row| writeln!(out, "{}", row.join("\t")))
            }
        }
    }
}

type Value = Option<Vec<u8>>;
type Failed = (String, String);

/// A value as it was sent.
struct Sent(Value);

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

/// Code and message, in one line.
fn failed(error: &tokio_postgres::Error) -> Failed {
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("no error of a server's: {error:?}"));
    (error.code().code().to_owned(), escaped(error.message()))
}

fn outcome(outcome: Result<usize, Failed>) -> String {
    match outcome {
        Ok(rows) => format!("{rows} rows"),
        Err((code, message)) => format!("{code} ({message})"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

/// Names of columns, and rows as `COPY` writes them.
async fn as_text(client: &Client, case: &Case) -> Result<(Vec<String>, Vec<Vec<String>>), Failed> {
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for message in client
        .simple_query(&case.sql)
        .await
        .map_err(|error| failed(&error))?
    {
        match message {
            SimpleQueryMessage::RowDescription(described) => {
                names = described
                    .iter()
                    .map(|column| column.name().to_owned())
                    .collect();
            }
            SimpleQueryMessage::Row(row) => rows.push(
                (0..row.len())
                    .map(|at| row.get(at).map_or_else(|| "\\N".to_owned(), escaped))
                    .collect(),
            ),
            _ => {}
        }
    }
    if !case.is_ordered() {
        rows.sort();
    }
    Ok((names, rows))
}

/// Names of columns with their types', and rows of values in binary.
async fn in_binary(
    client: &Client,
    case: &Case,
) -> Result<(Vec<(String, String)>, Vec<Vec<Value>>), Failed> {
    let asked = async {
        let statement = client.prepare(&case.sql).await?;
        let rows = client.query(&statement, &[]).await?;
        Ok((statement, rows))
    };
    let (statement, found) = asked.await.map_err(|error| failed(&error))?;
    let columns: Vec<(String, String)> = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
        .collect();
    let values = |row: &tokio_postgres::Row| {
        let of = |at| row.get::<_, Sent>(at).0;
        (0..columns.len()).map(of).collect()
    };
    let mut rows: Vec<Vec<Value>> = found.iter().map(values).collect();
    if !case.is_ordered() {
        rows.sort();
    }
    Ok((columns, rows))
}

/// The values of a column in binary, as an answer has them.
fn bytes_of(column: usize, rows: &[Vec<Value>], texts: &[Vec<String>]) -> String {
    let values = || rows.iter().map(|row| row[column].as_deref());
    let as_copied = values().map(|value| match value {
        Some(bytes) => std::str::from_utf8(bytes).map(escaped).ok(),
        None => Some("\\N".to_owned()),
    });
    if as_copied.eq(texts.iter().map(|row| Some(row[column].clone()))) {
        return "as text".to_owned();
    }
    let digits: Vec<String> = values()
        .map(|value| value.map_or_else(|| "\\N".to_owned(), hexadecimal))
        .collect();
    let digits = digits.join(" ");
    if digits.len() <= WRITTEN_OUT {
        return digits;
    }
    short_digest(digits.as_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The beginning of a digest.
pub fn short_digest(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    format!("sha256:{}", hexadecimal(&digest.as_ref()[..OF_DIGEST]))
}
