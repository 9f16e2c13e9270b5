//! Statements: a text is cut into them, and each is sorted into what this server does, or refused.
//!
//! The list of what is done is closed: a statement that is not named here is refused before anything plans it.
//! Queries are parsed by `sqlparser` and then rewritten into what DataFusion understands (see [`crate::desugar`]); all
//! other statements are small and are read from their tokens here, since DataFusion has no part in them.

mod copying;
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

pub use crate::desugar::{has_columns, mixes_unknown, query_of_one_row};
pub use crate::desugar::{is_single, mark_columns};

use crate::encode::CopyOptions;
use crate::error::{PgError, code};
use crate::settings::SetScope;
use tokens::Tokens;

/// The longest text of a statement that is looked at.
pub const MAX_TEXT: usize = 4 * 1024 * 1024;

/// How many tokens one text may have: each takes a hundred times the memory of its characters.
const MAX_TOKENS: usize = 400_000;

/// The longest text whose tokens are counted as they are made. Those of a longer one are counted before, white space too.
const UNCOUNTED: usize = 512 * 1024;

/// How many statements one text may have.
const MAX_STATEMENTS: usize = 10_000;

/// A query, rewritten for the planner.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What is planned; whoever changes it copies it, and not on a connection's thread.
    pub ast: Arc<ast::Query>,
    /// The numbers of its parameters (`$1`), at most.
    pub parameters: usize,
    /// About how many bytes its tree and its plan take.
    pub size: usize,
}

/// What EXPLAIN shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Explain {
    /// The query.
    pub query: Query,
    /// Run it, and show what it took.
    pub analyze: bool,
    /// Show everything that is known.
    pub verbose: bool,
    /// As one JSON document.
    pub json: bool,
}

/// Where FETCH and MOVE go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// So many rows on.
    Forward(u64),
    /// All rows that are left.
    All,
    /// To a row that has gone by, which cursors here cannot do.
    Back,
}

/// A value given to SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// What RESET gives.
    Default,
    /// A text.
    Text(String),
}

/// A statement that is done here.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// A query.
    Query(Query),
    /// The plan of a query.
    Explain(Explain),
    /// One setting, or all.
    Show(Option<String>),
    /// A setting changes.
    Set {
        /// Which.
        name: String,
        /// To what.
        value: SetValue,
        /// For how long.
        scope: SetScope,
    },
    /// Something that is so anyway: done, with this tag.
    Accepted(&'static str),
    /// One setting, or all, go back.
    Reset(Option<String>),
    /// A transaction begins.
    Begin {
        /// The tag, which says how it was asked for.
        tag: &'static str,
        /// The isolation that was asked for.
        isolation: Option<&'static str>,
    },
    /// A transaction ends.
    Commit {
        /// Another one begins at once.
        chain: bool,
    },
    /// A transaction is given up.
    Rollback {
        /// Another one begins at once.
        chain: bool,
    },
    /// A place to come back to.
    Savepoint(String),
    /// Such a place is forgotten.
    Release(String),
    /// Back to such a place.
    RollbackTo(String),
    /// The session becomes as new.
    DiscardAll,
    /// Part of it does.
    Discard(&'static str),
    /// A prepared statement, or all, are forgotten.
    Deallocate(Option<String>),
    /// A statement is prepared in SQL.
    Prepare {
        /// Its name.
        name: String,
        /// Types of its first parameters, as written.
        types: Vec<ast::DataType>,
        /// The statement.
        statement: Box<Statement>,
    },
    /// A statement that was prepared runs.
    Execute {
        /// Its name.
        name: String,
        /// Its arguments, as one row.
        arguments: Option<Query>,
    },
    /// A cursor is opened.
    Declare {
        /// Its name.
        name: String,
        /// It outlives its transaction.
        hold: bool,
        /// Rows come in binary.
        binary: bool,
        /// What it reads.
        query: Query,
    },
    /// Rows of a cursor.
    Fetch {
        /// Its name.
        name: String,
        /// Which.
        step: Move,
    },
    /// Rows of a cursor are passed over.
    Move {
        /// Its name.
        name: String,
        /// Which.
        step: Move,
    },
    /// A cursor, or all, are closed.
    Close(Option<String>),
    /// Rows are sent as data.
    Copy {
        /// Which.
        query: Query,
        /// How.
        options: CopyOptions,
    },
    /// A statement of PostgreSQL's that is not done here.
    Refused(PgError),
}

impl Statement {
    /// About how many bytes it takes to keep.
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

    /// Whether it can run in a transaction that has failed: it ends it, or goes back in it.
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

/// Sees to it that whoever visits an expression has stack enough to copy it, however deep it is and wherever it lies. The
/// visitors take another stack where they have less.
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
        "COPY" => copying::copy(tokens),
        "DECLARE" => queries::declare(tokens),
        "PREPARE" => queries::prepare(tokens),
        "EXECUTE" => queries::execute(tokens),
        _ => utility::parse(tokens, &word),
    }
}
