//! Splits a text into statements, and sorts each into what this server does, or refuses it.
//!
//! The list of what is done is closed: a statement that is not named here is refused before anything plans it. Queries are
//! parsed by `sqlparser` and then rewritten into what DataFusion understands (see [`crate::desugar`]); all other statements
//! are small and are parsed from their tokens here, since DataFusion has no part in them.

mod copy;
mod dialect;
mod expansion;
mod operators;
mod queries;
#[cfg(test)]
mod tests;
mod tokens;
mod unsupported;
mod utility;

use std::sync::{Arc, Once};

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::encode::CopyOptions;
use crate::error::{PgError, code};
use crate::settings::SetScope;
use tokens::Tokens;

/// The longest text that is parsed, in bytes.
pub const MAX_TEXT: usize = 4 * 1024 * 1024;

/// The most tokens of a text: each takes a hundred times the memory of its characters.
const MAX_TOKENS: usize = 400_000;

/// The longest text, in bytes, whose tokens are counted after they are made. Those of a longer one are counted before, white
/// space too.
const UNCOUNTED: usize = 512 * 1024;

/// The most statements of a text.
const MAX_STATEMENTS: usize = 10_000;

/// A query, rewritten for the planner.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The query that is planned. To change it is to copy it, which is not done on a connection's thread.
    pub ast: Arc<ast::Query>,
    /// The highest number of its parameters (`$1`).
    pub parameters: usize,
    /// The estimated bytes of its syntax tree and its plan.
    pub size: usize,
}

/// An EXPLAIN.
#[derive(Debug, Clone, PartialEq)]
pub struct Explain {
    /// The query.
    pub query: Query,
    /// Whether it runs, and shows what it took.
    pub analyze: bool,
    /// Whether it shows all that is known.
    pub verbose: bool,
    /// Whether the answer is one JSON document.
    pub json: bool,
}

/// Where FETCH and MOVE go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Forward, by so many rows.
    Forward(u64),
    /// Forward, to the end.
    All,
    /// Back, which cursors here cannot do.
    Back,
}

/// A value given to SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// The value that RESET sets.
    Default,
    /// A text.
    Text(String),
}

