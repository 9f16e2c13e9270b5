//! Parses statements about the session (transactions, settings, cursors), and those that are refused.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::tokens::Tokens;
use super::{Move, SetValue, Statement};
use crate::error::{PgError, code};
use crate::settings::SetScope;

/// Commands that write, or that are of use only to those who write.
const WRITING: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "CHECKPOINT",
    "CLUSTER",
    "COMMENT",
    "CREATE",
    "DELETE",
    "DROP",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LOCK",
    "MERGE",
    "NOTIFY",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "REVOKE",
    "SECURITY",
    "TRUNCATE",
    "UPDATE",
    "VACUUM",
];

/// Other commands that are not done here.
const NOT_DONE: &[&str] = &["CALL", "DO", "LISTEN", "LOAD"];

/// Parses a statement that begins with a word.
pub(super) fn parse(tokens: &mut Tokens<'_>, word: &str) -> Result<Statement, PgError> {
    if WRITING.contains(&word) {
        return Ok(Statement::Refused(PgError::new(
            code::READ_ONLY,
            format!(
                "cannot execute {} in a read-only transaction",
                command(tokens)
            ),
        )));
    }
    if NOT_DONE.contains(&word) {
        return Ok(Statement::Refused(PgError::unsupported(format!(
            "{word} is not supported"
        ))));
    }
    let error = tokens.unexpected();
    tokens.next();
    let statement = match word {
        "BEGIN" => begin(tokens, "BEGIN")?,
        "START" => {
            tokens.expect("TRANSACTION")?;
            begin(tokens, "START TRANSACTION")?
        }
        "COMMIT" | "END" => {
            if tokens.accept("PREPARED") {
                return Ok(no_two_phases());
            }
            Statement::Commit {
                chain: chain(tokens)?,
            }
        }
        "ROLLBACK" | "ABORT" => rollback(tokens)?,
        "SAVEPOINT" => Statement::Savepoint(tokens.name()?),
        "RELEASE" => {
            tokens.accept("SAVEPOINT");
            Statement::Release(tokens.name()?)
        }
        "SET" => set(tokens)?,
        "SHOW" => Statement::Show(shown_setting(tokens)?),
        "RESET" => reset(tokens)?,
        "DISCARD" => discard(tokens)?,
        "DEALLOCATE" => {
            tokens.accept("PREPARE");
            Statement::Deallocate(name_or_all(tokens)?)
        }
        "CLOSE" => Statement::Close(name_or_all(tokens)?),
        "FETCH" => {
            let (name, step) = fetch(tokens)?;
            Statement::Fetch { name, step }
        }
        "MOVE" => {
            let (name, step) = fetch(tokens)?;
            Statement::Move { name, step }
        }
        "UNLISTEN" => {
            if !tokens.accept_token(&Token::Mul) {
                tokens.name()?;
            }
            Statement::Accepted("UNLISTEN")
        }
        _ => return Err(error),
    };
    tokens.end()?;
    Ok(statement)
}

/// Reads a command as PostgreSQL names it: `INSERT`, `CREATE TABLE`.
fn command(tokens: &mut Tokens<'_>) -> String {
    let first = tokens.peek_word().unwrap_or_default();
    tokens.next();
    match first.as_str() {
        "CREATE" | "ALTER" | "DROP" => {
            while tokens.accept_any(&[
                "OR",
                "REPLACE",
                "TEMP",
                "TEMPORARY",
                "UNLOGGED",
                "GLOBAL",
                "LOCAL",
                "UNIQUE",
            ]) {}
            match tokens.peek_word() {
                Some(object) => format!("{first} {object}"),
                None => first,
            }
        }
        "TRUNCATE" | "LOCK" => format!("{first} TABLE"),
        _ => first,
    }
}

fn no_two_phases() -> Statement {
    Statement::Refused(PgError::unsupported(
        "prepared transactions are not supported",
    ))
}

fn begin(tokens: &mut Tokens<'_>, tag: &'static str) -> Result<Statement, PgError> {
    if tag == "BEGIN" {
        tokens.accept_any(&["WORK", "TRANSACTION"]);
    }
    let isolation = transaction_modes(tokens)?;
    Ok(Statement::Begin { tag, isolation })
}

