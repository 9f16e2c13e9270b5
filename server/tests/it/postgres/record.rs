//! PostgreSQL's answers as they are recorded: a snapshot of `tests/postgres/answers` for each file of queries.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::answer::Answer;
use super::case::Case;
use super::folder;

/// What makes the record anew.
pub const ANEW: &str = "INSTA_UPDATE=always cargo nextest run --workspace --run-ignored only \
                        -E 'test(=postgres::recorded_answers_are_those_of_a_real_postgresql)' \
                        on a machine with a PostgreSQL 15 records them anew";

pub fn answers() -> PathBuf {
    folder("postgres").join("answers")
}

/// What is recorded under a name: a snapshot without its head.
pub fn recorded(name: &str) -> String {
    let path = answers().join(format!("{name}.snap"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; {ANEW}", path.display()));
    let (_, contents) = text[3..].split_once("\n---\n").unwrap();
    contents.to_owned()
}

/// Compares with what is recorded under a name, or records it.
pub fn assert_recorded(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => answers(),
        prepend_module_to_snapshot => false,
        omit_expression => true,
        description => "PostgreSQL 15 answers so",
    }, {
        insta::assert_snapshot!(name, text);
    });
}

/// The answers to the cases of a file, by the names of the cases.
pub fn read(text: &str) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("-- ") {
            let answer = Answer::read(&mut lines);
            let answer = answer.unwrap_or_else(|| panic!("the answer to {name:?} has no end"));
            answers.insert(name.to_owned(), answer);
        } else {
            assert_eq!(line, "", "between two answers");
        }
    }
    answers
}

/// The same, written.
pub fn written(answers: &[(Case, Answer)]) -> String {
    let mut text = String::new();
    for (case, answer) in answers {
        write!(text, "-- {}\n{answer}\n", case.name).unwrap();
    }
    text
}
