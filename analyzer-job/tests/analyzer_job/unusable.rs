//! Records that cannot be used: where they are more than half of all, the exit message says so.

use serde_json::json;

use super::parts::{DATA, clear, folded, path};
use crate::program::Tree;

const TOLD: &str = "records cannot be used and are left out.";
const QUALITY: [&str; 2] = ["--analysis-type=DATA_QUALITY", "--analysis-type=MODEL_QUALITY"];

/// Two files of JSON Lines, of `good` rows and as many damaged ones as `bad` in all.
fn dataset(good: usize, bad: usize) -> Tree {
    let mut tree = Tree::new();
    let row = |n: usize| format!("{{\"y\":{},\"p\":{}}}\n", n % 2, n / 2 % 2);
    let rows: String = (0..good).map(row).collect();
    tree.file(&format!("{DATA}/1.jsonl"), format!("{}{rows}", "oops\n".repeat(bad / 2)));
    tree.file(&format!("{DATA}/2.jsonl"), format!("{}{rows}", "[1,\n".repeat(bad - bad / 2)));
    tree.set("dataset_source", format!("/opt/ml/{DATA}"))
        .set("dataset_format", "{\"json\":{\"lines\":true}}")
        .set("problem_type", "BinaryClassification")
        .set("inference_attribute", "p")
        .set("ground_truth_attribute", "y");
    tree
}

#[test]
fn more_than_half_is_told_by_each_monitor_and_of_parts_too() {
    for (good, bad) in [(2, 5), (2, 9), (2, 4), (2, 1)] {
        let tree = dataset(good, bad);
        let all = 2 * good + bad;
        let expected = (2 * bad > all).then(|| format!("Warning: {bad} of {all} {TOLD}"));
        let check = |message: &str| match &expected {
            Some(expected) => assert!(message.contains(expected), "{good} {bad}: {message}"),
            None => assert!(!message.contains(TOLD), "{good} {bad}: {message}"),
        };
        for kind in QUALITY {
            check(&tree.succeed(&[kind]).message);
            clear(&tree);
            folded(&tree, "states/1.state", "1.jsonl", &[kind]);
            folded(&tree, "states/2.state", "2.jsonl", &[kind]);
            check(&tree.succeed(&["combine", &path(&tree, "states"), kind]).message);
            clear(&tree);
        }
        check(&tree.succeed(&["--analysis-type=DATA_QUALITY,MODEL_QUALITY"]).message);
    }
}

/// Records outside of the window are none of the run.
#[test]
fn records_outside_of_the_window_do_not_count() {
    let record = |hour: usize| {
        let payload = |text: &str| json!({"data": text, "encoding": "CSV"});
        let record = json!({
            "captureData": {"endpointInput": payload("1,2"), "endpointOutput": payload("1")},
            "groundTruthData": payload("1"),
            "eventMetadata": {"eventId": format!("e{hour}"), "inferenceTime": format!("2024-05-01T{hour:02}:00:00Z")},
        });
        format!("{record}\n")
    };
    let mut tree = Tree::new();
    let outside: String = (0..9).map(record).collect();
    tree.file(&format!("{DATA}/1.jsonl"), format!("{outside}{}{}oops\noops\noops\n", record(10), record(11)));
    tree.set("dataset_source", format!("/opt/ml/{DATA}"))
        .set("dataset_format", "{\"sagemakerMergeJson\":{}}")
        .set("problem_type", "BinaryClassification")
        .set("inference_attribute", "0")
        .set("ground_truth_attribute", "0")
        .set("start_time", "2024-05-01T10:00:00Z")
        .set("end_time", "2024-05-01T12:00:00Z");
    for kind in QUALITY {
        let message = tree.succeed(&[kind]).message;
        assert!(message.contains(&format!("Warning: 3 of 5 {TOLD}")), "{message}");
    }
}

/// Captured lines that are cut off, all in a row: each is a record.
#[test]
fn cut_captures_count_each() {
    let payload = |text: &str| json!({"data": text, "encoding": "CSV"});
    let record = json!({
        "captureData": {"endpointInput": payload("1,2"), "endpointOutput": payload("1")},
        "groundTruthData": payload("1"),
        "eventMetadata": {"eventId": "e", "inferenceTime": "2024-05-01T10:00:00Z"},
    })
    .to_string();
    let (good, cut) = (format!("{record}\n").repeat(6), format!("{}\n", &record[..60]).repeat(20));
    let mut tree = Tree::new();
    tree.set("dataset_source", format!("/opt/ml/{DATA}"))
        .set("dataset_format", "{\"sagemakerMergeJson\":{}}")
        .set("problem_type", "BinaryClassification")
        .set("inference_attribute", "0")
        .set("ground_truth_attribute", "0");
    for text in [format!("{cut}{good}"), format!("{good}{cut}"), format!("{record}\n{cut}{good}")] {
        let all = text.lines().count();
        tree.file(&format!("{DATA}/1.jsonl"), text);
        for kind in QUALITY {
            let message = tree.succeed(&[kind]).message;
            assert!(message.contains(&format!("Warning: 20 of {all} {TOLD}")), "{message}");
        }
    }
}
