//! Nulls where other rows have an object or a list: they are missing values of its columns, and no column of their own.

use serde_json::{Value, json};

use crate::program::Tree;

const FORMATS: [(&str, &str); 3] = [
    ("jsonl", r#"{"json":{"lines":true}}"#),
    ("json", r#"{"json":{}}"#),
    ("captures", r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput"]}}"#),
];

const WHOLE: &str = r#"{"a":1,"cust":{"x":1,"deep":{"y":2}},"l":[1,2]}"#;
const NULLS: &str = r#"{"a":2,"cust":null,"l":null}"#;
const DEEP: &str = r#"{"a":2,"cust":{"x":1,"deep":null},"l":[null,2]}"#;
const EMPTY: &str = r#"{"a":3,"cust":{},"l":[]}"#;
const ABSENT: &str = r#"{"a":4}"#;

/// The names of every table that has a whole row.
const NAMES: [&str; 5] = ["a", "cust.deep.y", "cust.x", "l_0", "l_1"];

fn file(format: &str, rows: &[&str]) -> String {
    match format {
        "json" => format!("[{}]", rows.join(",\n")),
        "jsonl" => rows.join("\n"),
        _ => {
            let record = |(at, row): (usize, &&str)| {
                let input =
                    json!({"data": row, "encoding": "JSON", "observedContentType": "application/json"});
                let metadata = json!({"eventId": at.to_string(), "inferenceTime": "2024-05-01T00:00:00Z"});
                json!({"captureData": {"endpointInput": input}, "eventMetadata": metadata, "eventVersion": "0"})
                    .to_string()
            };
            rows.iter().enumerate().map(record).collect::<Vec<_>>().join("\n")
        }
    }
}

fn tree(format: (&str, &str), files: &[&[&str]]) -> Tree {
    let file = |(number, rows): (usize, &&[&str])| (format!("{number}.jsonl"), file(format.0, rows));
    Tree::of_quality(format.1, files.iter().enumerate().map(file))
}

fn names(tree: &Tree) -> Vec<String> {
    let statistics = tree.result("statistics.json");
    let features = statistics["features"].as_array().unwrap();
    let mut names: Vec<String> = features.iter().map(|f| f["name"].as_str().unwrap().to_string()).collect();
    names.sort();
    names
}

/// Whether a column is said to be too many or missing.
fn is_counted(tree: &Tree) -> bool {
    let violations = tree.result("constraint_violations.json");
    let is_count =
        |entry: &Value| entry["constraint_check_type"].as_str().unwrap().ends_with("_column_check");
    violations["violations"].as_array().unwrap().iter().any(is_count)
}

#[test]
fn a_null_where_other_rows_have_an_object_or_a_list_is_no_column_and_no_alarm() {
    let tables: [&[&str]; 6] = [
        &[WHOLE, WHOLE],
        &[NULLS, WHOLE, WHOLE],
        &[WHOLE, WHOLE, NULLS],
        &[DEEP, NULLS, EMPTY, WHOLE],
        &[EMPTY, WHOLE, DEEP],
        &[ABSENT, NULLS, WHOLE, ABSENT],
    ];
    for format in FORMATS {
        let baselines: Vec<Tree> = tables
            .iter()
            .map(|rows| {
                let tree = tree(format, &[rows]);
                tree.succeed(&[]);
                assert_eq!(names(&tree), NAMES, "{format:?} {rows:?}");
                tree
            })
            .collect();
        for (at, rows) in tables.iter().enumerate() {
            // Each window against two baselines, so that each meets one that has nulls and one that has none.
            for baseline in [&baselines[0], &baselines[(at + 3) % tables.len()]] {
                let window = tree(format, &[rows]).against(baseline);
                window.succeed(&[]);
                assert!(!is_counted(&window), "{format:?} {rows:?}");
            }
        }
        // A window that has nulls only lacks the columns, and has no other.
        let nulls = tree(format, &[&[NULLS, ABSENT]]).against(&baselines[1]);
        nulls.succeed(&[]);
        assert_eq!(names(&nulls), ["a"], "{format:?}");
        assert!(is_counted(&nulls));
        // A key that is null everywhere is a column: nobody knows that it stands for others.
        let alone = tree(format, &[&[NULLS, NULLS]]);
        alone.succeed(&[]);
        assert_eq!(names(&alone), ["a", "cust", "l"], "{format:?}");
        let same = tree(format, &[&[NULLS]]).against(&alone);
        same.succeed(&[]);
        assert!(!is_counted(&same) && names(&same) == ["a", "cust", "l"], "{format:?}");
    }
    // Keys of one level that look alike are columns.
    let flat = tree(FORMATS[0], &[&[r#"{"a":1,"l":null,"l_0":1,"l.x":2}"#]]);
    flat.succeed(&[]);
    assert_eq!(names(&flat), ["a", "l", "l.x", "l_0"]);
}

/// One host saw nulls only.
#[test]
fn parts_of_nulls_and_parts_of_objects_are_one_table() {
    for format in FORMATS {
        let baseline = tree(format, &[&[WHOLE, NULLS, WHOLE]]);
        baseline.succeed(&[]);
        for files in [[&[NULLS, NULLS][..], &[WHOLE, DEEP]], [&[WHOLE, DEEP], &[NULLS, EMPTY]]] {
            let whole = tree(format, &files).against(&baseline);
            whole.succeed(&[]);
            let parts = tree(format, &files).against(&baseline);
            let mut arguments = vec!["combine".to_string()];
            for number in 0..2 {
                parts.file("list", format!("{number}.jsonl"));
                let list = format!("--files={}", parts.path("list").display());
                let out = parts.path(&format!("states/{number}.state")).display().to_string();
                parts.succeed(&["fold", "--out", &out, &list]);
                arguments.push(out);
            }
            parts.succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
            for name in ["statistics.json", "constraints.json", "constraint_violations.json"] {
                assert_eq!(parts.result(name), whole.result(name), "{format:?} {files:?} {name}");
            }
            assert_eq!(names(&whole), NAMES);
            assert!(!is_counted(&whole), "{format:?} {files:?}");
        }
    }
}