/// Reads the modes of a transaction, and returns the isolation level. They change only what SHOW says: every statement reads
/// one snapshot, and nothing is ever written.
fn transaction_modes(tokens: &mut Tokens<'_>) -> Result<Option<&'static str>, PgError> {
    let mut isolation = None;
    loop {
        if tokens.accept("ISOLATION") {
            tokens.expect("LEVEL")?;
            isolation = Some(if tokens.accept("READ") {
                if tokens.accept("COMMITTED") {
                    "read committed"
                } else {
                    tokens.expect("UNCOMMITTED")?;
                    "read uncommitted"
                }
            } else if tokens.accept("REPEATABLE") {
                tokens.expect("READ")?;
                "repeatable read"
            } else {
                tokens.expect("SERIALIZABLE")?;
                "serializable"
            });
        } else if tokens.accept("READ") {
            if !tokens.accept_any(&["ONLY", "WRITE"]) {
                return Err(tokens.unexpected());
            }
        } else if tokens.accept("NOT") {
            tokens.expect("DEFERRABLE")?;
        } else if !tokens.accept("DEFERRABLE") {
            return Ok(isolation);
        }
        tokens.accept_token(&Token::Comma);
    }
}

/// Makes the statement of a SET of transaction modes.
fn set_modes(isolation: Option<&str>, name: &str, scope: SetScope) -> Statement {
    match isolation {
        None => Statement::Accepted("SET"),
        Some(isolation) => Statement::Set {
            name: name.to_owned(),
            value: SetValue::Text(isolation.to_owned()),
            scope,
        },
    }
}

fn chain(tokens: &mut Tokens<'_>) -> Result<bool, PgError> {
    tokens.accept_any(&["WORK", "TRANSACTION"]);
    if !tokens.accept("AND") {
        return Ok(false);
    }
    let no = tokens.accept("NO");
    tokens.expect("CHAIN")?;
    Ok(!no)
}

fn rollback(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    if tokens.accept("PREPARED") {
        tokens.skip_rest();
        return Ok(no_two_phases());
    }
    tokens.accept_any(&["WORK", "TRANSACTION"]);
    if tokens.accept("TO") {
        tokens.accept("SAVEPOINT");
        return Ok(Statement::RollbackTo(tokens.name()?));
    }
    Ok(Statement::Rollback {
        chain: chain(tokens)?,
    })
}

fn set(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    let mut scope = SetScope::Session;
    if tokens.accept("LOCAL") {
        scope = SetScope::Local;
    } else if tokens.accept("SESSION") {
        if tokens.accept("CHARACTERISTICS") {
            tokens.expect("AS")?;
            tokens.expect("TRANSACTION")?;
            let isolation = transaction_modes(tokens)?;
            let name = "default_transaction_isolation";
            return Ok(set_modes(isolation, name, SetScope::Session));
        }
        if tokens.accept("AUTHORIZATION") {
            return role(tokens, "session_authorization");
        }
    }
    if tokens.accept("TRANSACTION") {
        let isolation = transaction_modes(tokens)?;
        return Ok(set_modes(
            isolation,
            "transaction_isolation",
            SetScope::Local,
        ));
    }
    if tokens.accept("CONSTRAINTS") {
        tokens.skip_rest();
        return Ok(Statement::Accepted("SET CONSTRAINTS"));
    }
    if tokens.accept("ROLE") {
        return role(tokens, "role");
    }
    if tokens.accept("NAMES") {
        let value = set_value(tokens)?;
        return Ok(Statement::Set {
            name: "client_encoding".to_owned(),
            value,
            scope,
        });
    }
    if tokens.accept("TIME") {
        tokens.expect("ZONE")?;
        let value = if tokens.accept("INTERVAL") {
            let value = SetValue::Text(tokens.string()?);
            tokens.skip_rest();
            value
        } else if tokens.accept("LOCAL") {
            SetValue::Default
        } else {
            set_value(tokens)?
        };
        return Ok(Statement::Set {
            name: "TimeZone".to_owned(),
            value,
            scope,
        });
    }
    let name = setting_name(tokens)?;
    if !tokens.accept("TO") {
        tokens.expect_token(&Token::Eq)?;
    }
    let value = set_value(tokens)?;
    Ok(Statement::Set { name, value, scope })
}

/// Parses SET ROLE and SET SESSION AUTHORIZATION, which only take DEFAULT and NONE here.
fn role(tokens: &mut Tokens<'_>, what: &str) -> Result<Statement, PgError> {
    if tokens.accept_any(&["DEFAULT", "NONE"]) {
        return Ok(Statement::Accepted("SET"));
    }
    let name = match tokens.string() {
        Ok(name) => name,
        Err(_) => tokens.name()?,
    };
    Ok(Statement::Refused(PgError::new(
        code::NO_PRIVILEGE,
        format!("permission denied to set {what} \"{name}\""),
    )))
}

fn setting_name(tokens: &mut Tokens<'_>) -> Result<String, PgError> {
    let mut name = tokens.name()?;
    while tokens.accept_token(&Token::Period) {
        name.push('.');
        name.push_str(&tokens.name()?);
    }
    Ok(name)
}

fn set_value(tokens: &mut Tokens<'_>) -> Result<SetValue, PgError> {
    if tokens.rest().len() == 1 && tokens.accept("DEFAULT") {
        return Ok(SetValue::Default);
    }
    let mut values = Vec::new();
    loop {
        let sign = if tokens.accept_token(&Token::Minus) {
            "-"
        } else {
            ""
        };
        let value = match tokens.next() {
            Some(Token::Number(number, _)) => format!("{sign}{number}"),
            Some(Token::Word(word)) if sign.is_empty() => match word.quote_style {
                Some(_) => word.value.clone(),
                None => word.value.to_lowercase(),
            },
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text))
                if sign.is_empty() =>
            {
                text.clone()
            }
            _ => {
                return Err(
                    tokens.error_before(code::SYNTAX, "syntax error: expected a value".to_owned())
                );
            }
        };
        values.push(value);
        if !tokens.accept_token(&Token::Comma) {
            return Ok(SetValue::Text(values.join(", ")));
        }
    }
}

