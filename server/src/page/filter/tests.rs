use rstest::rstest;
use url::form_urlencoded;

use super::*;

fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

#[rstest]
#[case("")]
#[case("range=7-days")]
#[case("account=acme&from=2026-03-08&to=2026-03-08&channel=email%2Csms&status=routed")]
#[case("search=%27+%26+%3Cb%3E&procedure=A%26B&tag=%23x&escalated=1&reason=r&clicked=0")]
#[case("escalated=1&reason=&category=c&escalated_by=")]
#[case("unassigned=1&sort=messages&order=ascending&procedures=share&after=17%7Ecv_1%7E2")]
#[case("before=-5%7Ex")]
fn an_address_is_written_as_it_was_parsed(#[case] query: &str) {
    let filter = Filter::parse(&pairs(query)).unwrap();
    assert_eq!(filter.url("/p"), url("/p", &pairs(query)));
}

#[rstest]
#[case("range=30-days&channel=&search=++", "/p")]
#[case("channel=sms,email,whatsapp,web_chat", "/p")]
#[case("channel=sms,email", "/p?channel=email%2Csms")]
#[case("unknown=1", "/p")]
fn parameters_with_their_default_are_left_out(#[case] query: &str, #[case] address: &str) {
    assert_eq!(Filter::parse(&pairs(query)).unwrap().url("/p"), address);
}

#[rstest]
#[case("range=8-days", "range is \"8-days\"; expected one of 7-days")]
#[case("from=2026-01-01", "to is \"\"; expected a date too")]
#[case("from=2026-1-1&to=2026-01-02", "from is \"2026-1-1\"; expected a date")]
#[case(
    "from=2026-02-30&to=2026-03-02",
    "from is \"2026-02-30\"; expected a date"
)]
#[case(
    "from=2026-01-02&to=2026-01-01",
    "to is \"2026-01-01\"; expected a day not before"
)]
#[case(
    "from=2020-01-01&to=2026-01-01",
    "to is \"2026-01-01\"; expected a day at most 1096"
)]
#[case("channel=fax", "channel is \"fax\"; expected some of web_chat")]
#[case("after=x", "after is \"x\"; expected KEY~ID")]
#[case("escalated=yes", "escalated is \"yes\"; expected 1")]
fn a_wrong_parameter_is_refused_by_name(#[case] query: &str, #[case] message: &str) {
    let error = Filter::parse(&pairs(query)).unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
}

/// SPEC T3: ranges include both ends, and the last days today.
#[rstest]
#[case(Preset::Last(7), "2026-03-31", "2026-03-25", "2026-03-31")]
#[case(Preset::ThisMonth, "2026-03-31", "2026-03-01", "2026-03-31")]
#[case(Preset::LastMonth, "2026-03-31", "2026-02-01", "2026-02-28")]
#[case(Preset::LastMonth, "2026-01-01", "2025-12-01", "2025-12-31")]
fn presets_move_with_today(
    #[case] preset: Preset,
    #[case] today: NaiveDate,
    #[case] from: NaiveDate,
    #[case] to: NaiveDate,
) {
    assert_eq!(Range::Preset(preset).days(today), (from, to));
}
