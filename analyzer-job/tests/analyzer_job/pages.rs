//! The pages of the documentation against the source.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Path and text of every Rust file below the folders.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// Whether a test of this name, such as `faults::a_link_to_nowhere_is_named`, stands in a file below folders of the names
/// before it, or the name is that of a module of tests.
fn is_test(name: &str, sources: &[(String, String)]) -> bool {
    let mut modules: Vec<&str> = name.split("::").collect();
    let last = modules.pop().unwrap();
    // A module `tests` may stand in the file of what it tests.
    modules.retain(|module| *module != "tests");
    sources.iter().any(|(path, text)| {
        let declares = |line: &str| {
            let named = |kind: &str, end: &str| line.trim() == format!("{kind}{last}{end}");
            named("fn ", "() {") || named("mod ", ";") || named("pub mod ", ";") || named("mod ", " {")
        };
        modules.iter().all(|module| path.contains(module)) && text.lines().any(declares)
    })
}

/// Each line of a table in docs/reliability.md ends with its tests: functions or modules, checks of the images, and files.
#[test]
fn the_tests_that_the_page_on_reliability_names_are_there() {
    let page = include_str!("../../../docs/reliability.md");
    let sources =
        sources(&["analyzer-job/src", "analyzer-job/tests", "common/src", "merge-job/src", "tests", "fuzz"]);
    let images = fs::read_to_string(root().join("tests/images.sh")).unwrap();
    let mut named = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |")) {
        let tests = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split('`').skip(1).step_by(2) {
            let is_there =
                if test.contains('/') { root().join(test).exists() } else { is_test(test, &sources) };
            assert!(is_there, "docs/reliability.md names `{test}`, which is not there");
            named += 1;
        }
        for check in tests.split("images: \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let check = check.trim_end_matches("...");
            assert!(images.contains(&format!(": {check}")), "tests/images.sh has no check \"{check}\"");
            named += 1;
        }
    }
    assert!(named > 50, "{named}");
}

#[test]
fn the_page_on_reliability_names_every_fuzz_target() {
    let page = include_str!("../../../docs/reliability.md");
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("`fuzz/fuzz_targets/{file}`")), "{file}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{file}\"")), "{file}");
    }
}

#[test]
fn a_test_is_found_by_name_and_module_only() {
    let sources =
        [("src/read/faults.rs".to_string(), "#[test]\nfn it_holds() {\nfn other(x: u8) {".to_string())];
    for (name, is_there) in [
        ("it_holds", true),
        ("faults::it_holds", true),
        ("read::faults::it_holds", true),
        ("faults::tests::it_holds", true),
        ("results::it_holds", false),
        ("faults::it", false),
        ("faults::other", false),
    ] {
        assert_eq!(is_test(name, &sources), is_there, "{name}");
    }
}
