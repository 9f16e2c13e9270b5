#![allow(clippy::unwrap_used)]

use super::*;

fn field(error: PgError, kind: u8) -> String {
    let fields = error.into_fields("ERROR");
    fields
        .into_iter()
        .find(|(found, _)| *found == kind)
        .unwrap()
        .1
}

#[test]
fn what_an_error_quotes_is_cut_at_a_whole_character() {
    let long = "ä".repeat(1_000_000);
    let error = PgError::new(code::INVALID_TEXT, format!("x{long}"))
        .detail(long.clone())
        .hint(long.clone());
    for kind in *b"MDH" {
        let text = field(error.clone(), kind);
        assert!((2000..2100).contains(&text.len()), "{}", text.len());
        assert!(text.ends_with("ä…"));
    }
    assert!(error.to_string().len() < 2100);
}

#[test]
fn a_text_in_the_log_is_one_line() {
    let forged = "x\n2026-01-01 INFO all is well\u{1b}[2J\r ä\"";
    let shown = logged(forged);
    assert_eq!(shown, "x\\n2026-01-01 INFO all is well\\u{1b}[2J\\r ä\"");
}

#[test]
fn errors_do_not_name_paths_of_the_lake() {
    let place = std::io::Error::other("/srv/lake/account_id=acme/x.parquet: gone");
    let errors = [
        DataFusionError::External("/srv/lake/account_id=acme: gone".into()),
        DataFusionError::External(Box::new(std::io::Error::other("/srv/lake: gone"))),
        ArrowError::ExternalError(Box::new(std::io::Error::other("/srv/lake: gone"))).into(),
        ArrowError::IoError("/srv/lake: gone".into(), place).into(),
    ];
    for error in errors {
        let error = PgError::from(error);
        assert_eq!(error.code, code::INTERNAL);
        assert!(!error.message.contains("lake"), "{error}");
    }
}

#[test]
fn a_join_that_is_refused_its_first_rows_is_out_of_memory() {
    // As DataFusion 55.2 says it; any other internal error is one.
    let refused = DataFusionError::Internal("Left side produced no data to spill".to_owned());
    assert_eq!(PgError::from(refused).code, "53200");
    let other = DataFusionError::Internal("Left side produced no data".to_owned());
    assert_eq!(PgError::from(other).code, "XX000");
}
