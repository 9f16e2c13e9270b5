//! The conformance cases: exactly the expected lines are rejected.

use crate::now;
use rapport_data::{LineChunker, Settings, parse_ndjson};
use rstest::rstest;
use serde_json::Value;
use std::fs::{read, read_to_string};
use std::path::PathBuf;

#[rstest]
fn rejects_the_expected_lines(
    #[files("../server/tests/conformance/*")]
    #[dirs]
    case: PathBuf,
    #[values(1, 700, 64 << 20)] chunk_bytes: usize,
) {
    let expected: Value =
        serde_json::from_slice(&read(case.join("expected.json")).unwrap()).unwrap();
    let landing = &expected["landing"];
    let mut rejected = Vec::new();
    let mut accepted = 0;
    let events = read(case.join("events.ndjson")).unwrap();
    for chunk in LineChunker::new(events.as_slice(), chunk_bytes) {
        let chunk = chunk.unwrap();
        let parsed = parse_ndjson(&chunk.bytes, chunk.first_line, now());
        accepted += parsed.accepted() as u64;
        rejected.extend(parsed.rejected);
    }
    let lines: Vec<u64> = rejected.iter().map(|rejected| rejected.line).collect();
    let expected = landing["rejected"].as_array().unwrap();
    let expected: Vec<u64> = expected
        .iter()
        .map(|line| line["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, expected, "{rejected:?}");
    assert_eq!(
        Some(accepted),
        landing["landed"]
            .as_u64()
            .zip(landing["duplicates"].as_u64())
            .map(|(a, b)| a + b)
    );
    // A rejected line is kept whole.
    let all: Vec<&[u8]> = events.split(|byte| *byte == b'\n').collect();
    assert!(
        rejected
            .iter()
            .all(|rejected| rejected.raw == all[rejected.line as usize - 1])
    );
}

#[rstest]
fn reads_all_settings(
    #[files("../server/tests/conformance/*")]
    #[dirs]
    case: PathBuf,
) {
    for line in read_to_string(case.join("accounts.ndjson"))
        .unwrap()
        .lines()
    {
        let settings = Settings::from_json_line(line).unwrap();
        assert_eq!(Settings::from_json_line(&settings.to_json()), Ok(settings));
    }
}
