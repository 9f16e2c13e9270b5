//! `accounts`, `users` and `tokens`.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::*;

#[test]
fn settings_are_put_set_shown_and_refused() {
    let home = Home::filled();
    let program = &home.program;
    let listed = |program: &Program| program.json(&["accounts", "list", "--format", "json"]);
    assert_eq!(
        listed(program)[0]["timezone"],
        "UTC",
        "a landed account has the defaults (E6)"
    );
    let file = home.file(
        "accounts.ndjson",
        "{\"account_id\": \"acme\", \"timezone\": \"America/New_York\"}\n\n{\"account_id\": \"beta\"}\n",
    );
    let put = |file: &str| String::from_utf8(program.ok(&["accounts", "put", file])).unwrap();
    assert_eq!(put(&file), "changed 2\nunchanged 0\n");
    assert_eq!(put(&file), "changed 0\nunchanged 2\n");
    program.ok(&[
        "accounts",
        "set",
        "acme",
        "currency=EUR",
        "windows.sms_clicked=36 hours",
    ]);
    let shown = program.json(&["accounts", "show", "acme", "--format", "json"]);
    assert_eq!(
        (
            &shown["timezone"],
            &shown["currency"],
            &shown["windows"]["sms_clicked"]
        ),
        (
            &json!("America/New_York"),
            &json!("EUR"),
            &json!("36 hours")
        )
    );
    fails(
        &program.run(&["accounts", "set", "acme", "timezone=Mars/Olympus"]),
        2,
        &["timezone", "Mars/Olympus", "IANA"],
    );
    fails(
        &program.run(&["accounts", "set", "acme", "colour=red"]),
        2,
        &["colour", "timezone"],
    );
    fails(
        &program.run(&["accounts", "set", "acme", "timezone"]),
        2,
        &["KEY=VALUE"],
    );
    fails(
        &program.run(&["accounts", "show", "nobody"]),
        1,
        &["nobody"],
    );
    let bad = home.file(
        "bad.ndjson",
        "{\"account_id\": \"gamma\"}\n{\"account_id\": \"acme\", \"currency\": \"euro\"}\n",
    );
    fails(
        &program.run(&["accounts", "put", &bad]),
        1,
        &[&bad, "line 2", "euro", "ISO 4217"],
    );
    assert_eq!(
        listed(program).as_array().unwrap().len(),
        2,
        "nothing of a refused file is put"
    );
}

#[test]
fn s1_settings_set_at_once_are_all_in_force() {
    let home = Home::new();
    let pairs = [
        ("currency", "EUR"),
        ("timezone", "Europe/Paris"),
        ("attribution_model", "linear"),
        ("name", "Acme"),
    ];
    let running: Vec<_> = pairs
        .iter()
        .map(|(key, value)| {
            let set = ["accounts", "set", "acme", &format!("{key}={value}")];
            home.program.command(&set).spawn().unwrap()
        })
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let show = ["accounts", "show", "acme", "--format", "json"];
    let shown = home.program.json(&show);
    for (key, value) in pairs {
        assert_eq!(shown[key], value, "{key}");
    }
}

#[test]
fn users_are_added_listed_and_removed() {
    let home = Home::filled();
    let program = &home.program;
    let add = [
        "users",
        "add",
        "ann",
        "--role",
        "analyst",
        "--account",
        "acme",
        "--password-stdin",
    ];
    program.ok_with_input(&add, "a secret\n");
    let listed = program.json(&["users", "list", "--format", "json"]);
    assert_eq!(
        listed,
        json!([{"name": "ann", "role": "analyst", "account": "acme"}])
    );
    let file = std::fs::read_to_string(home.path("lake/users.json")).unwrap();
    assert!(!file.contains("a secret"));
    fails(
        &program.run(&["users", "add", "bob", "--role", "king", "--password-stdin"]),
        2,
        &["king", "operator"],
    );
    fails(
        &program.run(&["users", "add", "bob", "--role", "owner"]),
        2,
        &["--password-stdin"],
    );
    program.ok_with_input(&["users", "passwd", "ann", "--password-stdin"], "another\n");
    program.ok(&["users", "remove", "ann"]);
    fails(&program.run(&["users", "remove", "ann"]), 1, &["ann"]);
}

#[test]
fn tokens_are_added_shown_once_listed_and_removed() {
    let home = Home::filled();
    let program = &home.program;
    let added = program.run(&["tokens", "add", "nightly", "--account", "acme"]);
    assert!(added.status.success(), "{}", stderr(&added));
    assert!(stderr(&added).contains("nightly"), "{}", stderr(&added));
    let token = stdout(&added);
    let digits = token.trim_end().strip_prefix("rapport_").unwrap();
    assert_eq!(digits.len(), 64);
    assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let all = ["tokens", "add", "all", "--all-accounts"];
    assert_ne!(String::from_utf8(program.ok(&all)).unwrap(), token);
    let file = home.path("lake/users.tokens.json");
    assert!(!std::fs::read_to_string(&file).unwrap().contains(digits));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let mut listed = program.json(&["tokens", "list", "--format", "json"]);
    for token in listed.as_array_mut().unwrap() {
        let made = token["created_at"].take();
        assert!(made.as_str().unwrap().ends_with('Z'), "{made}");
    }
    assert_eq!(
        listed,
        json!([
            {"name": "all", "account": null, "rights": ["read"], "created_at": null},
            {"name": "nightly", "account": "acme", "rights": ["read"], "created_at": null},
        ])
    );
    let text = String::from_utf8(program.ok(&["tokens", "list"])).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("all\t*\tread\t20"), "{text}");
    assert!(lines[1].starts_with("nightly\tacme\tread\t20"), "{text}");
    fails(&program.run(&all), 1, &["all", "exists already"]);
    program.ok(&["tokens", "remove", "nightly"]);
    let again = program.run(&["tokens", "remove", "nightly"]);
    fails(&again, 1, &["nightly", "does not exist"]);
}
