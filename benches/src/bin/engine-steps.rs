//! Times the engine's own steps in one process, without the endpoint: opening a lake, landing, deriving, and queries.
//!
//! A change of the engine is measured, or profiled, with a build of the engine alone:
//! `cargo run --release -p rapport-benches --bin engine-steps -- --lake … query --account … "SELECT …"`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::util::pretty::pretty_format_batches;
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use rapport_engine::session::Identity;
use rapport_engine::{Engine, EngineOptions, LandSource, NoProgress};

/// The server's allocator.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(about = "Times steps of the engine over a lake")]
struct Arguments {
    /// The lake: a folder or URL.
    #[arg(long)]
    lake: String,
    /// The instant that now() returns.
    #[arg(long)]
    now: Option<DateTime<Utc>>,
    /// How often the step is timed.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// The memory of all plans, in MiB.
    #[arg(long, default_value_t = 1024)]
    memory: usize,
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Opens the lake and plans its relations.
    Open,
    /// Lands files of events.
    Land {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Derives what is dirty.
    Derive,
    /// Runs queries.
    Query {
        /// The account that asks; an operator where none is given.
        #[arg(long)]
        account: Option<String>,
        /// Whether the rows are printed, such as those of EXPLAIN ANALYZE.
        #[arg(long)]
        show: bool,
        /// The queries.
        #[arg(required = true)]
        queries: Vec<String>,
    },
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let begin = Instant::now();
    let mut engine = open(&arguments).await?;
    println!("opened in {:.1} ms", milliseconds(begin.elapsed()));
    match &arguments.step {
        Step::Open => {
            let mut times = Vec::new();
            for _ in 0..arguments.runs {
                let begin = Instant::now();
                let opened = open(&arguments).await?;
                times.push(begin.elapsed());
                engine = opened;
            }
            print("open", times);
            let begin = Instant::now();
            engine.sessions().await?;
            println!("sessions in {:.1} ms", milliseconds(begin.elapsed()));
        }
        Step::Land { files } => {
            let sources = files.iter().cloned().map(LandSource::path).collect();
            let begin = Instant::now();
            let report = engine.land(sources, &NoProgress).await?;
            println!("{report:?}");
            println!("landed in {:.1} ms", milliseconds(begin.elapsed()));
        }
        Step::Derive => {
            let begin = Instant::now();
            let report = engine.derive(&NoProgress).await?;
            for table in report.tables {
                println!("{table:?}");
            }
            println!("derived in {:.1} ms", milliseconds(begin.elapsed()));
        }
        Step::Query {
            account,
            show,
            queries,
        } => {
            let who = match account {
                Some(account) => Identity::of_account("bench", account.as_str()),
                None => Identity::operator("bench"),
            };
            let session = engine.session(who).await?;
            for query in queries {
                let mut times = Vec::new();
                let mut batches = Vec::new();
                for _ in 0..=arguments.runs {
                    let begin = Instant::now();
                    batches = session.sql(query).await?.collect().await?;
                    times.push(begin.elapsed());
                }
                if *show {
                    println!("{}", pretty_format_batches(&batches)?);
                }
                let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
                println!(
                    "{rows} rows, first in {:.1} ms",
                    milliseconds(times.remove(0))
                );
                print(query, times);
            }
        }
    }
    Ok(())
}

async fn open(arguments: &Arguments) -> Outcome<Engine> {
    let options = EngineOptions {
        lake: arguments.lake.clone(),
        now: arguments.now,
        create: true,
        memory_limit: arguments.memory << 20,
        ..EngineOptions::default()
    };
    Ok(Engine::open(options).await?)
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |index: usize| times.get(index).copied().map_or(0.0, milliseconds);
    println!(
        "least {:.1} ms   median {:.1} ms   {what}",
        at(0),
        at(times.len() / 2)
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
