//! What the users file accepts, refuses and keeps.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use rstest::rstest;
use tempfile::TempDir;

use super::*;

fn users() -> (TempDir, Users) {
    let dir = tempfile::tempdir().unwrap();
    let users = Users::open(dir.path().join("users.json")).unwrap();
    (dir, users)
}

#[test]
fn a_new_file_is_empty_and_only_its_owner_can_open_it() {
    let (dir, users) = users();
    assert_eq!(users.list().unwrap(), vec![]);
    users.add("ann", "owner", Some("acme"), "secret").unwrap();
    let mode = fs::metadata(dir.path().join("users.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn an_added_user_is_found_with_a_salted_password_and_a_salt_of_their_own() {
    let (_dir, users) = users();
    users.add("ann", "analyst", Some("acme"), "secret").unwrap();
    users.add("ops", "operator", None, "secret").unwrap();
    let ann = users.find("ann").unwrap().unwrap();
    assert_eq!(
        (ann.info.role.as_str(), ann.info.account.as_deref()),
        ("analyst", Some("acme"))
    );
    assert!(ann.iterations >= 4096);
    assert_eq!(
        ann.salted_password,
        gen_salted_password("secret", &ann.salt, ann.iterations)
    );
    assert_ne!(ann.salt, users.find("ops").unwrap().unwrap().salt);
    assert_eq!(users.find("bob").unwrap(), None);
    assert!(!format!("{ann:?}").contains("salt"));
}

#[rstest]
#[case("", "owner", Some("acme"), "pw", "user name \"\"")]
#[case("a b", "owner", Some("acme"), "pw", "user name \"a b\"")]
#[case(".ann", "owner", Some("acme"), "pw", "user name \".ann\"")]
#[case(
    "ann",
    "boss",
    Some("acme"),
    "pw",
    "unknown role \"boss\": expected owner, admin, manager, analyst"
)]
#[case("ann", "Owner", Some("acme"), "pw", "unknown role \"Owner\"")]
#[case("ann", "analyst", None, "pw", "role analyst sees one account")]
#[case(
    "ann",
    "operator",
    Some("acme"),
    "pw",
    "role operator sees all accounts: leave out account \"acme\""
)]
#[case("ann", "owner", Some("a/b"), "pw", "account \"a/b\" is not allowed")]
#[case("ann", "owner", Some("acme"), "", "the password is not allowed")]
#[case("taken", "owner", Some("acme"), "pw", "user \"taken\" exists already")]
fn a_bad_user_is_refused_and_nothing_changes(
    #[case] name: &str,
    #[case] role: &str,
    #[case] account: Option<&str>,
    #[case] password: &str,
    #[case] message: &str,
) {
    let (_dir, users) = users();
    users.add("taken", "owner", Some("other"), "pw").unwrap();
    let error = users.add(name, role, account, password).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
    assert_eq!(users.list().unwrap().len(), 1);
}

