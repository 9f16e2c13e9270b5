//! Statements of all clients: those of a connection, in either protocol; those of the page and the API; and those of the
//! command line.

mod arguments;
mod command_line;
mod connection;
mod dispatch;
mod explain;
mod extended;
mod in_process;
pub(super) mod opening;
mod planning;
mod send_rows;
mod simple;
mod utility;

pub use command_line::{LocalPlan, Reading, plan_local};
pub use in_process::{Answer, Asker, Inquirer, Inquiry};
