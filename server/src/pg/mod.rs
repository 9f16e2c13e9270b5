//! The Postgres endpoint: SQL for BI tools, over PostgreSQL's protocol, read-only.
//!
//! ```text
//! server ─▶ connection ─▶ login ─▶ simple / extended ─▶ run ─▶ plan ─▶ execute
//! accept     one task      SCRAM    what clients say     a statement     query threads, rows back as a stream
//! ```
//!
//! `pgwire` brings the messages that the server sends and SCRAM; reading, dispatch and execution are ours, since its
//! loop runs what follows a failed login, gathers whole results and cancels nothing but planning. What a user may see
//! is not decided here: the session that the engine gives holds nothing else.

mod activity;
mod admission;
mod backend;
mod catalog;
mod connection;
mod control;
mod execute;
mod explain;
mod extended;
mod frontend;
mod gate;
mod giving_way;
mod greeting;
mod inquiry;
mod local;
mod login;
mod memory;
mod pace;
mod per_account;
mod places;
mod planning;
mod plans;
mod portals;
mod process_memory;
mod run;
mod runtimes;
mod sending;
mod server;
mod session;
mod simple;
mod stopping;
mod tls;
mod utility;
mod watch;
mod wire;
mod yielding;

pub use activity::{Peer, describe_metrics};
pub use backend::{Backend, BackendSession, TableFunction};
pub use inquiry::{Answer, Asker, Inquirer, Inquiry};
pub use local::{LocalPlan, Reading, plan_local};
pub use rapport_pgsql::encode::type_name;
pub use rapport_pgsql::error::{PgError, code};
pub use server::{PgOptions, PgServer};
pub use tls::{Encryption, Tls, TlsError, TlsFiles};
pub use watch::is_timeout;
