//! Files of one dataset with different columns: one table, the same verdict whatever their names and parts.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};

use crate::parquet_file;
use crate::program::{Run, Tree};

const FORMATS: [(&str, &str); 4] = [
    ("csv", r#"{"csv":{"header":true}}"#),
    ("jsonl", r#"{"json":{"lines":true}}"#),
    ("json", r#"{"json":{}}"#),
    ("parquet", r#"{"parquet":{}}"#),
];

/// Forty rows of these columns.
fn file(format: &str, names: &[&str]) -> Vec<u8> {
    let value = |name: &str, row: usize| (row * 7 % 11) as f64 + name.len() as f64 / 2.0;
    if format == "parquet" {
        let columns = names.iter().map(|name| {
            let column: ArrayRef =
                Arc::new(Float64Array::from_iter_values((0..40).map(|row| value(name, row))));
            (*name, column)
        });
        return parquet_file::file(columns);
    }
    let row = |row: usize| {
        let cells = names.iter().map(|name| (name, value(name, row)));
        match format {
            "csv" => cells.map(|(_, value)| format!("{value:?}")).collect::<Vec<_>>().join(","),
            _ => {
                let fields: Vec<String> =
                    cells.map(|(name, value)| format!("\"{name}\":{value:?}")).collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    };
    let rows: Vec<String> = (0..40).map(row).collect();
    let text = match format {
        "csv" => format!("{}\n{}\n", names.join(","), rows.join("\n")),
        "json" => format!("[{}]", rows.join(",")),
        _ => rows.join("\n"),
    };
    text.into_bytes()
}

fn tree(format: (&str, &str), files: &[&[&str]]) -> Tree {
    let file = |(number, names): (usize, &&[&str])| (format!("{number}.{}", format.0), file(format.0, names));
    Tree::of_quality(format.1, files.iter().enumerate().map(file))
}

fn checks(tree: &Tree) -> Vec<String> {
    let violations = tree.result("constraint_violations.json");
    let entries = violations["violations"].as_array().unwrap().clone();
    let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap().to_string();
    entries
        .iter()
        .map(|entry| format!("{} {}", text(entry, "feature_name"), text(entry, "constraint_check_type")))
        .collect()
}

/// Folds each file by itself and combines.
fn in_parts(tree: &Tree, format: &str, n: usize) -> Run {
    let mut arguments = vec!["combine".to_string()];
    for number in 0..n {
        let list = tree.path("list").display().to_string();
        tree.file("list", format!("{number}.{format}"));
        let out = tree.path(&format!("states/{number}.state")).display().to_string();
        tree.succeed(&["fold", "--out", &out, &format!("--files={list}")]);
        arguments.push(out);
    }
    tree.succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_column_that_only_some_files_have_is_checked_whatever_the_names_of_the_files() {
    for format in FORMATS {
        let [plain, whole] = [&["a", "b"][..], &["a", "b", "fraud"]].map(|names| {
            let tree = tree(format, &[names, names]);
            tree.succeed(&[]);
            tree
        });
        for files in [[&["a", "b"][..], &["b", "fraud", "a"]], [&["b", "fraud", "a"], &["a", "b"]]] {
            let lacks = files.iter().position(|names| names.len() == 2).unwrap();
            let told = format!(
                "files have different columns: `fraud` is in {}.{format}, and not in {lacks}.{format}, where its values are \
                 missing",
                1 - lacks,
                format = format.0
            );
            for (baseline, expected) in
                [(&plain, "Extra columns extra_column_check"), (&whole, "fraud completeness_check")]
            {
                let tree = tree(format, &files).against(baseline);
                let case = format!("{format:?} {files:?} {expected}");
                let run = tree.succeed(&[]);
                assert_eq!(checks(&tree), [expected], "{case}");
                let is_json = format.0.starts_with("json");
                let page = tree.results()["report.html"].clone();
                let page = String::from_utf8(page).unwrap();
                assert!(
                    is_json || (run.log.contains(&told) && page.contains("files have different columns")),
                    "{case}: {}",
                    run.log
                );
                let dry = tree.succeed(&["validate"]);
                assert!(is_json || dry.stdout.contains(&told), "{case}: {}", dry.stdout);
                let run = in_parts(&tree, format.0, 2);
                assert_eq!(checks(&tree), [expected], "{case}, in parts");
                assert!(is_json || run.log.contains(&told), "{case}, in parts: {}", run.log);
            }
            // As a baseline the table has them all.
            let baseline = tree(format, &files);
            baseline.succeed(&[]);
            let features = baseline.result("constraints.json")["features"].clone();
            let fraud =
                features.as_array().unwrap().iter().find(|feature| feature["name"] == "fraud").unwrap();
            assert_eq!(fraud["completeness"], 0.5, "{format:?} {files:?}");
        }
    }
}

/// Bias needs its roles in every file, and all columns where rows are kept: the flip test takes each as a feature.
#[test]
fn bias_refuses_files_of_parquet_that_lack_what_it_needs_and_names_them() {
    let role = |facet: &str| serde_json::json!({"name_or_index": facet, "value_or_threshold": [4.5]});
    let of = |methods: &[&str], files: &[&[&str]]| {
        let tree = Tree::new();
        tree.config(&serde_json::json!({
            "dataset_type": "application/x-parquet", "label": "y", "label_values_or_threshold": [3.5],
            "predicted_label": "p", "facet": [role("a")],
            "methods": {"post_training_bias": {"methods": methods}},
        }));
        for (number, names) in files.iter().enumerate() {
            tree.file(&format!("processing/input/data/{number}.parquet"), file("parquet", names));
        }
        tree
    };
    let [some, more, less] = [&["a", "y", "p"][..], &["p", "x", "a", "y"], &["a", "p"]];
    for files in [[some, more], [more, some]] {
        of(&["DI"], &files).succeed(&[]);
        let run = of(&["FT"], &files).fail(&[], 3, "PL0301");
        assert!(run.message.contains("1.parquet, `x`"), "{}", run.message);
    }
    for (files, name) in [([some, less], "1.parquet"), ([less, some], "0.parquet")] {
        let tree = of(&["DI"], &files);
        for arguments in [&[][..], &["validate"]] {
            let run = tree.run(arguments);
            let told = format!("{}{}{}", run.message, run.log, run.stdout);
            assert!(run.code != Some(0) && told.contains(name), "{arguments:?}: {told}");
        }
    }
}
