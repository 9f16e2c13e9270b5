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
fn a_new_file_is_empty_and_its_owners_alone() {
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
fn what_was_added_is_found_with_its_salted_password() {
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
    // Also one that is open already.
    assert!(matches!(
        users.find("ann"),
        Err(UsersError::File(FileError::Exposed { .. }))
    ));
}

/// As root does with the file of the user that serves.
#[test]
fn a_change_leaves_the_file_whose_it_was() {
    let (dir, users) = users();
    let owner = |name: &str| {
        let metadata = fs::metadata(dir.path().join(name)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    // Only root may give a file away; whoever else runs this can have but one of its own.
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
    // It and its lock: nothing is left behind.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_link_to_the_file_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("users.json");
    let folder = dir.path().join("secrets");
    fs::create_dir(&folder).unwrap();
    symlink("secrets/users.json", &link).unwrap();
    // Also where there is nothing yet.
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
fn removing_or_changing_who_is_not_there_is_an_error() {
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
fn a_damaged_file_is_told(#[case] text: &str, #[case] message: &str) {
    let (dir, _users) = users();
    let path = dir.path().join("users.json");
    fs::write(&path, text).unwrap();
    let error = Users::open(&path).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_decoy_has_a_lasting_salt_of_the_usual_length_and_no_lasting_password() {
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
