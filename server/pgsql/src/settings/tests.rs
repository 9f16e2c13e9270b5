//! What settings accept, and how transactions take them back.

#![allow(clippy::unwrap_used)]

use rstest::rstest;

use super::*;

fn settings() -> Settings {
    Settings::new("ann", "16.6", Zone::UTC, Duration::from_secs(60))
}

#[rstest]
#[case("TimeZone", "europe/berlin", "Europe/Berlin")]
#[case("timezone", "-7", "<-07>+07")]
#[case("statement_timeout", "1500", "1500ms")]
#[case("statement_timeout", "2min", "2min")]
#[case("statement_timeout", "0", "0")]
#[case("client_encoding", "unicode", "UTF8")]
#[case("datestyle", "ISO, DMY", "ISO, DMY")]
#[case("enable_seqscan", "false", "off")]
#[case("my.setting", "x", "x")]
fn a_value_is_kept_as_it_is_shown(#[case] name: &str, #[case] value: &str, #[case] shown: &str) {
    let mut settings = settings();
    settings.set(name, value, SetScope::Session).unwrap();
    assert_eq!(settings.show(name).unwrap().1, shown);
}

#[rstest]
#[case("nonsense", "1", "42704")]
#[case("datafusion.execution.batch_size", "1", "42704")]
#[case("TimeZone", "Mars", "22023")]
#[case("client_encoding", "LATIN1", "22023")]
#[case("server_version", "9", "55P02")]
#[case("transaction_read_only", "off", "25006")]
#[case("statement_timeout", "-1", "22023")]
#[case("statement_timeout", "1 fortnight", "22023")]
fn a_value_that_cannot_hold_is_refused(
    #[case] name: &str,
    #[case] value: &str,
    #[case] code: &str,
) {
    assert_eq!(
        settings()
            .set(name, value, SetScope::Session)
            .unwrap_err()
            .code,
        code
    );
}

#[test]
fn a_rollback_takes_settings_back_and_a_commit_only_local_ones() {
    let mut settings = settings();
    settings.begin();
    settings
        .set("TimeZone", "Asia/Tokyo", SetScope::Session)
        .unwrap();
    settings.rollback();
    assert_eq!(settings.zone(), Zone::UTC);

    settings.begin();
    settings
        .set("TimeZone", "Asia/Tokyo", SetScope::Session)
        .unwrap();
    settings
        .set("application_name", "a", SetScope::Local)
        .unwrap();
    settings
        .set("TimeZone", "Europe/Paris", SetScope::Local)
        .unwrap();
    assert_eq!(settings.zone().to_string(), "Europe/Paris");
    settings.commit();
    assert_eq!(settings.zone().to_string(), "Asia/Tokyo");
    assert_eq!(settings.show("application_name").unwrap().1, "");
}

#[test]
fn reset_goes_back_to_what_the_startup_message_said() {
    let mut settings = settings();
    settings.set_initial("TimeZone", "-7").unwrap();
    settings
        .set("TimeZone", "Asia/Tokyo", SetScope::Session)
        .unwrap();
    settings
        .set("extra_float_digits", "3", SetScope::Session)
        .unwrap();
    settings.reset("timezone", SetScope::Session).unwrap();
    settings
        .reset("extra_float_digits", SetScope::Session)
        .unwrap();
    assert_eq!(settings.zone(), Zone::Fixed(-7 * 3600));
    assert_eq!(settings.extra_float_digits(), 1);
    settings
        .reset("session_authorization", SetScope::Session)
        .unwrap_err();
    settings
        .set("TimeZone", "Asia/Tokyo", SetScope::Session)
        .unwrap();
    settings.reset_all();
    assert_eq!(settings.zone(), Zone::Fixed(-7 * 3600));
}

#[test]
fn clients_are_told_of_a_change_once() {
    let mut settings = settings();
    assert!(
        settings
            .take_reports()
            .iter()
            .any(|(name, _)| *name == "server_version")
    );
    assert_eq!(settings.take_reports(), vec![]);
    settings
        .set("timezone", "Asia/Tokyo", SetScope::Session)
        .unwrap();
    assert_eq!(
        settings.take_reports(),
        vec![("TimeZone", "Asia/Tokyo".to_owned())]
    );
}
