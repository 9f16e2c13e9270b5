//! Values of every type in both formats.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn text(pg: &Type, value: &str) -> Result<ScalarValue, PgError> {
    decode(
        pg,
        Format::Text,
        Some(&Bytes::copy_from_slice(value.as_bytes())),
        Zone::UTC,
    )
}

fn binary(pg: &Type, value: &[u8]) -> Result<ScalarValue, PgError> {
    decode(
        pg,
        Format::Binary,
        Some(&Bytes::copy_from_slice(value)),
        Zone::UTC,
    )
}

fn decimal(value: i128, scale: i8) -> ScalarValue {
    ScalarValue::Decimal128(Some(value), 38, scale)
}

#[rstest]
#[case(Type::BOOL, "t", ScalarValue::Boolean(Some(true)))]
#[case(Type::BOOL, "off", ScalarValue::Boolean(Some(false)))]
#[case(Type::INT4, " -7 ", ScalarValue::Int32(Some(-7)))]
#[case(Type::NUMERIC, "-12.3400", decimal(-123_400, 4))]
#[case(Type::NUMERIC, "1.5e3", decimal(1500, 0))]
#[case(Type::NUMERIC, "0", decimal(0, 0))]
#[case(Type::NUMERIC, "1e-3", decimal(1, 3))]
#[case(Type::DATE, "2026-03-01", ScalarValue::Date32(Some(20_513)))]
#[case(
    Type::UUID,
    "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
    ScalarValue::from("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
)]
#[case(Type::TIMESTAMPTZ, "2026-03-01 00:00:00+02", ScalarValue::TimestampMicrosecond(Some(1_772_316_000_000_000), Some("UTC".into())))]
#[case(Type::TIMESTAMPTZ, "2026-03-01T00:00:00Z", ScalarValue::TimestampMicrosecond(Some(1_772_323_200_000_000), Some("UTC".into())))]
#[case(
    Type::TIMESTAMP,
    "2026-03-01 00:00:00.5",
    ScalarValue::TimestampMicrosecond(Some(1_772_323_200_500_000), None)
)]
#[case(Type::BYTEA, "\\x00ff", ScalarValue::Binary(Some(vec![0, 255])))]
#[case(Type::BYTEA, "a\\\\b\\001", ScalarValue::Binary(Some(vec![b'a', b'\\', b'b', 1])))]
fn text_is_read(#[case] pg: Type, #[case] value: &str, #[case] expected: ScalarValue) {
    assert_eq!(text(&pg, value).unwrap(), expected);
}

#[test]
fn an_instant_without_an_offset_is_in_the_sessions_zone() {
    let zone = Zone::parse("America/New_York").unwrap();
    let value = Bytes::from_static(b"2026-07-01 00:00:00");
    let parsed = decode(&Type::TIMESTAMPTZ, Format::Text, Some(&value), zone).unwrap();
    let expected = text(&Type::TIMESTAMPTZ, "2026-07-01 04:00:00+00").unwrap();
    assert_eq!(parsed, expected);
}

#[rstest]
#[case(Type::INT4, "1.5", "22P02")]
#[case(Type::INT4, "", "22P02")]
#[case(Type::INT2, "40000", "22003")]
#[case(Type::INT8, "99999999999999999999", "22003")]
#[case(Type::NUMERIC, "1,5", "22P02")]
#[case(Type::NUMERIC, "NaN", "0A000")]
#[case(Type::BOOL, "maybe", "22P02")]
#[case(Type::DATE, "2026-02-30", "22008")]
#[case(Type::UUID, "123", "22P02")]
#[case(Type::TEXT_ARRAY, "a,b", "22P02")]
#[case(Type::TEXT_ARRAY, "{a,,b}", "22P02")]
fn a_text_that_is_no_value_of_the_type_is_refused(
    #[case] pg: Type,
    #[case] value: &str,
    #[case] code: &str,
) {
    assert_eq!(text(&pg, value).unwrap_err().code, code);
}

#[rstest]
#[case("{}", vec![])]
#[case("{a,b}", vec![Some("a"), Some("b")])]
#[case(r#"{"a,b", NULL ,"null","q\"\\"}"#, vec![Some("a,b"), None, Some("null"), Some("q\"\\")])]
fn arrays_of_text(#[case] value: &str, #[case] expected: Vec<Option<&str>>) {
    let elements = text::elements(value).unwrap();
    assert_eq!(
        elements.iter().map(Option::as_deref).collect::<Vec<_>>(),
        expected
    );
}

#[rstest]
#[case(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 5], decimal(5, 0))]
// 12.34: groups 12 and 3400
#[case(&[0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x0d, 0x48], decimal(-1234, 2))]
// 10000: one group of weight 1
#[case(&[0, 1, 0, 1, 0, 0, 0, 0, 0, 1], decimal(10_000, 0))]
// 0.0001
#[case(&[0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1], decimal(1, 4))]
#[case(&[0, 0, 0, 0, 0, 0, 0, 2], decimal(0, 2))]
fn numbers_in_binary(#[case] value: &[u8], #[case] expected: ScalarValue) {
    assert_eq!(binary(&Type::NUMERIC, value).unwrap(), expected);
}

#[test]
fn null_has_the_parameters_type() {
    let null = decode(&Type::INT8, Format::Binary, None, Zone::UTC).unwrap();
    assert_eq!(null, ScalarValue::Int64(None));
    let null = decode(&Type::TEXT_ARRAY, Format::Text, None, Zone::UTC).unwrap();
    assert!(null.is_null());
}

proptest! {
    #[test]
    fn no_bytes_panic(at in 0..12usize, bytes in proptest::collection::vec(any::<u8>(), 0..48)) {
        let types = [
            Type::BOOL, Type::INT4, Type::INT8, Type::FLOAT8, Type::NUMERIC, Type::TEXT, Type::DATE, Type::TIMESTAMPTZ,
            Type::INTERVAL, Type::UUID, Type::TEXT_ARRAY, Type::NUMERIC_ARRAY,
        ];
        let bytes = Bytes::from(bytes);
        let _ = decode(&types[at], Format::Binary, Some(&bytes), Zone::UTC);
        let _ = decode(&types[at], Format::Text, Some(&bytes), Zone::UTC);
    }
}

/// SPEC E7: what is compared with text and shown as text is text.
#[rstest]
#[case(b"a\0b", "invalid byte sequence for encoding \"UTF8\": 0x00")]
#[case(b"a\xffb", "invalid byte sequence for encoding \"UTF8\"")]
fn texts_that_postgres_cannot_hold(#[case] bytes: &'static [u8], #[case] message: &str) {
    for format in [Format::Text, Format::Binary] {
        let refused = decode(
            &Type::TEXT,
            format,
            Some(&Bytes::from_static(bytes)),
            Zone::UTC,
        );
        let error = refused.unwrap_err();
        assert_eq!((error.code, error.message.as_ref()), ("22021", message));
    }
}
