//! PostgreSQL's dialect over DataFusion: what a statement of a PostgreSQL client means, and how its answer is written.
//!
//! ```text
//! parse ─▶ desugar ─▶ plan ─▶ analyze ─▶ encode
//! text     what DataFusion    types of     what PostgreSQL   rows as text
//! to AST   has no syntax for  parameters   means otherwise   and in binary
//! ```
//!
//! [`dialect`] puts all of it into a context of DataFusion's and plans queries by it. [`functions`] are those that a plan
//! calls, [`params`] reads what clients bind, [`settings`] are a session's, [`catalog`] is what every PostgreSQL's has, and
//! [`types`] stand below all of them.
//!
//! It knows nothing of Rapport: sessions, accounts, the lake and the wire itself are the server's. What always holds: an
//! error says its SQLSTATE ([`error`]), and no value reaches a client in a type that PostgreSQL does not have ([`encode`]).

pub mod analyze;
pub mod catalog;
pub mod desugar;
pub mod dialect;
pub mod encode;
pub mod error;
pub mod functions;
pub mod params;
pub mod parse;
pub mod plan;
pub mod settings;
pub mod types;
