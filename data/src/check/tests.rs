//! Tests of the texts of reasons. The readers' tests cover what causes them.

use super::*;
use rstest::rstest;

#[rstest]
#[case("robot", "\"robot\"")]
#[case("say \"hi\"\n", "\"say \\\"hi\\\"\\n\"")]
#[case(&"é".repeat(40), &format!("\"{}\"", "é".repeat(40)))]
#[case(&"é".repeat(41), &format!("\"{}\"…", "é".repeat(40)))]
fn values_are_shown_by_their_beginning(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(excerpt(text), expected);
}

#[rstest]
#[case("USD", true)]
#[case("XYZ", true)]
#[case("usd", false)]
#[case("dollars", false)]
#[case("US", false)]
#[case("", false)]
#[case("U1D", false)]
#[case("ÜS", false)]
fn currencies_of_events_are_three_capitals(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_currency_code(text), expected);
}
