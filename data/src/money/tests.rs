//! Tests of SPEC E3 and E5 for money.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case("0", 0)]
#[case("-0", 0)]
#[case("-0.00", 0)]
#[case("7", 70_000)]
#[case("12.3400", 123_400)]
#[case("0.0001", 1)]
#[case("99999999999999.9999", 999_999_999_999_999_999)]
#[case("90071992547409.9301", 900_719_925_474_099_301)]
#[case::exponent("1e2", 1_000_000)]
#[case::exponent("1.5E+3", 15_000_000)]
#[case::exponent("15e-1", 15_000)]
#[case::exponent("1e-4", 1)]
#[case::exponent("1.00001e1", 100_001)]
#[case::exponent("10000000000000000e-4", 10_000_000_000_000_000)]
#[case::nothing_however_often("0e99999999999999999999", 0)]
fn e5_amounts_are_parsed(#[case] text: &str, #[case] steps: i64) {
    assert_eq!(parse(text), Ok(steps));
}

#[rstest]
#[case("-0.01", Fault::Negative)]
#[case("-1", Fault::Negative)]
#[case("-1e-99", Fault::Negative)]
#[case("1.00001", Fault::TooManyDecimals)]
#[case::as_written("1.00000", Fault::TooManyDecimals)]
#[case::as_written("0.00000", Fault::TooManyDecimals)]
#[case("1e-5", Fault::TooManyDecimals)]
#[case("10000e-5", Fault::TooManyDecimals)]
#[case("1e-99999999999999999999", Fault::TooManyDecimals)]
#[case("100000000000000", Fault::TooLarge)]
#[case("100000000000000.0000", Fault::TooLarge)]
#[case("1e14", Fault::TooLarge)]
#[case("1e99999999999999999999", Fault::TooLarge)]
#[case(&"9".repeat(60), Fault::TooLarge)]
#[case("NaN", Fault::NotADecimal)]
#[case("Infinity", Fault::NotADecimal)]
#[case("twelve", Fault::NotADecimal)]
#[case("", Fault::NotADecimal)]
#[case("-", Fault::NotADecimal)]
#[case("+1", Fault::NotADecimal)]
#[case("01", Fault::NotADecimal)]
#[case(".5", Fault::NotADecimal)]
#[case("5.", Fault::NotADecimal)]
#[case(" 5", Fault::NotADecimal)]
#[case("5 ", Fault::NotADecimal)]
#[case("1,5", Fault::NotADecimal)]
#[case("1_000", Fault::NotADecimal)]
#[case("0x10", Fault::NotADecimal)]
#[case("1e", Fault::NotADecimal)]
#[case("1e+", Fault::NotADecimal)]
#[case("1e2.5", Fault::NotADecimal)]
#[case("--1", Fault::NotADecimal)]
#[case("１", Fault::NotADecimal)]
fn e3_other_texts_are_refused(#[case] text: &str, #[case] fault: Fault) {
    assert_eq!(parse(text), Err(fault));
}

#[rstest]
#[case(150, 2, Ok(15_000))]
#[case(15, -1, Ok(1_500_000))]
#[case::exact_in_a_fine_column(1_500_000, 6, Ok(15_000))]
#[case::finer_than_a_step(1_500_001, 6, Err(Fault::TooManyDecimals))]
#[case(-1, 4, Err(Fault::Negative))]
#[case(1_000_000_000_000_000_000, 4, Err(Fault::TooLarge))]
#[case(i128::MAX, -127, Err(Fault::TooLarge))]
#[case(0, 127, Ok(0))]
fn e5_decimals_are_converted_exactly(
    #[case] number: i128,
    #[case] scale: i8,
    #[case] expected: Result<i64, Fault>,
) {
    assert_eq!(from_decimal(number, scale), expected);
}

proptest! {
    #[test]
    fn four_decimals_are_the_steps(steps in 0..=999_999_999_999_999_999_i64) {
        prop_assert_eq!(parse(&format!("{}.{:04}", steps / 10_000, steps % 10_000)), Ok(steps));
        prop_assert_eq!(parse(&format!("{steps}e-4")), Ok(steps));
        prop_assert_eq!(from_decimal(steps.into(), 4), Ok(steps));
    }

    #[test]
    fn any_text_is_a_number_or_refused(text in "[-+0-9.eE]{0,12}") {
        let is_number = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        prop_assert_eq!(parse(&text) != Err(Fault::NotADecimal), is_number);
    }
}