/// A parsed statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// A query.
    Query(Query),
    /// The plan of a query.
    Explain(Explain),
    /// SHOW of one setting, or all.
    Show(Option<String>),
    /// SET.
    Set {
        /// Which.
        name: String,
        /// To what.
        value: SetValue,
        /// For how long.
        scope: SetScope,
    },
    /// A statement without effect, which is answered with this tag.
    Accepted(&'static str),
    /// RESET of one setting, or all.
    Reset(Option<String>),
    /// BEGIN or START TRANSACTION.
    Begin {
        /// The tag of the answer.
        tag: &'static str,
        /// The isolation level, if one was given.
        isolation: Option<&'static str>,
    },
    /// COMMIT.
    Commit {
        /// Another one begins at once.
        chain: bool,
    },
    /// ROLLBACK.
    Rollback {
        /// Another one begins at once.
        chain: bool,
    },
    /// SAVEPOINT.
    Savepoint(String),
    /// RELEASE SAVEPOINT.
    Release(String),
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// DISCARD ALL.
    DiscardAll,
    /// Another DISCARD, with its tag.
    Discard(&'static str),
    /// DEALLOCATE of a prepared statement, or all.
    Deallocate(Option<String>),
    /// PREPARE.
    Prepare {
        /// Its name.
        name: String,
        /// The types of its first parameters, as written.
        types: Vec<ast::DataType>,
        /// The statement.
        statement: Box<Statement>,
    },
    /// EXECUTE.
    Execute {
        /// Its name.
        name: String,
        /// Its arguments, as a query of one row.
        arguments: Option<Query>,
    },
    /// DECLARE of a cursor.
    Declare {
        /// Its name.
        name: String,
        /// Whether it outlives its transaction.
        hold: bool,
        /// Whether its rows are sent in binary.
        binary: bool,
        /// The query that it reads.
        query: Query,
    },
    /// FETCH from a cursor.
    Fetch {
        /// Its name.
        name: String,
        /// Which.
        step: Move,
    },
    /// MOVE of a cursor.
    Move {
        /// Its name.
        name: String,
        /// Which.
        step: Move,
    },
    /// CLOSE of a cursor, or all.
    Close(Option<String>),
    /// COPY … TO STDOUT.
    Copy {
        /// Which.
        query: Query,
        /// How.
        options: CopyOptions,
    },
    /// A statement of PostgreSQL's that is not done here; it fails when it runs.
    Refused(PgError),
}

impl Statement {
    /// Returns the estimated bytes that it takes to keep.
    pub fn size(&self) -> usize {
        match self {
            Statement::Query(query)
            | Statement::Declare { query, .. }
            | Statement::Copy { query, .. }
            | Statement::Explain(Explain { query, .. }) => query.size,
            Statement::Execute {
                arguments: Some(arguments),
                ..
            } => arguments.size,
            Statement::Prepare {
                types, statement, ..
            } => types.len() * size_of::<ast::DataType>() + statement.size(),
            Statement::Set {
                value: SetValue::Text(text),
                ..
            } => text.len(),
            _ => 0,
        }
    }

    /// Whether it can run in a failed transaction: it ends it, or goes back in it.
    pub fn leaves_failed_transaction(&self) -> bool {
        matches!(
            self,
            Statement::Commit { .. } | Statement::Rollback { .. } | Statement::RollbackTo(_)
        )
    }
}

/// Parses a text into its statements; empty ones are left out.
///
/// # Errors
/// If a statement cannot be read. One that can and is not allowed is a [`Statement::Refused`], which fails only when
/// it runs, as in PostgreSQL.
pub fn parse(text: &str) -> Result<Vec<Statement>, PgError> {
    leave_stack_for_copies();
    if text.len() > MAX_TEXT {
        return Err(PgError::new(
            "54000",
            format!(
                "statement of {} bytes is too long: at most {MAX_TEXT} are accepted",
                text.len()
            ),
        ));
    }
    if text.len() > UNCOUNTED {
        too_many("tokens", tokens::at_most(text), MAX_TOKENS)?;
    }
    let tokens = tokens::tokenize(text)?;
    let ends = tokens
        .iter()
        .filter(|token| token.token == Token::SemiColon);
    too_many("tokens", tokens.len(), MAX_TOKENS)?;
    too_many("statements", ends.count(), MAX_STATEMENTS)?;
    tokens
        .split(|token| token.token == Token::SemiColon)
        .filter(|tokens| !tokens.is_empty())
        .map(|tokens| {
            tokens::check_chains(tokens)?;
            tokens::check_operators(text, tokens)?;
            parse_statement(&mut Tokens::new(text, tokens))
        })
        .collect()
}

/// Makes visitors of expressions leave enough stack to copy an expression, however deep it is. They switch to another stack
/// where they have less.
fn leave_stack_for_copies() {
    // Without optimisation a level takes some 13 KiB.
    const LEFT: usize = if cfg!(debug_assertions) { 24 } else { 8 } * 1024 * 1024;
    static SET: Once = Once::new();
    SET.call_once(|| {
        recursive::set_minimum_stack_size(LEFT);
        recursive::set_stack_allocation_size(2 * LEFT);
    });
}

fn too_many(what: &str, found: usize, most: usize) -> Result<(), PgError> {
    if found <= most {
        return Ok(());
    }
    Err(
        PgError::new("54000", "statement is too long").detail(format!(
            "it has {found} {what}: at most {most} are accepted in one message"
        )),
    )
}

fn parse_statement(tokens: &mut Tokens<'_>) -> Result<Statement, PgError> {
    let Some(word) = tokens.peek_word() else {
        return match tokens.peek() {
            Some(Token::LParen) => queries::query(tokens).map(Statement::Query),
            _ => Err(tokens.unexpected()),
        };
    };
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" => match queries::query(tokens) {
            Ok(query) => Ok(Statement::Query(query)),
            Err(error) if error.code == code::READ_ONLY => Ok(Statement::Refused(error)),
            Err(error) => Err(error),
        },
        "EXPLAIN" => queries::explain(tokens),
        "COPY" => copy::copy(tokens),
        "DECLARE" => queries::declare(tokens),
        "PREPARE" => queries::prepare(tokens),
        "EXECUTE" => queries::execute(tokens),
        _ => utility::parse(tokens, &word),
    }
}
