//! The picture of the crates in `docs/architecture.md` is what Cargo knows of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

type Uses = BTreeSet<(String, String)>;

/// Which crate of the workspace uses which other, not for its tests alone.
fn known_to_cargo(folder: &Path) -> Uses {
    let told = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&told.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut uses = Uses::new();
    for package in metadata["packages"].as_array().unwrap() {
        for used in package["dependencies"].as_array().unwrap() {
            if used.get("path").is_some() && used["kind"] != "dev" {
                uses.insert((text(&package["name"]), text(&used["name"])));
            }
        }
    }
    uses
}

/// The arrows of the first picture: `a & b --> c & d` is four.
fn pictured(page: &str) -> Uses {
    let (_, picture) = page.split_once("```mermaid\nflowchart TD\n").unwrap();
    let (picture, _) = picture.split_once("```").unwrap();
    let mut arrows = Uses::new();
    for line in picture.lines() {
        let (users, used) = line.split_once("-->").unwrap();
        for user in users.split('&') {
            for used in used.split('&') {
                arrows.insert((user.trim().to_owned(), used.trim().to_owned()));
            }
        }
    }
    arrows
}

#[test]
fn the_picture_of_the_crates_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    assert_eq!(
        pictured(&page),
        known_to_cargo(&root),
        "the picture of docs/architecture.md, and the crates as they are: the command under it tells them"
    );
}
