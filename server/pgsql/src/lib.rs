//! PostgreSQL's dialect over DataFusion: the meaning of a PostgreSQL client's statement, and the form of its answer.
//!
//! ```text
//! parse ─▶ desugar ─▶ plan ─▶ analyze ─▶ encode
//! text     what DataFusion    types of     what PostgreSQL   rows as text
//! to AST   has no syntax for  parameters   means otherwise   and in binary
//! ```
//!
//! [`dialect`] sets up a context of DataFusion's with all of it and plans queries there. Plans call [`functions`], [`params`]
//! reads the values that clients bind, [`settings`] holds a session's settings, [`catalog`] lists the relations of every
//! PostgreSQL's catalog, and [`types`] are below all of them.
//!
//! It knows nothing of Rapport: sessions, accounts, the lake and the wire itself are the server's. What always holds: an
//! error has a SQLSTATE ([`error`]), and no value reaches a client in a type that PostgreSQL does not have ([`encode`]).

pub mod analyze;
pub mod catalog;
pub mod desugar;
pub mod dialect;
pub mod encode;
pub mod error;
pub mod functions;
pub mod params;
pub mod parse;
pub mod pass;
pub mod plan;
pub mod settings;
pub mod types;
