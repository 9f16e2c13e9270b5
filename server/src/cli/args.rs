//! The command line's grammar. Doc comments of arguments are what `--help` prints.

use std::path::PathBuf;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use rapport_data::settings::Period;
use rapport_zones::Database;
use serde::Deserialize;

use crate::output::ResultForm;
use crate::users::Right;

/// Events land, the right metrics come out over the Postgres wire.
#[derive(Debug, Parser)]
#[command(
    name = "rapport",
    version = version(),
    about,
    max_term_width = 110,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The program's version, and that of the time zone rules that it goes by.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let zones = Database::in_use();
        format!("{} (time zones {zones})", env!("CARGO_PKG_VERSION"))
    });
    &VERSION
}

/// What holds for every command. A flag beats the environment, which beats the configuration file.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// The lake: a folder, or a URL such as s3://bucket/lake, gs://bucket/lake or az://container/lake
    /// [default: ./rapport-lake]
    #[arg(long, global = true, env = "RAPPORT_LAKE", value_name = "URL")]
    pub lake: Option<String>,
    /// A TOML file with any of: lake, now, threads, memory_limit, queries, spill, users, pg, http, tls, tls_cert, tls_key,
    /// derive, and the tables [limits] and [storage]
    #[arg(long, global = true, env = "RAPPORT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What `now()` means, so that a report can be repeated: RFC 3339 with an offset, as 2026-01-31T12:00:00Z
    #[arg(long, global = true, env = "RAPPORT_NOW", value_name = "INSTANT", value_parser = instant)]
    pub now: Option<DateTime<Utc>>,
}

/// Parses an instant; the error says the accepted form.
pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| "expected RFC 3339 with an offset, such as 2026-01-31T12:00:00Z".to_owned())
}

fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse()
        .map_err(|_| "expected a date as YYYY-MM-DD".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make events, land and derive them, then serve: one command, nothing else needed
    ///
    /// The lake is ./rapport-demo unless --lake says otherwise; a second run reuses it.
    Demo(Serving),
    /// Make realistic events of invented shops, and their settings
    Synth(Synth),
    /// Settings of accounts
    #[command(subcommand)]
    Accounts(Accounts),
    /// Land events: NDJSON (also .gz, .zst) or Parquet
    Land(Land),
    /// Make every dirty partition clean
    Derive(Reporting),
    /// Derive a range of days again, whatever the marks say
    Backfill(Backfill),
    /// Put small files together, and delete what only versions of long ago need
    Maintain(Maintain),
    /// Run a saved query, or any SQL
    Query(Query),
    /// List the saved queries with their parameters and purpose
    Queries(Listing),
    /// Who may log in to the Postgres endpoint
    #[command(subcommand)]
    Users(UsersCommand),
    /// Tokens, by which programs ask saved queries and land events over HTTP
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Serve the Postgres wire protocol and HTTP, and derive as events land (unless --derive off)
    Serve(Serving),
}

/// Options of `synth`.
#[derive(Debug, Args)]
pub(super) struct Synth {
    /// How many shops
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub accounts: u32,
    /// How many days, up to the last one before now
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// How many conversations in all
    #[arg(long, value_name = "N", default_value_t = 6_000)]
    pub conversations: u64,
    /// The same seed makes the same events
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The folder that the files go to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The form of the events
    #[arg(long, value_enum, default_value_t = EventForm::Ndjson)]
    pub format: EventForm,
}

/// The forms in which events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EventForm {
    /// One JSON object a line
    Ndjson,
    /// Parquet
    Parquet,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(super) enum Accounts {
    /// Put settings in force: one JSON object a line
    Put {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// List the accounts
    List(Listing),
    /// Show the settings in force of one account
    Show {
        /// The account
        id: String,
        /// The form of the answer
        #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
        format: TextOrJson,
    },
    /// Change single settings of an account; it is made if there is none
    Set {
        /// The account
        id: String,
        /// Settings and their values, as timezone=Europe/Paris or windows.sms_clicked="36 hours"
        #[arg(required = true, value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
}

/// Options of `land`.
#[derive(Debug, Args)]
pub(super) struct Land {
    /// Files or folders; - for standard input
    #[arg(
        required_unless_present = "watch",
        conflicts_with = "watch",
        value_name = "PATH"
    )]
    pub paths: Vec<PathBuf>,
    /// Land the files of a folder, or of a URL such as s3://bucket/events, as they come, until a signal stops it
    #[arg(long, value_name = "URL", conflicts_with = "strict")]
    pub watch: Option<String>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
    /// Exit with 3 if anything was rejected
    #[arg(long)]
    pub strict: bool,
}

