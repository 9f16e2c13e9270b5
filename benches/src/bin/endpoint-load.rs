//! What one shop's worst query, and clients that go away in the middle, cost the others.
//!
//! Many connections are opened, some of which ask for a headline now and then, as a page does. They are timed twice: by
//! themselves, and while one shop joins everything with everything and others are cut off at random moments. Prints the
//! medians, their ratio, the server's greatest memory, and what is left of it all in the end. The server must be running.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::{AbortHandle, JoinSet};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

/// Loads a server with one bad shop and times the others.
#[derive(Parser)]
struct Arguments {
    /// Where the server is, as `host=127.0.0.1 port=5433 dbname=rapport password=…`; all users have that password.
    #[arg(long)]
    connect: String,
    /// The shops' users, between commas; the first is the bad one.
    #[arg(long, value_delimiter = ',', required = true)]
    shops: Vec<String>,
    /// A user who sees all sessions.
    #[arg(long)]
    operator: String,
    /// Connections in all.
    #[arg(long, default_value_t = 200)]
    connections: usize,
    /// Those of them that ask.
    #[arg(long, default_value_t = 32)]
    asking: usize,
    /// Those beside them that are cut off again and again.
    #[arg(long, default_value_t = 16)]
    cut_off: usize,
    /// How long each part lasts.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// What a page waits between two questions, in milliseconds.
    #[arg(long, default_value_t = 500)]
    pause: u64,
    /// The question.
    #[arg(
        long,
        default_value = "SELECT * FROM headline_metrics(current_date - 29, current_date)"
    )]
    question: String,
    /// The bad shop's.
    #[arg(
        long,
        default_value = "SELECT count(*), max(a.first_question || b.first_question || c.url) FROM conversations a, conversations b, link_clicks c WHERE a.tags <> b.tags"
    )]
    join: String,
    /// What is asked for by those who are cut off.
    #[arg(
        long,
        default_value = "SELECT c.*, g FROM conversations c, generate_series(1, 1000) g"
    )]
    large: String,
    /// The server's process id, to read its memory.
    #[arg(long)]
    pid: Option<u32>,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arc::new(Arguments::parse());
    let others = arguments.shops.get(1..).unwrap_or_default();
    if others.is_empty() {
        return Err("--shops needs two users or more".into());
    }
    let idle = arguments
        .connections
        .saturating_sub(arguments.asking + arguments.cut_off + 2);
    let mut kept = Vec::new();
    for number in 0..idle {
        kept.push(open(&arguments, &others[number % others.len()]).await?);
    }
    let operator = open(&arguments, &arguments.operator).await?;

    let calm = ask(&arguments, others).await?;
    print("by themselves", &calm);

    let stop = Arc::new(AtomicBool::new(false));
    let (joins, cuts) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut bad = JoinSet::new();
    bad.spawn(join(
        Arc::clone(&arguments),
        Arc::clone(&stop),
        Arc::clone(&joins),
    ));
    for number in 0..arguments.cut_off {
        let user = others[number % others.len()].clone();
        bad.spawn(be_cut_off(
            Arc::clone(&arguments),
            user,
            number as u64 + 1,
            Arc::clone(&stop),
            Arc::clone(&cuts),
        ));
    }
    let loaded = ask(&arguments, others).await?;
    stop.store(true, Ordering::Relaxed);
    bad.shutdown().await;
    print("beside the join", &loaded);
    println!(
        "median {:.2} times as long; {} joins ended, {} clients were cut off",
        median(&loaded.times) / median(&calm.times),
        joins.load(Ordering::Relaxed),
        cuts.load(Ordering::Relaxed),
    );
    if let Some(pid) = arguments.pid {
        println!(
            "server: {} MiB now, {} MiB at most",
            memory(pid, "VmRSS:")?,
            memory(pid, "VmHWM:")?
        );
    }
    left_over(&operator, kept.len()).await
}

async fn open(arguments: &Arguments, user: &str) -> Result<Client, Failure> {
    let (client, _) = connect(arguments, user).await?;
    Ok(client)
}

/// Cuts a connection off when it is dropped: without it a client reads on to the end before it goes.
struct CutOff(AbortHandle);

