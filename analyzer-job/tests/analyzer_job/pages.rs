//! The pages of the documentation against the source.

use std::fs;
use std::path::{Path, PathBuf};

/// The text of every Rust file below the folders.
fn sources(folders: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut text = String::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

/// Each line of a table in docs/reliability.md ends with its tests.
#[test]
fn the_tests_that_the_page_on_reliability_names_are_there() {
    let page = include_str!("../../../docs/reliability.md");
    let source = sources(&["analyzer-job/src", "analyzer-job/tests", "common/src", "merge-job/src", "tests"]);
    let mut named = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |")) {
        let tests = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split('`').skip(1).step_by(2).filter(|test| !test.contains('/')) {
            let name = test.rsplit("::").next().unwrap();
            let is_there = ["fn ", "mod "].iter().any(|kind| {
                source.contains(&format!("{kind}{name}(")) || source.contains(&format!("{kind}{name};"))
            });
            assert!(is_there, "docs/reliability.md names `{test}`, which is not there");
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}
