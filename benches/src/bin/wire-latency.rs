//! Times queries over the wire, as a client sees them: from sending to the last row.
//!
//! One connection, one query after the other, after a warm-up; prints the least, median, 95th percentile and greatest time
//! of each query. The server must be running.

use std::time::{Duration, Instant};

use clap::Parser;
use tokio_postgres::{Client, NoTls};

/// Times queries over the Postgres wire.
#[derive(Parser)]
struct Arguments {
    /// Where to connect, as `host=127.0.0.1 port=5433 user=… password=… dbname=rapport`.
    #[arg(long)]
    connect: String,
    /// How often each query is timed.
    #[arg(long, default_value_t = 200)]
    runs: usize,
    /// The queries.
    #[arg(required = true)]
    queries: Vec<String>,
}

/// Runs that are not counted: caches fill.
const WARM_UP: usize = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let (client, connection) = tokio_postgres::connect(&arguments.connect, NoTls).await?;
    tokio::spawn(connection);
    for query in &arguments.queries {
        let simple = time(arguments.runs, || client.simple_query(query)).await?;
        print("simple", query, simple);
        let prepared = client.prepare(query).await?;
        let extended = time(arguments.runs, || client.query(&prepared, &[])).await?;
        print("prepared", query, extended);
    }
    rows(&client, &arguments.queries).await
}

/// How many rows each query gives, so that nobody times an empty answer unawares.
async fn rows(client: &Client, queries: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    for query in queries {
        println!("{} rows: {query}", client.query(query, &[]).await?.len());
    }
    Ok(())
}

async fn time<T, F>(
    runs: usize,
    query: impl Fn() -> F,
) -> Result<Vec<Duration>, tokio_postgres::Error>
where
    F: Future<Output = Result<T, tokio_postgres::Error>>,
{
    for _ in 0..WARM_UP {
        query().await?;
    }
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begin = Instant::now();
        query().await?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times)
}

fn print(protocol: &str, query: &str, times: Vec<Duration>) {
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len().saturating_sub(1)))
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{protocol:8} min {:7.2} ms   median {:7.2} ms   p95 {:7.2} ms   max {:7.2} ms   {query}",
        at(0),
        at(50),
        at(95),
        at(100)
    );
}
