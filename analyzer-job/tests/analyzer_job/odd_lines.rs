//! Captures for which no `dataset_format` is given: what most lines are tells, and no odd line or odd file.

use std::fs;

use serde_json::json;

use crate::parts::{clear, folded, path, refused};
use crate::program::Tree;

/// The folder of the data, and its files.
const FOLDER: &str = "processing/input/captures";

/// A captured record with its label.
fn record(number: usize) -> String {
    json!({
        "captureData": {
            "endpointInput": {"data": format!("{},{}", number % 2, number % 7), "encoding": "CSV"},
            "endpointOutput": {"data": format!("{},0.{}", number / 2 % 2, number % 9 + 1), "encoding": "CSV"},
        },
        "groundTruthData": {"data": (number / 3 % 2).to_string(), "encoding": "CSV"},
        "eventMetadata": {"eventId": format!("e{number}")}, "eventVersion": "0",
    })
    .to_string()
}

fn records() -> Vec<String> {
    (0..60).map(record).collect()
}

/// Lines that are no captured records.
const ODD: [&str; 4] = ["{}", "5", "hello, world", "{\"captureData\": {\"x"];

const FORMAT: &str = r#"--dataset-format={"sagemakerCaptureJson":{}}"#;

const QUALITY: &[&str] = &["--analysis-type=DATA_QUALITY"];
const MODEL: &[&str] = &["--analysis-type=MODEL_QUALITY"];
const THREE: &[&str] = &["--analysis-type=MODEL_BIAS,DATA_QUALITY,MODEL_QUALITY"];

/// `files`: of the data, by their names.
fn tree(files: &[(&str, Vec<String>)]) -> Tree {
    let mut tree = Tree::new();
    for (name, lines) in files {
        tree.file(&format!("{FOLDER}/{name}.jsonl"), lines.join("\n"));
    }
    tree.config(&json!({
        "dataset_type": "application/sagemakercapturejson", "headers": ["sex", "n", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI", "AD"]}},
    }));
    for (name, value) in [
        ("problem_type", "BinaryClassification"),
        ("inference_attribute", "0"),
        ("probability_attribute", "1"),
        ("ground_truth_attribute", "0"),
        ("dataset_source", "/opt/ml/processing/input/captures"),
    ] {
        tree.set(name, value);
    }
    tree
}

/// Statistics, constraints and metrics, without what is told of the settings.
fn measured(tree: &Tree) -> Vec<(String, Vec<u8>)> {
    let names = ["statistics.json", "constraints.json", "analysis.json"];
    let results = tree.results().into_iter();
    let found: Vec<_> = results.filter(|(name, _)| names.iter().any(|own| name.ends_with(own))).collect();
    assert!(!found.is_empty());
    found
}

/// As with `dataset_format`: the odd line is one bad record, which is named.
#[test]
fn an_odd_line_before_captures_is_one_bad_record_of_every_quality_monitor() {
    for odd in ODD {
        let first = [&[odd.to_string()], records().as_slice()].concat();
        let files = [
            tree(&[("a", first.clone())]),
            tree(&[("a", vec![odd.into()]), ("b", records())]),
            tree(&[("a", records()), ("b", first)]),
        ];
        for (at, tree) in files.iter().enumerate() {
            // Several monitors know what the files are as each of them does.
            for kind in [QUALITY, MODEL, THREE].into_iter().take(if at == 0 { 3 } else { 2 }) {
                tree.succeed(&[kind, &[FORMAT]].concat());
                let expected = measured(tree);
                clear(tree);
                let run = tree.succeed(kind);
                assert!(measured(tree) == expected, "{odd} {kind:?}");
                let place = ["a.jsonl, line 1", "a.jsonl, line 1", "b.jsonl, line 1"][at];
                assert!(run.log.contains(place), "{odd} {kind:?} {}", run.log);
                clear(tree);
                tree.succeed(&[&["validate"], kind].concat());
            }
        }
    }
}

/// A part of odd lines alone looks like something else: its state tells, and a setting helps.
#[test]
fn a_part_of_odd_lines_is_not_folded_as_something_else_without_a_word() {
    for (kind, lines) in [(QUALITY, &["{}", "5", "hello, world"][..]), (MODEL, &["{}"])] {
        for &odd in lines {
            let tree = tree(&[("a", vec![odd.into()]), ("b", records())]);
            tree.succeed(&[kind, &[FORMAT]].concat());
            let expected = measured(&tree);
            for settings in [kind.to_vec(), [kind, &[FORMAT]].concat()] {
                clear(&tree);
                for part in ["a", "b"] {
                    folded(&tree, &format!("states/{part}.state"), &format!("{part}.jsonl"), &settings);
                }
                let states = path(&tree, "states");
                let run = tree.run(&[&["combine", &states], settings.as_slice()].concat());
                if settings.contains(&FORMAT) {
                    assert_eq!(run.code, Some(0), "{}", run.message);
                    assert!(measured(&tree) == expected, "{odd} {kind:?}");
                } else {
                    let says = ["PL0909", ".state", "captured records", "`dataset_format`"];
                    refused(&tree, &run, 3, &says);
                }
                fs::remove_dir_all(tree.path("states")).unwrap();
            }
        }
    }
}
