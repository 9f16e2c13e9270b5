//! What a saved query answers through the Postgres endpoint, which the page is compared with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::rows;

/// A call of a saved query, of its arguments those that are given.
#[derive(Clone)]
pub struct Asked {
    pub query: String,
    pub arguments: Vec<(String, String)>,
}

impl Asked {
    pub fn of(query: &str, arguments: &[(&str, &str)]) -> Self {
        let arguments = arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            query: query.to_owned(),
            arguments: arguments.collect(),
        }
    }

    /// The call as SQL has it.
    pub fn sql(&self) -> String {
        let mut sql = format!("{}(", self.query);
        for (at, (name, value)) in self.arguments.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            let value = value.replace('\'', "''");
            // What is no text is read from one.
            write!(sql, "{comma}{name} => {}", literal(name, &value)).unwrap();
        }
        sql + ")"
    }

    /// The rows of these columns, as text.
    pub async fn rows(&self, client: &Client, columns: &str) -> Vec<Vec<Option<String>>> {
        rows(client, &format!("SELECT {columns} FROM {}", self.sql())).await
    }

    /// All columns of the rows, by their names.
    pub async fn named(&self, client: &Client) -> Vec<BTreeMap<String, Option<String>>> {
        let sql = format!("SELECT * FROM {}", self.sql());
        let messages = client.simple_query(&sql).await;
        let messages = messages.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            let columns = row.columns().iter().enumerate();
            columns
                .map(|(at, column)| (column.name().to_owned(), row.get(at).map(str::to_owned)))
                .collect()
        })
        .collect()
    }

    /// The only row.
    pub async fn row(&self, client: &Client, columns: &str) -> Vec<Option<String>> {
        let mut rows = self.rows(client, columns).await;
        assert_eq!(rows.len(), 1, "{}: {rows:?}", self.sql());
        rows.remove(0)
    }
}

fn literal(name: &str, value: &str) -> String {
    match name {
        "ascending" | "unassigned" | "escalated" | "clicked" | "after_key" => value.to_owned(),
        _ => format!("'{value}'"),
    }
}
