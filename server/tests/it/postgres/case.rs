//! The queries, from files.
//!
//! A query ends with a semicolon at the end of a line, and stands under a comment that is its name, by which its answer is
//! recorded. More comments may follow the name: `-- set: name = value` for a setting that it runs with; `-- text: reason`
//! where it cannot be sent in binary; and, where the answer is known to be another one than PostgreSQL's,
//! `-- differs: reason`, or `-- digits: reason` if its numbers are the same but for their last digits.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Whether an answer may be another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It may not.
    Same,
    /// It is another one.
    Different,
    /// Its numbers are, by digits that do not matter.
    OtherDigits,
}

/// A query.
#[derive(Debug, Clone)]
pub struct Case {
    pub line: usize,
    pub name: String,
    pub sql: String,
    pub settings: Vec<String>,
    pub binary: bool,
    pub expected: Expected,
}

impl Case {
    /// Whether the order of its rows is part of the answer: it says ORDER BY outside of parentheses and quotes.
    pub fn is_ordered(&self) -> bool {
        let (mut depth, mut quote, mut outside) = (0, None, String::new());
        for c in self.sql.chars() {
            match (c, quote) {
                (c, Some(open)) if c == open => quote = None,
                (_, Some(_)) => {}
                ('\'' | '"', None) => quote = Some(c),
                ('(', None) => depth += 1,
                (')', None) => depth -= 1,
                (c, None) if depth == 0 => outside.push(c.to_ascii_lowercase()),
                _ => {}
            }
        }
        outside.contains("order by")
    }
}

/// The cases of all files of a folder, by the file's name without its ending.
pub fn cases(folder: &Path) -> BTreeMap<String, Vec<Case>> {
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths
        .map(|path| {
            let file = path.file_stem().unwrap().to_string_lossy().into_owned();
            let cases = parse(&file, &std::fs::read_to_string(path).unwrap());
            (file, cases)
        })
        .collect()
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut current: Option<Case> = None;
    for (at, line) in text.lines().enumerate() {
        let begun = current.as_ref().is_some_and(|case| !case.sql.is_empty());
        match line.strip_prefix("-- ") {
            Some(comment) if !begun => match (&mut current, comment.split_once(": ")) {
                (Some(case), Some((word @ ("set" | "text" | "differs" | "digits"), rest))) => {
                    assert!(!rest.is_empty(), "{file}:{}: no reason", at + 1);
                    match word {
                        "set" => case.settings.push(rest.to_owned()),
                        "text" => case.binary = false,
                        "differs" => case.expected = Expected::Different,
                        _ => case.expected = Expected::OtherDigits,
                    }
                }
                (None, _) => {
                    current = Some(Case {
                        line: at + 1,
                        name: comment.to_owned(),
                        sql: String::new(),
                        settings: Vec::new(),
                        binary: true,
                        expected: Expected::Same,
                    });
                }
                // A reason may go on in another line.
                (Some(_), _) => {}
            },
            // What a file begins with is about all of it.
            _ if line.trim().is_empty() && !begun => current = None,
            _ => {
                let case = current
                    .as_mut()
                    .unwrap_or_else(|| panic!("{file}:{}: a query without a name", at + 1));
                case.sql.push_str(line);
                case.sql.push('\n');
                if line.trim_end().ends_with(';') {
                    let mut case = current.take().unwrap();
                    case.sql = case.sql.trim_end().trim_end_matches(';').to_owned();
                    cases.push(case);
                }
            }
        }
    }
    assert!(current.is_none(), "{file}: the last query has no end");
    let mut names = HashSet::new();
    let twice = cases.iter().find(|case| !names.insert(&case.name));
    assert_eq!(
        twice.map(|case| &case.name),
        None,
        "{file}: a name is there twice"
    );
    cases
}
