//! The Postgres endpoint: SQL for BI tools, over PostgreSQL's protocol, read-only.
//!
//! ```text
//! server ─▶ statements::opening ─▶ statements::connection ─▶ simple / extended ─▶ dispatch ─▶ planning ─▶ execution
//! accepts    TLS and login          reads messages            the protocols         one statement           runs it, streams rows
//! ```
//!
//! `pgwire` provides the backend messages and SCRAM. Reading and dispatch of messages are written here, because its loop
//! handles messages after a failed login, collects whole results, and can cancel planning only. Access is not checked here:
//! the session that the engine opens holds nothing that its user may not see.

mod activity;
mod catalog;
mod execution;
mod resources;
mod server;
mod session;
mod shared;
mod statements;
mod wire;

pub use activity::{Peer, describe_metrics};
pub use rapport_pgsql::encode::type_name;
pub use rapport_pgsql::error::{PgError, code};
pub use resources::interrupt::is_timeout;
pub use server::PgServer;
pub use session::backend::{Backend, BackendSession, TableFunction};
pub use shared::PgOptions;
pub use statements::{Answer, Asker, Inquirer, Inquiry, LocalPlan, Reading, plan_local};
pub use wire::tls::{Encryption, Tls, TlsError, TlsFiles};
