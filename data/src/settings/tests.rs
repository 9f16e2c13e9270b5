//! Tests of SPEC section 3: settings, their defaults, text forms, and refused values.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn read(fields: &str) -> Settings {
    Settings::from_json_line(&format!(r#"{{"account_id": "acme"{fields}}}"#)).unwrap()
}

fn windows(settings: &Settings) -> String {
    let texts = settings.windows().map(|(class, window)| {
        format!(
            "{class} {}",
            window.map_or_else(|| "off".to_owned(), |window| window.to_string())
        )
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[test]
fn defaults() {
    let settings = read("");
    assert_eq!(settings, Settings::defaults("acme").unwrap());
    assert_eq!(
        settings.to_json(),
        r#"{"account_id":"acme","name":null,"timezone":"UTC","currency":"USD","idle_timeout":"off","attribution_model":"last_touch","attribution_preset":"current","exclude_bot_clicks":true,"exclude_machine_opens":false,"exclude_transactional":false,"windows":{}}"#
    );
}

#[rstest]
#[case(
    "current",
    "web_chat 1 day, email_clicked 5 days, email_opened 5 days, sms_clicked 5 days, sms_opened 1 day, \
     sms_delivered 12 hours, whatsapp_clicked 5 days, whatsapp_opened 12 hours, push_opened 1 day"
)]
#[case(
    "legacy",
    "web_chat 1 day, email_clicked 5 days, email_opened 5 days, sms_clicked 1 day, sms_opened off, \
     sms_delivered off, whatsapp_clicked off, whatsapp_opened off, push_opened 1 day"
)]
fn presets(#[case] preset: &str, #[case] expected: &str) {
    assert_eq!(
        windows(&read(&format!(r#", "attribution_preset": "{preset}""#))),
        expected
    );
}

#[test]
fn windows_override_the_preset_whichever_comes_first() {
    let expected = "web_chat 1 day, email_clicked 5 days, email_opened off, sms_clicked 36 hours, sms_opened off, \
                    sms_delivered off, whatsapp_clicked off, whatsapp_opened off, push_opened 1 day";
    let own =
        r#", "windows": {"sms_clicked": "36 hours", "email_opened": "off", "push_opened": null}"#;
    assert_eq!(
        windows(&read(&format!(r#", "attribution_preset": "legacy"{own}"#))),
        expected
    );
    let mut settings = read(own);
    settings.set("attribution_preset", "legacy").unwrap();
    assert_eq!(windows(&settings), expected);
    assert_eq!(
        settings.windows.text(),
        "web_chat=86400 seconds,email_clicked=432000 seconds,sms_clicked=129600 seconds,push_opened=86400 seconds"
    );
    assert_eq!(settings.max_window().micros(), 5 * 86_400_000_000);
}

#[test]
fn a_window_of_its_own_stays_when_the_preset_changes() {
    let mut settings = read(r#", "windows": {"sms_clicked": "5 days"}"#);
    settings = Settings::from_json_line(&settings.to_json()).unwrap();
    settings.set("attribution_preset", "legacy").unwrap();
    assert_eq!(
        settings.windows.get(TouchClass::SmsClicked),
        Some(Period::days(5))
    );
}

#[test]
fn web_chat_has_24_hours_when_all_else_is_off() {
    let mut settings = read("");
    for class in TouchClass::settable_classes() {
        settings.set(&format!("windows.{class}"), "off").unwrap();
    }
    assert_eq!(settings.windows.text(), "web_chat=86400 seconds");
    assert_eq!(settings.max_window(), Period::hours(24));
}

#[rstest]
#[case("5 days", 432_000)]
#[case("1 day", 86_400)]
#[case("1 days", 86_400)]
#[case("36 hours", 129_600)]
#[case("1 hour", 3_600)]
#[case("90 minutes", 5_400)]
#[case("1 minute", 60)]
#[case("5400 seconds", 5_400)]
#[case("1 second", 1)]
#[case("0 seconds", 0)]
#[case("36500 days", 3_153_600_000)]
fn periods_are_parsed(#[case] text: &str, #[case] seconds: u64) {
    let period: Period = text.parse().unwrap();
    assert_eq!(
        (period.seconds(), period.micros()),
        (seconds, seconds as i64 * 1_000_000)
    );
    assert_eq!(period.to_string().parse(), Ok(period));
}

#[rstest]
#[case("")]
#[case("5")]
#[case("days")]
#[case(" days")]
#[case("5days")]
#[case("5  days")]
#[case(" 5 days")]
#[case("5 days ")]
#[case("5 Days")]
#[case("-5 days")]
#[case("+5 days")]
#[case("1.5 days")]
#[case("5 weeks")]
#[case("5 s")]
#[case("36501 days")]
#[case("99999999999999999999 seconds")]
#[case("18446744073709551615 days")]
fn other_texts_are_no_period(#[case] text: &str) {
    assert_eq!(text.parse::<Period>(), Err(period::InvalidPeriod));
}

#[rstest]
#[case("timezone", "America/New_York", r#""timezone":"America/New_York""#)]
#[case(
    "timezone",
    "Australia/Lord_Howe",
    r#""timezone":"Australia/Lord_Howe""#
)]
#[case("currency", "EUR", r#""currency":"EUR""#)]
#[case("currency", "XCG", r#""currency":"XCG""#)]
#[case("name", "Böse & Söhne \"GmbH\"", r#""name":"Böse & Söhne \"GmbH\"""#)]
#[case("name", "", r#""name":null"#)]
#[case("name", "true", r#""name":"true""#)]
#[case("idle_timeout", "48 hours", r#""idle_timeout":"2 days""#)]
#[case("idle_timeout", "off", r#""idle_timeout":"off""#)]
#[case("attribution_model", "linear", r#""attribution_model":"linear""#)]
#[case("attribution_preset", "legacy", r#""attribution_preset":"legacy""#)]
#[case("exclude_bot_clicks", "false", r#""exclude_bot_clicks":false"#)]
#[case("exclude_machine_opens", "true", r#""exclude_machine_opens":true"#)]
#[case("exclude_transactional", "true", r#""exclude_transactional":true"#)]
#[case(
    "windows.sms_clicked",
    "36 hours",
    r#""windows":{"sms_clicked":"36 hours"}"#
)]
#[case("windows.email_opened", "off", r#""windows":{"email_opened":"off"}"#)]
fn one_setting_is_changed_alone(
    #[case] setting: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let mut settings = Settings::defaults("acme").unwrap();
    settings.set(setting, value).unwrap();
    assert!(
        settings.to_json().contains(expected),
        "{}",
        settings.to_json()
    );
    assert_eq!(Settings::from_json_line(&settings.to_json()), Ok(settings));
}

#[rstest]
#[case(
    "timezone",
    "Mars/Olympus",
    r#"timezone cannot be "Mars/Olympus"; accepted: an IANA time zone (UTC, America/New_York)"#
)]
#[case(
    "timezone",
    "+02:00",
    r#"timezone cannot be "+02:00"; accepted: an IANA time zone (UTC, America/New_York)"#
)]
#[case("currency", "usd", r#"currency cannot be "usd"; accepted: the code of an ISO 4217 currency, three capitals (USD, EUR)"#)]
#[case("currency", "ABC", r#"currency cannot be "ABC"; accepted: the code of an ISO 4217 currency, three capitals (USD, EUR)"#)]
#[case("currency", "XXX", r#"currency cannot be "XXX"; accepted: the code of an ISO 4217 currency, three capitals (USD, EUR)"#)]
#[case("currency", "USD EUR", r#"currency cannot be "USD EUR"; accepted: the code of an ISO 4217 currency, three capitals (USD, EUR)"#)]
#[case("idle_timeout", "2 weeks", r#"idle_timeout cannot be "2 weeks"; accepted: N days, N hours, N minutes or N seconds (of at most 36500 days), or off"#)]
#[case(
    "attribution_model",
    "first_touch",
    r#"attribution_model cannot be "first_touch"; accepted: last_touch or linear"#
)]
#[case(
    "attribution_preset",
    "old",
    r#"attribution_preset cannot be "old"; accepted: current or legacy"#
)]
#[case(
    "exclude_bot_clicks",
    "yes",
    r#"exclude_bot_clicks cannot be "yes"; accepted: true or false"#
)]
#[case("windows.sms_clicked", "", r#"windows.sms_clicked cannot be ""; accepted: N days, N hours, N minutes or N seconds (of at most 36500 days), or off"#)]
#[case("windows.push_clicked", "1 day", r#"there is no setting "windows.push_clicked"; accepted: windows.email_clicked, windows.email_opened, windows.sms_clicked, windows.sms_opened, windows.sms_delivered, windows.whatsapp_clicked, windows.whatsapp_opened, windows.push_opened"#)]
fn values_that_a_setting_cannot_have_are_refused(
    #[case] setting: &str,
    #[case] value: &str,
    #[case] expected: &str,
) {
    let mut settings = Settings::defaults("acme").unwrap();
    assert_eq!(
        settings.set(setting, value).unwrap_err().to_string(),
        expected
    );
    assert_eq!(settings, Settings::defaults("acme").unwrap());
}

