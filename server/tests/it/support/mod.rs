//! A Postgres endpoint over tables in memory, and clients for it.

pub mod memory;
pub mod raw;

use std::net::SocketAddr;
use std::sync::Arc;

use rapport::pg::{PgOptions, PgServer};
use rapport::users::Users;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

/// A statement that needs much memory: the build side of its join cannot spill.
pub const MUCH_MEMORY: &str = "SELECT count(*), max(b.t) FROM (SELECT x, repeat('x', 150) t FROM generate_series(1, 1000000) a(x)) b \
    JOIN (SELECT x, repeat('x', 150) t FROM generate_series(1, 1000000) a(x)) c ON b.x = c.x AND b.t <= c.t";

/// The password of all users.
pub const PASSWORD: &str = "correct horse";

/// Represents a running server, which stops when this is dropped.
pub struct TestServer {
    pub address: SocketAddr,
    pub users: Users,
    pub dir: TempDir,
    pub stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<()>,
}

impl TestServer {
    /// Starts a server with the default options.
    pub async fn start() -> TestServer {
        TestServer::with(PgOptions::default()).await
    }

    /// Starts a server.
    pub async fn with(options: PgOptions) -> TestServer {
        let dir = tempfile::tempdir().unwrap();
        let users = Users::open(dir.path().join("users.json")).unwrap();
        users.add("ann", "owner", Some("acme"), PASSWORD).unwrap();
        users.add("bob", "analyst", Some("bolt"), PASSWORD).unwrap();
        users.add("ops", "operator", None, PASSWORD).unwrap();
        let backend = Arc::new(memory::MemoryBackend);
        let server = PgServer::bind("127.0.0.1:0", backend, users.clone(), options)
            .await
            .unwrap();
        let address = server.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            // A dropped sender stops the server, too.
            let _ = stopped.await;
        }));
        TestServer {
            address,
            users,
            dir,
            stop: Some(stop),
            task,
        }
    }

    /// Returns the configuration with which a user connects.
    pub fn config(&self, user: &str) -> Config {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.address.port())
            .user(user)
            .password(PASSWORD)
            .dbname("rapport");
        config
    }

    /// Connects a client and logs it in.
    pub async fn client(&self, user: &str) -> Client {
        connect(&self.config(user)).await.unwrap()
    }

    /// Opens a raw connection and logs it in.
    pub async fn raw(&self, user: &str) -> raw::Raw {
        let mut raw = raw::Raw::connect(self.address).await;
        raw.log_in(user, PASSWORD).await;
        raw
    }
}

/// Connects a client.
pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // The client's next call fails if the connection does.
        let _ = connection.await;
    });
    Ok(client)
}

/// Returns the SQLSTATE and the message of an error.
pub fn error_of(error: &tokio_postgres::Error) -> (String, String) {
    let error = error
        .as_db_error()
        .unwrap_or_else(|| panic!("no error of the server's: {error:?}"));
    (error.code().code().to_owned(), error.message().to_owned())
}

/// Returns the SQLSTATE of an error.
pub fn code_of(error: &tokio_postgres::Error) -> String {
    error_of(error).0
}

/// Runs a simple query and returns the first column as text; `None` for null.
pub async fn column(client: &Client, sql: &str) -> Vec<Option<String>> {
    rows(client, sql)
        .await
        .into_iter()
        .map(|row| row[0].clone())
        .collect()
}

/// Runs a simple query with one row and returns its first value; `NULL` for null.
pub async fn value(client: &Client, sql: &str) -> String {
    let rows = rows(client, sql).await;
    assert_eq!(rows.len(), 1, "{sql}");
    rows[0][0].clone().unwrap_or_else(|| "NULL".to_owned())
}

/// Runs a simple query and returns its rows as text.
pub async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client
        .simple_query(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    messages
        .into_iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|at| row.get(at).map(str::to_owned))
                    .collect(),
            ),
            _ => None,
        })
        .collect()
}
