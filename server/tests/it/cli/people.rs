//! `accounts` and `users`.

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
