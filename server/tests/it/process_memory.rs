//! The memory limit of a server is that of its process, whatever its plans have reserved.

use tokio_postgres::Config;

use crate::program::{Program, Served};
use crate::support::{MUCH_MEMORY, PASSWORD, code_of, connect, value};

/// Where the system tells what a process holds.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_large_statement_ends_before_the_process_holds_more_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new(&folder.path().join("lake"));
    let arguments = [
        "users",
        "add",
        "ops",
        "--role",
        "operator",
        "--password-stdin",
    ];
    program.ok_with_input(&arguments, PASSWORD);
    let mut command = program.command(&["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    // Neither the session's nor the account's share is what ends it: they are as large as all.
    for name in [
        "RAPPORT_MEMORY_LIMIT",
        "RAPPORT_LIMITS_ACCOUNT_MEMORY",
        "RAPPORT_LIMITS_SESSION_MEMORY",
    ] {
        command.env(name, "128 MiB");
    }
    let served = Served::start(command);
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(served.pg.port())
        .user("ops")
        .password(PASSWORD)
        .dbname("rapport");
    let client = connect(&config).await.unwrap();
    let error = client.simple_query(MUCH_MEMORY).await.unwrap_err();
    assert_eq!(code_of(&error), "53200");
    let error = error.as_db_error().unwrap();
    let told = format!("{} {}", error.message(), error.detail().unwrap_or_default());
    assert!(told.contains("128.0 MB that it may"), "{told}");
    // What can spill does so instead, and little ones go on.
    let sorted = "SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY a % 7919, a) n FROM generate_series(1, 3000000) t(a)) s";
    assert_eq!(value(&client, sorted).await, "3000000");
    assert_eq!(value(&client, "SELECT 1").await, "1");
}
