//! Who gets in, who does not, and what they are told (SPEC 8).

use rstest::rstest;
use tokio_postgres::NoTls;

use crate::support::raw::{self, Raw};
use crate::support::{PASSWORD, TestServer, code_of, connect, error_of, value};

#[tokio::test]
async fn a_user_with_the_password_gets_in_and_is_who_it_is() {
    let server = TestServer::start().await;
    let client = server.client("ann").await;
    assert_eq!(value(&client, "SELECT current_user").await, "ann");
    assert_eq!(value(&client, "SELECT session_user").await, "ann");
    assert_eq!(value(&client, "SELECT user").await, "ann");
    assert_eq!(value(&client, "SELECT current_database()").await, "rapport");
    assert_eq!(value(&client, "SELECT current_catalog").await, "rapport");
    assert_eq!(value(&client, "SELECT current_schema()").await, "public");
    assert!(
        value(&client, "SELECT version()")
            .await
            .starts_with("PostgreSQL 16.6 (Rapport ")
    );
}

#[rstest]
#[case::wrong_password("ann", "wrong")]
#[case::unknown_user("nobody", PASSWORD)]
#[tokio::test]
async fn a_failed_login_is_fatal_and_ends_the_connection(
    #[case] user: &str,
    #[case] password: &str,
) {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(server.address).await;
    let error = raw.authenticate(user, password).await;
    assert_eq!(error.kind, 'E');
    assert_eq!(
        (error.field('S'), error.field('C')),
        ("FATAL".into(), "28P01".into())
    );
    assert_eq!(
        error.field('M'),
        format!("password authentication failed for user \"{user}\"")
    );
    assert_eq!(raw.read_to_end().await, vec![]);
}

#[tokio::test]
async fn a_query_pipelined_behind_a_failed_login_never_runs() {
    let server = TestServer::start().await;
    for after_startup in [true, false] {
        let mut raw = Raw::connect(server.address).await;
        let startup = raw::startup(3 << 16, &[("user", "ann")]);
        let password = raw::message('p', &raw::sasl_initial("SCRAM-SHA-256", b"n,,n=,r=abc"));
        let proof = raw::message('p', b"c=biws,r=abc,p=AAAA");
        let query = raw::message('Q', b"SELECT 4711\0");
        let bytes = if after_startup {
            [startup, query].concat()
        } else {
            [startup, password, proof, query].concat()
        };
        raw.send_bytes(&bytes).await;
        let messages = raw.read_to_end().await;
        let kinds: String = messages.iter().map(|message| message.kind).collect();
        assert!(kinds == "RE" || kinds == "RRE", "{kinds}");
        assert_eq!(messages.last().unwrap().field('S'), "FATAL");
    }
}

#[tokio::test]
async fn an_unknown_user_is_asked_like_a_known_one() {
    let server = TestServer::start().await;
    let mut salts = Vec::new();
    for user in ["ann", "nobody", "nobody", "nobody2"] {
        let mut raw = Raw::connect(server.address).await;
        raw.send_startup(&[("user", user)]).await;
        assert_eq!(
            raw.read().await.unwrap().body,
            b"\0\0\0\x0aSCRAM-SHA-256\0\0"
        );
        raw.send('p', &raw::sasl_initial("SCRAM-SHA-256", b"n,,n=,r=abc"))
            .await;
        let first = String::from_utf8(raw.read().await.unwrap().body[4..].to_vec()).unwrap();
        let parts: Vec<&str> = first.split(',').collect();
        assert!(
            parts[0].starts_with("r=abc") && parts[2] == "i=4096",
            "{first}"
        );
        salts.push(parts[1].to_owned());
    }
    assert_eq!(salts[0].len(), salts[1].len());
    assert_eq!(salts[1], salts[2]);
    assert_ne!(salts[1], salts[3]);
}

#[rstest]
#[case::no_user(&[("database", "rapport")], "28000")]
#[case::replication(&[("user", "ann"), ("replication", "true")], "0A000")]
#[case::options(&[("user", "ann"), ("options", "-d 5")], "42601")]
#[tokio::test]
async fn a_startup_message_that_cannot_be_served_is_refused(
    #[case] parameters: &[(&str, &str)],
    #[case] code: &str,
) {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(server.address).await;
    raw.send_startup(parameters).await;
    let error = raw.read().await.unwrap();
    assert_eq!(
        (error.field('S').as_str(), error.field('C').as_str()),
        ("FATAL", code)
    );
    assert_eq!(raw.read_to_end().await, vec![]);
}

#[rstest]
#[case::database("postgres", "3D000")]
#[tokio::test]
async fn another_database_is_refused_after_the_password(
    #[case] database: &str,
    #[case] code: &str,
) {
    let server = TestServer::start().await;
    let mut config = server.config("ann");
    config.dbname(database);
    assert_eq!(code_of(&connect(&config).await.err().unwrap()), code);
    // libpq asks for a database of the user's name where it is told none.
    config.dbname("ann");
    connect(&config).await.unwrap();
}