/// A command that only reports what it did.
#[derive(Debug, Args)]
pub(super) struct Reporting {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// A command that lists things.
#[derive(Debug, Args)]
pub(super) struct Listing {
    /// The form of the list
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Options of `backfill`.
#[derive(Debug, Args)]
pub(super) struct Backfill {
    /// The first day, in each account's time zone
    #[arg(long, value_name = "D", value_parser = date)]
    pub from: NaiveDate,
    /// The last day, itself included
    #[arg(long, value_name = "D", value_parser = date)]
    pub to: NaiveDate,
    /// Only these accounts
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub account: Vec<String>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Options of `maintain`.
#[derive(Debug, Args)]
pub(super) struct Maintain {
    /// How far back versions of the tables stay whole, as "7 days" or "36 hours"; at least 1 day
    #[arg(long, value_name = "DURATION", default_value = "7 days")]
    pub keep: Period,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Options of `query`.
#[derive(Debug, Args)]
pub(super) struct Query {
    /// A saved query (`rapport queries` lists them)
    #[arg(required_unless_present = "sql", conflicts_with = "sql")]
    pub name: Option<String>,
    /// Its arguments, in order or as name=value; what is left out has its default
    #[arg(conflicts_with = "sql")]
    pub args: Vec<String>,
    /// A statement instead of a saved query
    #[arg(long)]
    pub sql: Option<String>,
    /// See what a user of this account sees [default: everything, as an operator]
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// The form of the result [default: by the ending of --output, else table]
    #[arg(long, value_enum)]
    pub format: Option<ResultForm>,
    /// Write the result to a file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Add a user; asks for the password
    Add {
        /// The login name
        name: String,
        /// owner, admin, manager, analyst (each of one account) or operator (of all)
        #[arg(long)]
        role: String,
        /// The account whose data the user sees
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the users
    List(Listing),
    /// Remove a user
    Remove {
        /// The login name
        name: String,
    },
    /// Give a user another password
    Passwd {
        /// The login name
        name: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum TokensCommand {
    /// Add a token; it is printed, and never shown again
    #[command(group(ArgGroup::new("reach").required(true).args(["account", "all_accounts"])))]
    Add {
        /// What it is called
        name: String,
        /// The account whose data it reaches
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Let it reach every account, as an operator does
        #[arg(long)]
        all_accounts: bool,
        /// What it may do: ask saved queries, land events, or both, between commas
        #[arg(long, value_enum, value_delimiter = ',', default_value = "read")]
        rights: Vec<Right>,
    },
    /// List the tokens: name, account (* for all), rights, and when it was made
    List(Listing),
    /// Remove a token: whoever has it is let in no more
    Remove {
        /// What it is called
        name: String,
    },
}

/// Options of `serve` and `demo`.
#[derive(Debug, Args)]
pub(super) struct Serving {
    /// Where the Postgres endpoint listens; port 0 takes a free one [default: 127.0.0.1:5433]
    #[arg(long, env = "RAPPORT_PG", value_name = "ADDR")]
    pub pg: Option<String>,
    /// Where HTTP listens; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "RAPPORT_HTTP", value_name = "ADDR")]
    pub http: Option<String>,
    /// Whether connections to the Postgres endpoint and to HTTP are encrypted [default: off]
    #[arg(long, env = "RAPPORT_TLS", value_enum)]
    pub tls: Option<TlsMode>,
    /// The server's certificate and those that lead to its root, in PEM
    #[arg(long, env = "RAPPORT_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM: PKCS#8, PKCS#1 or SEC1
    #[arg(long, env = "RAPPORT_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Whether it derives what lands [default: on]
    #[arg(long, env = "RAPPORT_DERIVE", value_enum)]
    pub derive: Option<Deriving>,
}

/// Whether a server derives what lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Deriving {
    /// As it lands
    #[default]
    On,
    /// Never: another server of the lake does, or a command of its own
    Off,
}

/// Whether connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TlsMode {
    /// Never
    #[default]
    Off,
    /// Where the client asks for it
    Optional,
    /// Always: others are refused
    Required,
}