#[rstest]
#[case(0o640)]
#[case(0o604)]
#[case(0o620)]
fn a_file_that_others_can_open_is_refused_with_the_remedy(#[case] mode: u32) {
    let (dir, users) = users();
    let path = dir.path().join("users.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let expected = format!("chmod 600 {}", path.display());
    let error = Users::open(&path).unwrap_err();
    assert!(error.to_string().contains(&expected), "{error}");
    // A users file that is open already is refused, too.
    assert!(matches!(
        users.find("ann"),
        Err(UsersError::File(FileError::Exposed { .. }))
    ));
}

/// Root may change the file of the user that the server runs as.
#[test]
fn a_change_keeps_the_files_owner() {
    let (dir, users) = users();
    let owner = |name: &str| {
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    // Only root may give a file away; for others the file stays their own, and the test checks that.
    let _ = chown(dir.path().join("users.json"), Some(4321), Some(8765));
    fs::remove_file(dir.path().join("users.json.lock")).unwrap();
    let before = owner("users.json");
    users.add("ann", "owner", Some("acme"), "secret").unwrap();
    assert_eq!(owner("users.json"), before);
    assert_eq!(owner("users.json.lock"), before);
}

#[test]
fn a_file_that_cannot_be_given_to_its_owner_is_not_replaced() {
    let (dir, _users) = users();
    let path = dir.path().join("users.json");
    let before = fs::read_to_string(&path).unwrap();
    let mut owner = secret_file::Owner::at(&path).unwrap().unwrap();
    owner.user += 1;
    let refused =
        |_: &fs::File, _: secret_file::Owner| Err(io::Error::from(io::ErrorKind::PermissionDenied));
    let error = secret_file::replace(&path, "another", Some(owner), refused).unwrap_err();
    let remedy = format!("sudo -u '#{}'", owner.user);
    assert!(error.to_string().contains(&remedy), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    // The file and its lock file: no other is left behind.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_link_to_the_file_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("users.json");
    let folder = dir.path().join("secrets");
    fs::create_dir(&folder).unwrap();
    symlink("secrets/users.json", &link).unwrap();
    // The link is followed also where the file does not exist yet.
    let users = Users::open(&link).unwrap();
    users.add("ann", "owner", Some("acme"), "secret").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let real = Users::open(folder.join("users.json")).unwrap();
    assert!(real.find("ann").unwrap().is_some());
    real.remove("ann").unwrap();
    assert_eq!(users.find("ann").unwrap(), None);
    assert!(!dir.path().join("users.json.lock").exists());
}

#[test]
fn a_change_by_another_process_counts_at_once() {
    let (dir, users) = users();
    let other = Users::open(dir.path().join("users.json")).unwrap();
    other.add("ann", "owner", Some("acme"), "one").unwrap();
    let first = users.find("ann").unwrap().unwrap();
    other.set_password("ann", "two").unwrap();
    assert_ne!(users.find("ann").unwrap().unwrap(), first);
    other.remove("ann").unwrap();
    assert_eq!(users.find("ann").unwrap(), None);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let (dir, users) = users();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = dir.path().join("users.json");
            scope.spawn(move || {
                let users = Users::open(path).unwrap();
                for n in 0..3 {
                    users
                        .add(&format!("u{writer}{n}"), "operator", None, "pw")
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(users.list().unwrap().len(), 12);
}

#[test]
fn removing_or_changing_an_unknown_user_is_an_error() {
    let (_dir, users) = users();
    assert!(matches!(users.remove("ann"), Err(UsersError::Unknown(_))));
    assert!(matches!(
        users.set_password("ann", "pw"),
        Err(UsersError::Unknown(_))
    ));
}

#[rstest]
#[case("{", "EOF")]
#[case(
    r#"{"server_key": "00", "users": [], "more": 1}"#,
    "unknown field `more`"
)]
#[case(
    r#"{"server_key": "00", "users": [{"name": "a", "role": "owner", "salt": "00", "iterations": 1, "salted_password": "00"}]}"#,
    "expected 4096 at least"
)]
#[case(
    r#"{"server_key": "00", "users": [{"name": "a", "role": "owner", "salt": "xx", "iterations": 4096, "salted_password": "00"}]}"#,
    "salt is not hexadecimal"
)]
fn a_damaged_file_is_refused_with_the_reason(#[case] text: &str, #[case] message: &str) {
    let (dir, _users) = users();
    let path = dir.path().join("users.json");
    fs::write(&path, text).unwrap();
    let error = Users::open(&path).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_decoy_has_the_same_salt_each_time_and_another_password_each_time() {
    let (dir, users) = users();
    users.add("ann", "owner", Some("acme"), "pw").unwrap();
    let decoy = users.decoy("nobody").unwrap();
    let again = Users::open(dir.path().join("users.json"))
        .unwrap()
        .decoy("nobody")
        .unwrap();
    assert_eq!(decoy.salt, again.salt);
    assert_ne!(decoy.salt, users.decoy("nobody2").unwrap().salt);
    assert_ne!(decoy.salted_password, again.salted_password);
    let ann = users.find("ann").unwrap().unwrap();
    assert_eq!(
        (decoy.salt.len(), decoy.salted_password.len()),
        (ann.salt.len(), ann.salted_password.len())
    );
}

fn token(users: &Users, name: &str, reach: Reach) -> String {
    let new = NewToken::new(name, reach, vec![Right::Write, Right::Read, Right::Read]).unwrap();
    users.tokens().insert(new).unwrap()
}

#[test]
fn a_token_is_found_until_it_is_removed() {
    let (dir, users) = users();
    let find = |secret: &str| users.tokens().find(secret).unwrap();
    assert!(find("rapport_").is_none());
    assert!(!dir.path().join("users.tokens.json").exists());
    let acme = token(&users, "nightly", Reach::Account("acme".to_owned()));
    let all = token(&users, "all", Reach::AllAccounts);
    let found = find(&acme).unwrap();
    assert_eq!(found.name, "nightly");
    assert_eq!(found.rights, [Right::Read, Right::Write]);
    let info = &found.user().info;
    assert_eq!(info.name, "token:nightly");
    assert_eq!(info.account.as_deref(), Some("acme"));
    assert!(Role::parse(&info.role).is_err());
    assert_eq!(find(&all).unwrap().user().info.account, None);
    for wrong in [
        &acme[..acme.len() - 1],
        &acme.to_uppercase(),
        &acme[8..],
        "",
    ] {
        assert!(find(wrong).is_none(), "{wrong}");
    }
    // A removal by another process counts, too.
    let other = Users::open(dir.path().join("users.json")).unwrap();
    assert!(users.is_current(found.user()).unwrap());
    other.tokens().remove("nightly").unwrap();
    assert!(find(&acme).is_none());
    assert!(!users.is_current(found.user()).unwrap());
    let again = token(&other, "nightly", Reach::Account("acme".to_owned()));
    assert!(!users.is_current(found.user()).unwrap());
    assert!(users.is_current(find(&again).unwrap().user()).unwrap());
}

#[test]
fn a_user_is_current_until_changed_or_removed() {
    let (_dir, users) = users();
    users.add("ann", "owner", Some("acme"), "one").unwrap();
    let ann = users.find("ann").unwrap().unwrap();
    assert!(users.is_current(&ann).unwrap());
    users.set_password("ann", "two").unwrap();
    assert!(!users.is_current(&ann).unwrap());
    let ann = users.find("ann").unwrap().unwrap();
    users.remove("ann").unwrap();
    assert!(!users.is_current(&ann).unwrap());
}

#[rstest]
#[case("", None, "token name \"\"")]
#[case("a:b", None, "token name \"a:b\"")]
#[case("-a", None, "token name \"-a\"")]
#[case("a", Some("a/b"), "account \"a/b\" is not allowed")]
#[case("a", Some(""), "account \"\" is not allowed")]
fn a_bad_token_is_refused(#[case] name: &str, #[case] account: Option<&str>, #[case] says: &str) {
    let reach = account.map_or(Reach::AllAccounts, |account| {
        Reach::Account(account.to_owned())
    });
    let error = NewToken::new(name, reach, vec![Right::Read]).err().unwrap();
    assert!(error.to_string().contains(says), "{error}");
}

#[rstest]
#[case("{", "EOF")]
#[case(r#"{"tokens": [], "more": 1}"#, "unknown field `more`")]
#[case(
    r#"{"tokens": [{"name": "a", "reach": "all_accounts", "rights": ["own"], "created_at": "2026-01-01T00:00:00Z", "sha256": "00"}]}"#,
    "unknown variant `own`"
)]
#[case(
    r#"{"tokens": [{"name": "a", "reach": {"account": "b"}, "rights": ["read"], "created_at": "2026-01-01T00:00:00Z", "sha256": "00"}]}"#,
    "expected 32"
)]
#[case(
    r#"{"tokens": [{"name": "a", "rights": ["read"], "created_at": "2026-01-01T00:00:00Z", "sha256": "00"}]}"#,
    "missing field `reach`"
)]
fn a_damaged_tokens_file_lets_nobody_in(#[case] text: &str, #[case] says: &str) {
    let (dir, users) = users();
    let secret = token(&users, "a", Reach::AllAccounts);
    fs::write(dir.path().join("users.tokens.json"), text).unwrap();
    let error = users.tokens().find(&secret).unwrap_err();
    assert!(error.to_string().starts_with("tokens file "), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_tokens_file_that_others_can_open_is_refused() {
    let (dir, users) = users();
    let secret = token(&users, "a", Reach::AllAccounts);
    let path = dir.path().join("users.tokens.json");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = users.tokens().find(&secret).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

/// Root may create the file for the user that the server runs as.
#[test]
fn a_new_tokens_file_belongs_to_the_users_files_owner() {
    let (dir, users) = users();
    // Only root may give a file away; for others the file stays their own, and the test checks that.
    let _ = chown(dir.path().join("users.json"), Some(4321), Some(8765));
    let owner = |name: &str| {
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    token(&users, "a", Reach::AllAccounts);
    assert_eq!(owner("users.tokens.json"), owner("users.json"));
    assert_eq!(owner("users.tokens.json.lock"), owner("users.json"));
}
