//! Constants and equations of the estimator are those of docs/estimator.md, and each constant can be measured by
//! benches/constants.sh.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files whose constants are the estimator's own.
const FILES: [&str; 8] =
    ["choice", "design", "designs", "gaussian", "least_squares", "process", "shared_gaussian", "solver"];

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The constants at the top of the files, with the file.
fn constants() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in FILES.map(|name| format!("{name}.rs")) {
        for line in text(&format!("src/shap/{file}")).lines() {
            let declared = line.strip_prefix("pub(super) ").unwrap_or(line).strip_prefix("const ");
            if let Some((name, _)) = declared.and_then(|rest| rest.split_once(": ")) {
                found.insert(name.to_string(), file.clone());
            }
        }
    }
    found
}

#[test]
fn every_constant_stands_on_the_page_and_in_the_script() {
    let constants = constants();
    assert!(constants.len() > 15, "{constants:?}");
    let page = text("../docs/estimator.md");
    let rows =
        page.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).unwrap());
    let told: BTreeSet<&str> = rows.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    let names: BTreeSet<&str> = constants.keys().map(String::as_str).collect();
    assert_eq!(told, names, "the table of docs/estimator.md and the sources");

    let script = text("benches/constants.sh");
    let list = script.split("<<'LIST'\n").nth(1).and_then(|rest| rest.split("\nLIST").next()).unwrap();
    let place = |line: &str| {
        let (name, file) = line.split('|').next()?.split_once(' ')?;
        Some((name.to_string(), file.to_string()))
    };
    let measured: BTreeMap<String, String> = list.lines().filter_map(place).collect();
    assert_eq!(measured, constants, "benches/constants.sh and the sources");
}

#[test]
fn cited_equations_are_on_the_page() {
    let page = text("../docs/estimator.md");
    let numbered = |line: &str| {
        let (_, number) = line.strip_prefix("    ")?.trim_end().rsplit_once("  (")?;
        number.strip_suffix(')')?.parse::<u32>().ok()
    };
    let equations: Vec<u32> = page.lines().filter_map(numbered).collect();
    assert_eq!(equations, (1..=17).collect::<Vec<_>>(), "numbered in their order");
    for file in ["choice", "coalitions", "covariance", "gaussian", "least_squares", "process", "solver"] {
        let source = text(&format!("src/shap/{file}.rs"));
        assert!(source.contains("docs/estimator.md"), "{file}.rs cites no equation");
        for line in source.lines().filter(|line| line.contains("quation") && line.contains("//")) {
            let numbers =
                line.split('(').skip(1).filter_map(|rest| rest.split(')').next()?.parse::<u32>().ok());
            for number in numbers {
                assert!(equations.contains(&number), "{file}.rs: {line}");
            }
        }
    }
}
