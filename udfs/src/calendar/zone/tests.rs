//! Compares days with the dates that chrono shows, over every zone.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn instant(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp_micros()
}

fn day(text: &str) -> i32 {
    let date: NaiveDate = text.parse().unwrap();
    (date - NaiveDate::default()).num_days() as i32
}

/// Returns the date that the zone's clocks show, computed by chrono alone.
fn shown(zone: Tz, micros: i64) -> NaiveDate {
    let utc: NaiveDateTime = DateTime::from_timestamp_micros(micros).unwrap().naive_utc();
    zone.from_utc_datetime(&utc).date_naive()
}

/// Computes the day of an instant from the text of SPEC T2: the latest date shown at it or in the two days before, sampled
/// at every full minute and just before it (no clock was ever set back by more than a day).
fn day_by_definition(zone: Tz, micros: i64) -> i32 {
    let mut latest = shown(zone, micros);
    let minute = 60 * SECOND;
    let mut at = micros - micros.rem_euclid(minute) - 2 * DAY;
    while at <= micros {
        latest = latest
            .max(shown(zone, at))
            .max(shown(zone, (at - 1).min(micros)));
        at += minute;
    }
    (latest - NaiveDate::default()).num_days() as i32
}

#[rstest]
#[case::spring_23_hours(
    "America/New_York",
    "2026-03-08",
    "2026-03-08T05:00:00Z",
    "2026-03-09T04:00:00Z"
)]
#[case::autumn_25_hours(
    "America/New_York",
    "2026-11-01",
    "2026-11-01T04:00:00Z",
    "2026-11-02T05:00:00Z"
)]
#[case::midnight_missing_in_beirut(
    "Asia/Beirut",
    "2026-03-29",
    "2026-03-28T22:00:00Z",
    "2026-03-29T21:00:00Z"
)]
#[case::midnight_missing_in_cairo(
    "Africa/Cairo",
    "2026-04-24",
    "2026-04-23T22:00:00Z",
    "2026-04-24T21:00:00Z"
)]
#[case::midnight_missing_in_santiago(
    "America/Santiago",
    "2026-09-06",
    "2026-09-06T04:00:00Z",
    "2026-09-07T03:00:00Z"
)]
#[case::midnight_missing_in_havana(
    "America/Havana",
    "2026-03-08",
    "2026-03-08T05:00:00Z",
    "2026-03-09T04:00:00Z"
)]
#[case::midnight_twice_in_havana(
    "America/Havana",
    "2025-11-02",
    "2025-11-02T04:00:00Z",
    "2025-11-03T05:00:00Z"
)]
// At 00:01 the clocks of St John's went back to 23:01: midnight came twice, the day began at the earlier one.
#[case::midnight_twice_over_the_date(
    "America/St_Johns",
    "2010-11-07",
    "2010-11-07T02:30:00Z",
    "2010-11-08T03:30:00Z"
)]
#[case::half_hour_zone(
    "Asia/Kolkata",
    "2026-04-05",
    "2026-04-04T18:30:00Z",
    "2026-04-05T18:30:00Z"
)]
#[case::half_hour_change(
    "Australia/Lord_Howe",
    "2026-04-05",
    "2026-04-04T13:00:00Z",
    "2026-04-05T13:30:00Z"
)]
#[case::skipped_date_in_apia(
    "Pacific/Apia",
    "2011-12-30",
    "2011-12-30T10:00:00Z",
    "2011-12-30T10:00:00Z"
)]
#[case::after_the_skipped_date(
    "Pacific/Apia",
    "2011-12-31",
    "2011-12-30T10:00:00Z",
    "2011-12-31T10:00:00Z"
)]
#[case::before_the_skipped_date(
    "Pacific/Apia",
    "2011-12-29",
    "2011-12-29T10:00:00Z",
    "2011-12-30T10:00:00Z"
)]
#[case::utc("UTC", "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
fn t2_a_day_is_the_range_between_two_starts(
    #[case] zone: &str,
    #[case] date: &str,
    #[case] start: &str,
    #[case] end: &str,
) {
    let zone = Zone::named(zone).unwrap();
    let (date, start, end) = (day(date), instant(start), instant(end));
    assert_eq!(
        (zone.start(date), zone.start(date + 1)),
        (Some(start), Some(end))
    );
    assert!(zone.date(start - 1) < date);
    if start < end {
        assert_eq!((zone.date(start), zone.date(end - 1)), (date, date));
    }
    assert!(zone.date(end) > date);
}

#[test]
fn t2_after_clocks_went_back_over_midnight_it_is_still_the_day_that_had_begun() {
    let zone = Zone::named("America/St_Johns").unwrap();
    // 02:31:00Z is 00:01 of the 7th; clocks then show 23:01 of the 6th.
    assert_eq!(
        zone.date(instant("2010-11-07T02:45:00Z")),
        day("2010-11-07")
    );
}

#[test]
fn the_first_and_last_instants_do_not_overflow() {
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Niue"] {
        let zone = Zone::named(zone).unwrap();
        assert_eq!(zone.date(i64::MAX) / 1_000, 106_751);
        assert_eq!(zone.date(i64::MIN) / 1_000, -106_751);
        assert_eq!((zone.start(i32::MAX), zone.start(i32::MIN)), (None, None));
    }
}

#[rstest]
#[case("Europe/Atlantis")]
#[case("")]
#[case("+02:00")]
fn the_error_names_the_unknown_zone(#[case] name: &str) {
    let error = Zone::named(name).unwrap_err().to_string();
    assert!(
        error.contains(&format!("{name:?}")) && error.contains("IANA"),
        "{error}"
    );
}

/// Returns the zones of the database in use.
fn zones() -> Vec<Tz> {
    Tz::names()
        .iter()
        .map(|name| Tz::named(name).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn t2_days_follow_their_definition(
        zone in prop::sample::select(zones()),
        change in any::<prop::sample::Index>(),
        near in -26 * 3_600 * SECOND..26 * 3_600 * SECOND,
        anywhere in instant("2000-01-01T00:00:00Z")..instant("2040-01-01T00:00:00Z"),
    ) {
        let name = zone;
        let zone = Zone::named(name.name()).unwrap();
        // Half of the instants lie around a change of the clocks, where days and dates differ.
        let around = match &zone.spans[1..] {
            [] => anywhere,
            changes => changes[change.index(changes.len())].start.saturating_add(near),
        };
        for at in [around, anywhere] {
            let day = zone.date(at);
            prop_assert_eq!(day, day_by_definition(name, at), "{} at {}", name, at);
            prop_assert!(zone.start(day).unwrap() <= at && at < zone.start(day + 1).unwrap());
        }
    }

    #[test]
    fn t2_starts_and_days_are_inverse(zone in prop::sample::select(zones()), day in -40_000..40_000) {
        let name = zone;
        let zone = Zone::named(name.name()).unwrap();
        let start = zone.start(day).unwrap();
        // A skipped date has the start of the next, and no instant of its own.
        prop_assert!(zone.date(start) >= day, "{} {}", name, day);
        prop_assert!(zone.date(start - 1) < day, "{} {}", name, day);
    }
}