#[rstest]
#[case("account_id", "beta")]
#[case("windows", "{}")]
#[case("windows.web_chat", "1 day")]
#[case("windows.", "1 day")]
#[case("time_zone", "UTC")]
#[case("", "")]
fn the_error_of_an_unknown_setting_lists_the_known_ones(
    #[case] setting: &str,
    #[case] value: &str,
) {
    let error = Settings::defaults("acme")
        .unwrap()
        .set(setting, value)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("there is no setting {setting:?}; accepted: ")),
        "{error}"
    );
    assert!(error.contains("windows.sms_clicked"), "{error}");
}

#[rstest]
#[case("", "the settings are not one JSON object: ")]
#[case("[]", "the settings are not one JSON object: ")]
#[case("{} {}", "the settings are not one JSON object: ")]
#[case("{}", "account_id is missing; accepted: ")]
#[case(r#"{"account_id": null}"#, "account_id is missing; accepted: ")]
#[case(r#"{"account_id": 7}"#, "account_id cannot be 7; accepted: a string")]
#[case(
    r#"{"account_id": "ac me"}"#,
    r#"account_id cannot be "ac me"; accepted: [A-Za-z0-9_-]{1,64}"#
)]
#[case(
    r#"{"account_id": "a", "zone": "UTC"}"#,
    r#"there is no setting "zone"; accepted: name, timezone, "#
)]
#[case(
    r#"{"account_id": "a", "windows": "off"}"#,
    r#"windows cannot be "off"; accepted: an object such as "#
)]
#[case(
    r#"{"account_id": "a", "windows": {"web_chat": "1 day"}}"#,
    r#"there is no setting "windows.web_chat""#
)]
#[case(
    r#"{"account_id": "a", "windows": {"sms_clicked": 5}}"#,
    "windows.sms_clicked cannot be 5; accepted: N days"
)]
#[case(
    r#"{"account_id": "a", "windows": {"sms_clicked": false}}"#,
    "windows.sms_clicked cannot be false; accepted: N days"
)]
#[case(
    r#"{"account_id": "a", "idle_timeout": 30}"#,
    "idle_timeout cannot be 30; accepted: N days"
)]
#[case(
    r#"{"account_id": "a", "exclude_bot_clicks": "true"}"#,
    r#"exclude_bot_clicks cannot be "true"; accepted: true or false"#
)]
#[case(
    r#"{"account_id": "a", "name": 5}"#,
    "name cannot be 5; accepted: a string without U+0000"
)]
#[case(
    r#"{"account_id": "a", "name": "b\u0000c"}"#,
    r#"name cannot be "b\u0000c"; accepted: a string without U+0000"#
)]
fn lines_that_are_no_settings_are_refused(#[case] line: &str, #[case] expected: &str) {
    let error = Settings::from_json_line(line).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn currencies_are_three_capitals_in_order() {
    let codes: Vec<&str> = Currency::all().map(Currency::code).collect();
    assert!(
        codes
            .iter()
            .all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
    );
    assert!(codes.is_sorted() && codes.len() == 177, "{}", codes.len());
    for withdrawn in ["HRK", "LTL", "DEM", "ZWL", "ANG", "CUC", "VEF", "XTS"] {
        assert_eq!(
            withdrawn.parse::<Currency>(),
            Err(currency::InvalidCurrency)
        );
    }
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let period = prop_oneof![
        Just("off".to_owned()),
        (0..36_500_u32, "days|hours|minutes|seconds")
            .prop_map(|(count, unit)| format!("{count} {unit}"))
    ];
    let window = (
        prop::sample::select(TouchClass::settable_classes().collect::<Vec<_>>()),
        period.clone(),
    )
        .prop_map(|(class, period)| (format!("windows.{class}"), period));
    let named = |name: &'static str, values: &'static str| {
        values.prop_map(move |value| (name.to_owned(), value))
    };
    let setting = prop_oneof![
        4 => window,
        1 => period.prop_map(|period| ("idle_timeout".to_owned(), period)),
        1 => named("name", r"[^\x00\n]{0,12}"),
        1 => named("timezone", "UTC|Europe/Paris|Asia/Kathmandu|US/Eastern|Etc/GMT\\+5"),
        1 => named("currency", "EUR|JPY|CLF"),
        1 => named("attribution_model", "linear|last_touch"),
        1 => named("attribution_preset", "legacy|current"),
        1 => named("exclude_bot_clicks", "true|false"),
        1 => named("exclude_machine_opens", "true|false"),
        1 => named("exclude_transactional", "true|false"),
    ];
    prop::collection::vec(setting, 0..12).prop_map(|given| {
        let mut settings = Settings::defaults("acme").unwrap();
        for (setting, value) in given {
            settings.set(&setting, &value).unwrap();
        }
        settings
    })
}

proptest! {
    #[test]
    fn json_reads_back_as_the_same(settings in any_settings()) {
        let json = settings.to_json();
        let again = Settings::from_json_line(&json).unwrap();
        prop_assert_eq!(again.to_json(), json);
        prop_assert_eq!(again, settings);
    }
}
