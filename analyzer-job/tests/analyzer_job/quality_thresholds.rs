//! Thresholds of model quality that a person chose.

use serde_json::{Value, json};

use crate::program::Tree;
use crate::quality_classes::{OF_CLASSES, of_classes};

const DATA: &str = "--dataset-source=/opt/ml/processing/input/data";
const AGAINST: &str = "--baseline-constraints=/opt/ml/baseline/constraints.json";

/// A baseline of 300 rows, of which 0.933 are right, and its constraints after `edit`.
fn edited(more: &[&str], edit: impl Fn(&mut Value)) -> Tree {
    let tree = Tree::new();
    of_classes(&tree, "data", ["0", "1"], 300);
    let made = tree.run(&[&OF_CLASSES, [DATA, "--output-path=/opt/ml/baseline"].as_slice(), more].concat());
    assert_eq!(made.code, Some(0), "{}", made.log);
    let path = tree.path("baseline/constraints.json");
    let mut constraints: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edit(&mut constraints["binary_classification_constraints"]);
    std::fs::write(path, constraints.to_string()).unwrap();
    tree
}

fn accuracy(tree: &Tree) -> Value {
    let details = tree.result("model_quality_details.json");
    let metrics = details["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["name"] == "accuracy").unwrap().clone()
}

/// The rows are those of the baseline, so nothing moved; and yet they miss what a person asks for.
#[test]
fn a_miss_of_a_chosen_threshold_is_no_chance_because_the_baseline_misses_it_too() {
    for (threshold, verdict, told) in [
        (0.99, "missed_beyond_chance", "missed by more than chance explains: `accuracy`"),
        (0.94, "missed_within_chance", "missed within chance: `accuracy`"),
        (0.9, "held", ""),
    ] {
        let tree = edited(&[], |block| block["accuracy"]["threshold"] = json!(threshold));
        let run = tree.run(&[&OF_CLASSES, [DATA, AGAINST].as_slice()].concat());
        assert_eq!(run.code, Some(0), "{}", run.log);
        let found = accuracy(&tree);
        assert_eq!(
            (&found["verdict"], &found["against_threshold"]["verdict"]),
            (&json!("held"), &json!(verdict))
        );
        assert_eq!(run.log.contains("taken as exact"), !told.is_empty(), "{}", run.log);
        assert!(run.log.contains(told), "{}", run.log);
        let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
        let headline = "misses its threshold of 0.99 by more than chance explains";
        assert_eq!(page.contains(headline), threshold == 0.99, "{threshold}");
        assert_eq!(page.contains("chance explains that"), threshold == 0.94, "{threshold}");
    }
}

/// Thresholds as the baseline made them are judged by the rows of both, with a margin too.
#[test]
fn a_threshold_of_the_baseline_is_not_taken_as_exact() {
    for margin in ["0", "2sd", "0.02"] {
        let margin = format!("--constraint-margin={margin}");
        let tree = edited(&[&margin], |_| ());
        of_classes(&tree, "data", ["0", "1"], 31);
        tree.run(&[&OF_CLASSES, [DATA, AGAINST].as_slice()].concat());
        let details = tree.result("model_quality_details.json");
        let metrics = details["metrics"].as_array().unwrap();
        assert!(metrics.iter().any(|metric| metric["threshold"].is_number()), "{margin}");
        assert!(metrics.iter().all(|metric| metric["against_threshold"].is_null()), "{margin} {details}");
    }
}