impl Drop for CutOff {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A client, and the task that holds its connection.
async fn connect(arguments: &Arguments, user: &str) -> Result<(Client, AbortHandle), Failure> {
    let mut config: Config = arguments.connect.parse()?;
    config.user(user);
    let begin = Instant::now();
    loop {
        match config.connect(NoTls).await {
            Ok((client, connection)) => {
                // How a connection ends is seen by what its client gets.
                let task = tokio::spawn(async { drop(connection.await) });
                return Ok((client, task.abort_handle()));
            }
            // The server may not have seen yet that others have gone.
            Err(error)
                if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS)
                    && begin.elapsed() < Duration::from_secs(5) =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What asking gave.
struct Asked {
    times: Vec<f64>,
    /// Why questions failed, one text for each.
    failures: Vec<String>,
}

/// Lets clients ask for the time of a part.
async fn ask(arguments: &Arc<Arguments>, users: &[String]) -> Result<Asked, Failure> {
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut tasks = JoinSet::new();
    for number in 0..arguments.asking {
        let client = open(arguments, &users[number % users.len()]).await?;
        let arguments = Arc::clone(arguments);
        tasks.spawn(async move {
            let pause = Duration::from_millis(arguments.pause);
            let (mut times, mut failures) = (Vec::new(), Vec::new());
            // Not all at once.
            tokio::time::sleep(pause.mul_f64(number as f64 / arguments.asking as f64)).await;
            while Instant::now() < end {
                let begin = Instant::now();
                match client.simple_query(&arguments.question).await {
                    Ok(_) => times.push(begin.elapsed().as_secs_f64() * 1e3),
                    Err(error) => failures.push(why(&error)),
                }
                tokio::time::sleep(pause).await;
            }
            Asked { times, failures }
        });
    }
    let mut all = Asked {
        times: Vec::new(),
        failures: Vec::new(),
    };
    while let Some(asked) = tasks.join_next().await {
        let asked = asked?;
        all.times.extend(asked.times);
        all.failures.extend(asked.failures);
    }
    all.times.sort_by(f64::total_cmp);
    Ok(all)
}

fn why(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) => {
            let detail = told.detail().unwrap_or_default();
            format!("{} {} {detail}", told.code().code(), told.message())
        }
        None => error.to_string(),
    }
}

/// The bad shop joins everything with everything, again and again.
async fn join(arguments: Arc<Arguments>, stop: Arc<AtomicBool>, joins: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        if let Ok((client, task)) = connect(&arguments, &arguments.shops[0]).await {
            let _cut_off = CutOff(task);
            // That it fails, for want of memory, is as good an end as any.
            let _ = client.simple_query(&arguments.join).await;
            joins.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Asks for much and is gone before it comes.
async fn be_cut_off(
    arguments: Arc<Arguments>,
    user: String,
    seed: u64,
    stop: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while !stop.load(Ordering::Relaxed) {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let patience = Duration::from_millis(200 + random % 1800);
        if let Ok((client, task)) = connect(&arguments, &user).await {
            let _cut_off = CutOff(task);
            let rows = client.simple_query(&arguments.large);
            let _ = tokio::time::timeout(patience, rows).await;
            cuts.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(patience).await;
    }
}

/// What the server still holds once all but the idle clients have gone.
async fn left_over(operator: &Client, idle: usize) -> Result<(), Failure> {
    let own = operator.query_one("SELECT pg_backend_pid()", &[]).await?;
    let own: i32 = own.try_get(0)?;
    let begin = Instant::now();
    loop {
        let row = operator
            .query_one(
                "SELECT (SELECT count(*) FROM system.sessions), (SELECT count(*) FROM system.queries \
                 WHERE state IN ('queued', 'planning', 'running', 'suspended') AND pid <> $1)",
                &[&own],
            )
            .await?;
        let (sessions, statements): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if sessions == idle as i64 + 1 && statements == 0 {
            println!(
                "nothing is left over {:.1} s later: {idle} idle sessions, no statement",
                begin.elapsed().as_secs_f64()
            );
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(30) {
            return Err(format!("left over: {sessions} sessions, {statements} statements").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(what: &str, asked: &Asked) {
    let at = |share: usize| {
        let last = asked.times.len().saturating_sub(1);
        let place = (asked.times.len() * share / 100).min(last);
        asked.times.get(place).copied().unwrap_or(f64::NAN)
    };
    println!(
        "{what:16} {} answers, {} failed: median {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        asked.times.len(),
        asked.failures.len(),
        at(50),
        at(95),
        at(99)
    );
    let reasons: BTreeSet<&String> = asked.failures.iter().collect();
    for reason in reasons {
        println!("    failed: {reason}");
    }
}

/// A figure of a process's memory in MiB.
fn memory(pid: u32, figure: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(figure))
        .ok_or("the system does not tell of the server's memory")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1024)
}
