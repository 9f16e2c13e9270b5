//! Tests of SPEC T1 and E3 for instants.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case::utc("2026-01-10T12:00:00Z", "2026-01-10T12:00:00Z")]
#[case::lower_case("2026-01-10t12:00:00z", "2026-01-10T12:00:00Z")]
#[case::ahead("2026-01-10T13:00:00+02:00", "2026-01-10T11:00:00Z")]
#[case::behind("2026-01-10T07:30:00.5-05:00", "2026-01-10T12:30:00.5Z")]
#[case::quarter_hours("2026-01-11T18:15:00.500+05:45", "2026-01-11T12:30:00.5Z")]
#[case::unknown_offset("2026-01-11T12:30:00.500001-00:00", "2026-01-11T12:30:00.500001Z")]
#[case::other_day("2026-01-10T12:00:00+14:00", "2026-01-09T22:00:00Z")]
#[case::widest_offset("2026-01-10T12:00:00-23:59", "2026-01-11T11:59:00Z")]
#[case::cut_not_rounded("2026-01-10T12:00:00.9999999Z", "2026-01-10T12:00:00.999999Z")]
#[case::long_fraction(
    "2026-01-10T12:00:00.12345678901234567890Z",
    "2026-01-10T12:00:00.123456Z"
)]
#[case::leap_day("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z")]
#[case::leap_day_of_a_century("2000-02-29T23:59:59Z", "2000-02-29T23:59:59Z")]
#[case::before_1970("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z")]
#[case::year_0("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z")]
#[case::leap_second("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")]
#[case::leap_second_elsewhere("2016-12-31T18:59:60.25-05:00", "2017-01-01T00:00:00.25Z")]
fn t1_instants_are_parsed(#[case] text: &str, #[case] expected: &str) {
    let expected = DateTime::parse_from_rfc3339(expected)
        .unwrap()
        .timestamp_micros();
    assert_eq!(parse(text), Ok(expected));
}

#[rstest]
#[case::no_offset("2026-01-10T12:00:00", Fault::NotAnInstant)]
#[case::no_time("2026-01-10", Fault::NotAnInstant)]
#[case::space("2026-01-10 12:00:00Z", Fault::NotAnInstant)]
#[case::no_seconds("2026-01-10T12:00Z", Fault::NotAnInstant)]
#[case::no_digits_after_point("2026-01-10T12:00:00.Z", Fault::NotAnInstant)]
#[case::comma("2026-01-10T12:00:00,5Z", Fault::NotAnInstant)]
#[case::offset_without_colon("2026-01-10T12:00:00+0200", Fault::NotAnInstant)]
#[case::offset_of_hours("2026-01-10T12:00:00+02", Fault::NotAnInstant)]
#[case::more_after_z("2026-01-10T12:00:00Zx", Fault::NotAnInstant)]
#[case::more_after_offset("2026-01-10T12:00:00+02:00x", Fault::NotAnInstant)]
#[case::space_before(" 2026-01-10T12:00:00Z", Fault::NotAnInstant)]
#[case::basic("20260110T120000Z", Fault::NotAnInstant)]
#[case::sign("+026-01-10T12:00:00Z", Fault::NotAnInstant)]
#[case::other_digits("２026-01-10T12:00:00Z", Fault::NotAnInstant)]
#[case::empty("", Fault::NotAnInstant)]
#[case::february_30("2026-02-30T12:00:00Z", Fault::NoSuchDate)]
#[case::no_leap_year("2026-02-29T12:00:00Z", Fault::NoSuchDate)]
#[case::no_leap_century("2100-02-29T12:00:00Z", Fault::NoSuchDate)]
#[case::day_0("2026-01-00T12:00:00Z", Fault::NoSuchDate)]
#[case::june_31("2026-06-31T12:00:00Z", Fault::NoSuchDate)]
#[case::month_0("2026-00-10T12:00:00Z", Fault::NoSuchDate)]
#[case::month_13("2026-13-10T12:00:00Z", Fault::NoSuchDate)]
#[case::hour_24("2026-01-10T24:00:00Z", Fault::NoSuchTime)]
#[case::minute_60("2026-01-10T12:60:00Z", Fault::NoSuchTime)]
#[case::second_61("2016-12-31T23:59:61Z", Fault::NoSuchTime)]
#[case::leap_second_at_noon("2016-12-31T12:00:60Z", Fault::NoSuchTime)]
#[case::leap_second_in_the_month("2016-12-30T23:59:60Z", Fault::NoSuchTime)]
#[case::offset_hour_24("2026-01-10T12:00:00+24:00", Fault::NoSuchTime)]
#[case::offset_minute_60("2026-01-10T12:00:00+02:60", Fault::NoSuchTime)]
fn t1_other_texts_are_refused(#[case] text: &str, #[case] fault: Fault) {
    assert_eq!(parse(text), Err(fault));
}

#[test]
fn the_earliest_is_the_year_2000() {
    assert_eq!(parse("2000-01-01T00:00:00Z"), Ok(EARLIEST));
}

#[rstest]
#[case("2026-01-10T00:00:00Z", "2026-01-10")]
#[case("2026-01-10T23:59:59.999999Z", "2026-01-10")]
#[case("2026-01-10T01:00:00+02:00", "2026-01-09")]
#[case("1969-12-31T23:59:59Z", "1969-12-31")]
fn dates_are_utc_dates(#[case] instant: &str, #[case] expected: chrono::NaiveDate) {
    let days = date(parse(instant).unwrap());
    assert_eq!(
        chrono::NaiveDate::default() + chrono::Days::new(0) + chrono::TimeDelta::days(days.into()),
        expected
    );
}

proptest! {
    #[test]
    fn agrees_with_chrono(micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000, minutes in -1439..1440_i32) {
        let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
        let instant = DateTime::from_timestamp_micros(micros).unwrap().with_timezone(&offset);
        prop_assert_eq!(parse(&instant.to_rfc3339()), Ok(micros));
    }

    #[test]
    fn accepts_no_more_than_chrono(text in "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-6][0-9])") {
        let theirs = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.timestamp_micros());
        prop_assert_eq!(parse(&text).ok(), theirs);
    }
}
