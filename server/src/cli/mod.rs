//! The command line: each command in a module of its own, all on the engine.
//!
//! Answers go to standard output; progress, warnings and errors to standard error. Exit codes: 0 done, 1 failed, 2 wrong
//! use, 3 `land --strict` with rejected lines.

mod accounts;
mod args;
mod config;
mod demo;
mod derive;
mod destination;
mod error;
mod land;
mod limits;
mod maintain;
mod progress;
mod query;
mod serve;
mod synth;
mod tokens;
mod users;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};
use config::Config;
use error::CliError;

/// The log filter of a server: its own messages from `info` on, its libraries' from `warn` on.
const SERVING_LOG: &str = "warn,rapport=info";

/// The stack of each thread: planning deeply nested statements needs more than the default.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Runs the program with the arguments and environment of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version go to standard output with exit code 0, wrong use to standard error with 2; clap decides.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let serving = matches!(cli.command, Command::Serve(_) | Command::Demo(_));
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(
            EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| EnvFilter::new(if serving { SERVING_LOG } else { "warn" })),
        )
        .init();
    match run(cli) {
        Ok(()) | Err(CliError::ClosedOutput) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "rapport: {error}");
            error.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), CliError> {
    let config = Config::load(&cli.global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.engine.threads.max(2))
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(CliError::failed)?;
    let outcome = runtime.block_on(dispatch(config, cli.command));
    // The threads are joined, not detached: a detached thread that ends with the process can crash it (see
    // `pg::resources::runtimes`). The timeout is for tasks that cannot end, such as one that still reads standard input.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn dispatch(config: Config, command: Command) -> Result<(), CliError> {
    match command {
        Command::Demo(options) => demo::run(config, options).await,
        Command::Synth(options) => synth::run(&config, &options),
        Command::Accounts(command) => accounts::run(&config, command).await,
        Command::Land(options) => land::run(&config, options).await,
        Command::Derive(options) => derive::derive(&config, options).await,
        Command::Backfill(options) => derive::backfill(&config, options).await,
        Command::Maintain(options) => maintain::run(&config, options).await,
        Command::Query(options) => query::run(&config, options).await,
        Command::Queries(options) => query::list(&config, options).await,
        Command::Users(command) => users::run(&config, command).await,
        Command::Tokens(command) => tokens::run(&config, command).await,
        Command::Serve(options) => serve::run(&config, options).await,
    }
}

/// Writes a line to standard output.
fn say(line: impl Display) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::ClosedOutput,
        _ => CliError::Failed(format!("cannot write to standard output: {error}")),
    })
}
