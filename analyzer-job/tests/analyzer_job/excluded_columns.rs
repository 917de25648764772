//! Columns that `exclude_features_attribute` names leave both sides, whichever of them has them: what is left of data without names
//! is held against the columns that are left of the baseline.

use serde_json::{Value, json};

use crate::program::{OUTPUT, Tree};

const CSV: &str = r#"{"csv":{"header":false}}"#;
const ROWS: usize = 60;

/// Rows of a label, an age and a plan; `break_age` puts text where ages stand.
fn row(n: usize, break_age: bool) -> [String; 3] {
    let age = if break_age { "wrong".to_string() } else { (20 + n % 40).to_string() };
    [(n % 2).to_string(), age, ["a", "b", "c"][n % 3].to_string()]
}

/// The baseline of all three columns, whose names stand in its header row.
fn baseline() -> Tree {
    let rows: String = (0..ROWS).map(|n| row(n, false).join(",") + "\n").collect();
    let tree =
        Tree::of_quality(r#"{"csv":{"header":true}}"#, [("a.csv".into(), format!("y,age,plan\n{rows}"))]);
    tree.succeed(&[]);
    tree
}

/// CSV of the columns at these places, without a header row.
fn csv(places: &[usize], break_age: bool) -> Vec<(String, String)> {
    let line = |n: usize| {
        let row = row(n, break_age);
        places.iter().map(|&at| row[at].as_str()).collect::<Vec<_>>().join(",") + "\n"
    };
    let half = |from: usize| (from..ROWS).step_by(2).map(line).collect::<String>();
    vec![("1.csv".into(), half(0)), ("2.csv".into(), half(1))]
}

/// Captured records: the label is the answer.
fn captures(break_age: bool) -> Vec<(String, String)> {
    let line = |n: usize| {
        let [y, age, plan] = row(n, break_age);
        let part = |mode: &str, data: String| json!({"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": "CSV"});
        json!({
            "captureData": {
                "endpointInput": part("INPUT", format!("{age},{plan}")), "endpointOutput": part("OUTPUT", y),
            },
            "eventMetadata": {"eventId": format!("e{n}"), "inferenceTime": "2026-01-01T00:00:00Z"},
            "eventVersion": "0",
        })
        .to_string()
            + "\n"
    };
    vec![("1.jsonl".into(), (0..ROWS).map(line).collect())]
}

/// The checks that a run tells of, by column.
fn violated(tree: &Tree) -> Vec<String> {
    let found = tree.result("constraint_violations.json");
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_string();
    let entries = found["violations"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| format!("{} {}", text(entry, "feature_name"), text(entry, "constraint_check_type")))
        .collect()
}

/// Whatever the rows come from and whatever the baseline is: rows of the baseline are clean, and text among the ages is told.
#[test]
fn data_without_the_excluded_columns_go_by_the_columns_that_are_left() {
    const INPUT: &str = r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput"]}}"#;
    const BOTH: &str = r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#;
    let base = baseline();
    type Make = fn(bool) -> Vec<(String, String)>;
    let cases: [(&str, &str, Make, &[&str]); 9] = [
        ("by name", CSV, |wrong| csv(&[1, 2], wrong), &["--exclude-features-attribute=y"]),
        ("by position", CSV, |wrong| csv(&[1, 2], wrong), &["--exclude-features-attribute=0"]),
        ("the last column", CSV, |wrong| csv(&[0, 1], wrong), &["--exclude-features-attribute=plan"]),
        ("two columns", CSV, |wrong| csv(&[1], wrong), &["--exclude-features-attribute=plan, y"]),
        ("all columns there", CSV, |wrong| csv(&[0, 1, 2], wrong), &["--exclude-features-attribute=y"]),
        ("two of all there", CSV, |wrong| csv(&[0, 1, 2], wrong), &["--exclude-features-attribute=y,2"]),
        ("requests only", INPUT, captures, &["--exclude-features-attribute=y"]),
        (
            "requests of both taken",
            BOTH,
            captures,
            &["--exclude-features-attribute=y", r#"--columns=[{"take": ["input"]}]"#],
        ),
        ("both payloads", BOTH, captures, &["--exclude-features-attribute=y"]),
    ];
    for (what, format, make, more) in cases {
        for by_profile in [false, true] {
            for break_age in [false, true] {
                let mut tree = Tree::of_quality(format, make(break_age));
                if by_profile {
                    const NAME: &str = "data_quality_profile.json.gz";
                    tree.file(&format!("processing/baseline/{NAME}"), &base.results()[NAME]);
                    tree.set("baseline_profile", "/opt/ml/processing/baseline");
                } else {
                    tree = tree.against(&base);
                }
                let run = tree.succeed(more);
                let expected: &[&str] = if break_age { &["age data_type_check"] } else { &[] };
                assert_eq!(violated(&tree), expected, "{what} {by_profile} {}", run.log);
                let features = tree.result("statistics.json")["features"].clone();
                assert!(features.as_array().unwrap().iter().any(|one| one["name"] == "age"), "{what}");
                let dry = tree.succeed(&[&["validate"], more].concat());
                assert!(dry.stdout.contains("  age: "), "{what} {}", dry.stdout);
            }
        }
    }
}

#[test]
fn parts_without_the_excluded_columns_are_combined_alike() {
    let base = baseline();
    let exclude = "--exclude-features-attribute=y";
    let whole = Tree::of_quality(CSV, csv(&[1, 2], true)).against(&base);
    whole.succeed(&[exclude]);
    let parts = Tree::of_quality(CSV, csv(&[1, 2], true)).against(&base);
    for part in ["1", "2"] {
        let list = parts.path(part).display().to_string();
        parts.file(part, format!("{part}.csv\n"));
        let out = parts.path(&format!("states/{part}.state")).display().to_string();
        parts.succeed(&["fold", "--files", &list, "--out", &out, "--parts=1,2", exclude]);
    }
    parts.succeed(&["combine", &parts.path("states").display().to_string(), exclude]);
    assert_eq!(violated(&parts), ["age data_type_check"]);
    assert_eq!(violated(&parts), violated(&whole));
    assert_eq!(parts.result("constraints.json"), whole.result("constraints.json"));
}

/// Where the number of columns is neither that of the baseline nor that of what is left of it, nothing but this number is
/// checked, and not even that where the checks are off: it must not look as if all had been.
#[test]
fn another_number_of_columns_is_told_whatever_is_switched_on() {
    let base = baseline();
    let off = r#"--data-quality-monitoring-config={"evaluate_constraints": "Disabled"}"#;
    for (places, exclude, expected) in [
        (&[1][..], "", "missing_column_check"),
        (&[0, 1, 2, 1], "", "extra_column_check"),
        (&[1], "--exclude-features-attribute=y", "missing_column_check"),
        (&[0, 1, 2, 1], "--exclude-features-attribute=y", "extra_column_check"),
        // A column is left out by its position in the data, and one that only the baseline has: the numbers are equal.
        (&[0, 1, 2, 1], "--exclude-features-attribute=3,0,y", ""),
    ] {
        for more in [&[][..], &[off]] {
            let tree = Tree::of_quality(CSV, csv(places, true)).against(&base);
            let excluded = Some(exclude).filter(|text| !text.is_empty());
            let arguments: Vec<&str> = more.iter().copied().chain(excluded).collect();
            let run = tree.succeed(&arguments);
            let violated = violated(&tree);
            let is_told = violated.iter().any(|entry| !expected.is_empty() && entry.ends_with(expected));
            assert_eq!(
                is_told,
                more.is_empty() && !expected.is_empty(),
                "{places:?} {exclude}: {violated:?}"
            );
            let what = if more.is_empty() { "only their number is checked" } else { "nothing is checked" };
            let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
            let dry = tree.succeed(&[&["validate"], &arguments[..]].concat());
            for text in [&run.log, &page, &dry.stdout] {
                assert!(text.contains(what), "{places:?} {exclude}: {text}");
            }
            std::fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        }
    }
    // Columns with names need no number.
    let named = [("a.csv".to_string(), "age\n20\n30\n".to_string())];
    let tree = Tree::of_quality(r#"{"csv":{"header":true}}"#, named).against(&base);
    let run = tree.succeed(&[off]);
    assert!(!run.log.contains("no position tells which is which"), "{}", run.log);
}