fn shown_setting(tokens: &mut Tokens<'_>) -> Result<Option<String>, PgError> {
    if tokens.accept("ALL") {
        return Ok(None);
    }
    special_name(tokens).map(Some)
}

fn special_name(tokens: &mut Tokens<'_>) -> Result<String, PgError> {
    if tokens.accept("TIME") {
        tokens.expect("ZONE")?;
        return Ok("TimeZone".to_owned());
    }
    if tokens.accept("TRANSACTION") {
        tokens.expect("ISOLATION")?;
        tokens.expect("LEVEL")?;
        return Ok("transaction_isolation".to_owned());
    }
    if tokens.accept("SESSION") {
        tokens.expect("AUTHORIZATION")?;
        return Ok("session_authorization".to_owned());
    }
    setting_name(tokens)
}

fn reset(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    if tokens.accept("ALL") {
        return Ok(Statement::Reset(None));
    }
    if tokens.accept("ROLE") {
        return Ok(Statement::Accepted("RESET"));
    }
    let name = special_name(tokens)?;
    if name == "session_authorization" {
        return Ok(Statement::Accepted("RESET"));
    }
    Ok(Statement::Reset(Some(name)))
}

fn discard(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    if tokens.accept("ALL") {
        Ok(Statement::DiscardAll)
    } else if tokens.accept("PLANS") {
        Ok(Statement::Discard("DISCARD PLANS"))
    } else if tokens.accept("SEQUENCES") {
        Ok(Statement::Discard("DISCARD SEQUENCES"))
    } else if tokens.accept_any(&["TEMP", "TEMPORARY"]) {
        Ok(Statement::Discard("DISCARD TEMP"))
    } else {
        Err(tokens.unexpected())
    }
}

fn name_or_all(tokens: &mut Tokens<'_>) -> Result<Option<String>, PgError> {
    if tokens.rest().len() == 1 && tokens.accept("ALL") {
        return Ok(None);
    }
    tokens.name().map(Some)
}

fn fetch(tokens: &mut Tokens<'_>) -> Result<(String, Move), PgError> {
    let rows = |count: i64| match u64::try_from(count) {
        Ok(count) => Move::Forward(count),
        Err(_) => Move::Back,
    };
    let step = if tokens.accept("NEXT") {
        Move::Forward(1)
    } else if tokens.accept("ALL") {
        Move::All
    } else if tokens.accept("FORWARD") {
        if tokens.accept("ALL") {
            Move::All
        } else if matches!(tokens.peek(), Some(Token::Number(..) | Token::Minus)) {
            rows(tokens.integer()?)
        } else {
            Move::Forward(1)
        }
    } else if tokens.accept_any(&["PRIOR", "FIRST", "LAST"]) {
        Move::Back
    } else if tokens.accept("RELATIVE") {
        match tokens.integer()? {
            1 => Move::Forward(1),
            _ => Move::Back,
        }
    } else if tokens.accept("ABSOLUTE") {
        tokens.integer()?;
        Move::Back
    } else if tokens.accept("BACKWARD") {
        if !tokens.accept("ALL") && matches!(tokens.peek(), Some(Token::Number(..) | Token::Minus))
        {
            tokens.integer()?;
        }
        Move::Back
    } else if matches!(
        tokens.peek(),
        Some(Token::Number(..) | Token::Minus | Token::Plus)
    ) {
        rows(tokens.integer()?)
    } else {
        Move::Forward(1)
    };
    tokens.accept_any(&["FROM", "IN"]);
    Ok((tokens.name()?, step))
}