#[rstest]
#[case::unknown_role("support", Some("acme"))]
#[case::no_account("analyst", None)]
#[case::account_of_an_operator("operator", Some("acme"))]
#[tokio::test]
async fn any_other_role_is_refused_at_login(#[case] role: &str, #[case] account: Option<&str>) {
    let server = TestServer::start().await;
    server
        .users
        .add("eve", "owner", Some("acme"), PASSWORD)
        .unwrap();
    let path = server.dir.path().join("users.json");
    let mut file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for user in file["users"].as_array_mut().unwrap() {
        if user["name"] == "eve" {
            user["role"] = role.into();
            match account {
                Some(account) => user["account"] = account.into(),
                None => {
                    user.as_object_mut().unwrap().remove("account");
                }
            }
        }
    }
    std::fs::write(&path, file.to_string()).unwrap();
    let error = connect(&server.config("eve")).await.err().unwrap();
    assert_eq!(
        error_of(&error),
        (
            "28000".into(),
            "role \"eve\" is not permitted to log in".into()
        )
    );
}

#[tokio::test]
async fn nobody_gets_in_while_the_users_file_is_open_to_others() {
    use std::os::unix::fs::PermissionsExt;

    let server = TestServer::start().await;
    let inside = server.client("ann").await;
    let path = server.dir.path().join("users.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = connect(&server.config("bob")).await.err().unwrap();
    assert_eq!(code_of(&error), "58000");
    assert_eq!(value(&inside, "SELECT 1").await, "1");
}

#[tokio::test]
async fn settings_of_the_startup_message_count() {
    let server = TestServer::start().await;
    let mut config = server.config("ann");
    config
        .application_name("bi")
        .options("-c TimeZone=Asia/Tokyo -c statement_timeout=5s");
    let client = connect(&config).await.unwrap();
    assert_eq!(value(&client, "SHOW application_name").await, "bi");
    assert_eq!(value(&client, "SHOW TimeZone").await, "Asia/Tokyo");
    assert_eq!(value(&client, "SHOW statement_timeout").await, "5s");
    config.options("-c nonsense=1");
    assert_eq!(code_of(&connect(&config).await.err().unwrap()), "42704");
}

#[tokio::test]
async fn a_session_shows_instants_in_its_accounts_zone() {
    let server = TestServer::start().await;
    assert_eq!(
        value(&server.client("ann").await, "SHOW timezone").await,
        "UTC"
    );
    let bob = server.client("bob").await;
    assert_eq!(value(&bob, "SHOW timezone").await, "America/New_York");
    let shown = value(&bob, "SELECT ordered_at FROM orders WHERE order_id = 'o1'").await;
    assert_eq!(shown, "2025-12-31 19:00:00-05");
}

#[tokio::test]
async fn a_removal_or_another_password_ends_sessions_at_their_next_statement() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.client("ann").await, server.client("bob").await);
    server.users.remove("ann").unwrap();
    server.users.set_password("bob", "another").unwrap();
    for client in [ann, bob] {
        let error = client.simple_query("SELECT 1").await.unwrap_err();
        // An idle session is ended within a second, else the statement is refused.
        assert!(error.is_closed() || code_of(&error) == "57P01", "{error:?}");
    }
    assert_eq!(
        code_of(&connect(&server.config("bob")).await.err().unwrap()),
        "28P01"
    );
    let mut config = server.config("bob");
    config.password("another");
    connect(&config).await.unwrap();
}

#[tokio::test]
async fn a_removal_ends_an_idle_session_without_a_statement() {
    let server = TestServer::start().await;
    let mut raw = server.raw("ann").await;
    server.users.remove("ann").unwrap();
    let last = raw.read_to_end().await;
    assert_eq!(last.len(), 1);
    assert_eq!(
        (last[0].field('S'), last[0].field('C')),
        ("FATAL".into(), "57P01".into())
    );
}

#[tokio::test]
async fn encryption_is_refused_once_for_each_kind_and_the_login_goes_on() {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(server.address).await;
    for request in [80_877_104_i32, 80_877_103] {
        raw.send_bytes(&[8_i32.to_be_bytes(), request.to_be_bytes()].concat())
            .await;
        assert_eq!(raw.read_byte().await, b'N');
    }
    raw.log_in("ann", PASSWORD).await;
    let mut config = server.config("ann");
    config.ssl_mode(tokio_postgres::config::SslMode::Prefer);
    drop(config.connect(NoTls).await.unwrap());
}

#[tokio::test]
async fn newer_minor_versions_are_negotiated_and_others_refused() {
    let server = TestServer::start().await;
    let mut raw = Raw::connect(server.address).await;
    raw.send_bytes(&raw::startup(
        (3 << 16) | 99,
        &[("user", "ann"), ("_pq_.thing", "1")],
    ))
    .await;
    let negotiated = raw.read().await.unwrap();
    assert_eq!(negotiated.kind, 'v');
    assert!(negotiated.body.ends_with(b"_pq_.thing\0"), "{negotiated:?}");
    let mut raw = Raw::connect(server.address).await;
    raw.send_bytes(&raw::startup(2 << 16, &[("user", "ann")]))
        .await;
    let error = raw.read().await.unwrap();
    assert_eq!(
        (error.field('S'), error.field('C')),
        ("FATAL".into(), "0A000".into())
    );
}
