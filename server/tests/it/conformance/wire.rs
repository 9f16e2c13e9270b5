//! The cases over the Postgres wire: a served lake, a user for the operator and one for each account, and the extended
//! protocol with binary results.

use std::error::Error;

use bytes::Buf;
use chrono::{DateTime, NaiveDate};
use serde_json::Value;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls};

use super::case::{Case, RELATIONS, Row};
use super::compare::{check_call, check_relation};
use crate::program::{Program, Served};

const PASSWORD: &str = "correct horse battery";

/// Serves the lake and asks for everything.
pub async fn check(case: &Case, program: &Program) {
    add_user(program, "everyone", "operator", None);
    for (role, account) in ["owner", "admin", "manager", "analyst"]
        .iter()
        .cycle()
        .zip(case.accounts_in_calls())
    {
        add_user(program, account, role, Some(account));
    }
    let http = super::http::Asking::prepare(case, program);
    let served = program.serve();
    http.check(case, served.http).await;
    let operator = connect(&served, "everyone").await;
    for (relation, _) in RELATIONS {
        let sql = format!("SELECT * FROM {relation}");
        check_relation(case, "wire", relation, None, rows(&operator, &sql).await);
    }
    for account in case.accounts_in_calls() {
        let client = connect(&served, account).await;
        for (relation, _) in RELATIONS {
            let sql = format!("SELECT * FROM {relation}");
            check_relation(
                case,
                "wire",
                relation,
                Some(account),
                rows(&client, &sql).await,
            );
        }
        for call in case.some_calls(3).filter(|c| c.account_id == account) {
            check_call(case, "wire", call, rows(&client, &call.sql()).await);
        }
    }
}

fn add_user(program: &Program, name: &str, role: &str, account: Option<&str>) {
    let mut args = vec!["users", "add", name, "--role", role, "--password-stdin"];
    args.extend(
        account
            .into_iter()
            .flat_map(|account| ["--account", account]),
    );
    program.ok_with_input(&args, &format!("{PASSWORD}\n"));
}

async fn connect(served: &Served, user: &str) -> Client {
    let (client, connection) = tokio_postgres::Config::new()
        .host(served.pg.ip().to_string())
        .port(served.pg.port())
        .user(user)
        .password(PASSWORD)
        .dbname("rapport")
        .connect(NoTls)
        .await
        .unwrap();
    tokio::spawn(async move { drop(connection.await) });
    client
}

/// The rows that a statement gives, as JSON.
pub async fn rows(client: &Client, sql: &str) -> Vec<Row> {
    let rows = client
        .query(sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter()
        .map(|row| {
            let cell = |index: usize| row.get::<_, Cell>(index).0;
            row.columns()
                .iter()
                .enumerate()
                .map(|(index, column)| (column.name().to_owned(), cell(index)))
                .collect()
        })
        .collect()
}

/// A binary value as the cases write it.
struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let mut bytes = raw;
        Ok(Cell(match *ty {
            Type::BOOL => Value::Bool(raw == [1]),
            Type::INT2 => bytes.try_get_i16()?.into(),
            Type::INT4 => bytes.try_get_i32()?.into(),
            Type::INT8 => bytes.try_get_i64()?.into(),
            Type::FLOAT8 => bytes.try_get_f64()?.into(),
            Type::TEXT | Type::VARCHAR => std::str::from_utf8(raw)?.into(),
            Type::NUMERIC => numeric(bytes)?.into(),
            Type::DATE => {
                let since_2000 = i64::from(bytes.try_get_i32()?);
                let day = NaiveDate::from_epoch_days(i32::try_from(since_2000 + 10_957)?);
                day.ok_or("a date beyond the calendar")?.to_string().into()
            }
            Type::TIMESTAMPTZ => {
                let micros = bytes.try_get_i64()? + 946_684_800_000_000;
                let instant = DateTime::from_timestamp_micros(micros)
                    .ok_or("an instant beyond the calendar")?;
                instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into()
            }
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => {
                let texts = Vec::<Option<&str>>::from_sql(ty, raw)?;
                texts
                    .into_iter()
                    .map(Value::from)
                    .collect::<Vec<_>>()
                    .into()
            }
            _ => return Err(format!("no column of SPEC 7 has type {ty}").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Cell(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A numeric with all digits of its scale.
fn numeric(mut bytes: &[u8]) -> Result<String, Box<dyn Error + Sync + Send>> {
    let (digits, weight) = (bytes.try_get_u16()?, bytes.try_get_i16()?);
    let (sign, scale) = (bytes.try_get_u16()?, bytes.try_get_u16()?);
    // Groups of four decimal digits, the first at 10000 to the power of the weight.
    let mut groups = std::collections::HashMap::new();
    for place in 0..i32::from(digits) {
        groups.insert(i32::from(weight) - place, bytes.try_get_u16()?);
    }
    let group = |power: i32| groups.get(&power).copied().unwrap_or(0);
    let whole: String = (0..=i32::from(weight).max(0))
        .rev()
        .map(|power| format!("{:04}", group(power)))
        .collect();
    let whole = whole.trim_start_matches('0');
    let mut text = if sign == 0x4000 {
        "-".to_owned()
    } else {
        String::new()
    };
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let fraction: String = (1..=i32::from(scale.div_ceil(4)))
            .map(|place| format!("{:04}", group(-place)))
            .collect();
        text.push('.');
        text.push_str(&fraction[..usize::from(scale)]);
    }
    Ok(text)
}
