//! PostgreSQL's dialect over DataFusion: what a statement of a PostgreSQL client means, and how its answer is written.
//!
//! ```text
//! sql ─▶ plan ─▶ semantics ─▶ functions ─▶ encode
//! text    types of   what PostgreSQL      PostgreSQL's    rows as text
//! to AST  parameters reads differently    own functions   and in binary
//! ```
//!
//! It knows nothing of Rapport: sessions, accounts, the lake and the wire itself are the server's. What always holds: an
//! error says its SQLSTATE ([`error`]), and no value reaches a client in a type that PostgreSQL does not have ([`encode`]).

pub mod digits;
pub mod encode;
pub mod error;
pub mod functions;
mod inference;
pub mod interval;
pub mod oids;
pub mod params;
pub mod plan;
pub mod semantics;
pub mod settings;
pub mod sql;
pub mod type_names;
pub mod zone;
