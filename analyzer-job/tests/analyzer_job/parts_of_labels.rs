//! Captures and their labels in parts: what waits for a label, and what cannot be used, is counted of all parts together, as in one
//! run.

use serde_json::{Value, json};

use super::parts::{clear, folded, path, refused};
use crate::program::Tree;

const CAPTURES: &str = "--dataset-source=/opt/ml/processing/input/captures";
const LABELS: &str = "--ground-truth-source=/opt/ml/labels";
const MONITORS: [&[&str]; 2] = [
    &["--analysis-type=MODEL_BIAS", "--inference-attribute=0"],
    &[
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--inference-attribute=0",
        "--ground-truth-attribute=0",
    ],
];

fn csv(data: &str) -> Value {
    json!({"data": data, "encoding": "CSV"})
}

fn capture(event: usize, request: &str, answer: &str) -> String {
    let record = json!({
        "captureData": {"endpointInput": csv(request), "endpointOutput": csv(answer)},
        "eventMetadata": {"eventId": format!("e{event}"), "inferenceTime": "2024-05-01T00:00:00Z"}, "eventVersion": "0",
    });
    format!("{record}\n")
}

/// One of a row, whose answer has two values.
fn plain(event: usize) -> String {
    let (request, answer) =
        (format!("{},{}", event % 2, event % 7), format!("{},0.{}", event / 2 % 2, event % 9 + 1));
    capture(event, &request, &answer)
}

fn label(event: usize, data: &str) -> String {
    let id = json!({"eventId": format!("e{event}")});
    format!("{}\n", json!({"groundTruthData": csv(data), "eventMetadata": id, "eventVersion": "0"}))
}

/// Captures by their file, and labels.
fn tree(files: &[(&str, String)], labels: &str) -> Tree {
    let tree = Tree::new();
    for (name, text) in files {
        tree.file(&format!("processing/input/captures/{name}.jsonl"), text);
    }
    tree.file("labels/a.jsonl", labels);
    tree.config(&json!({
        "dataset_type": "application/sagemakercapturejson", "headers": ["sex", "n", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [1]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI", "AD"]}},
    }));
    tree
}

/// Captures whose label has not come are counted in every part and told, also by one of which none has its label.
#[test]
fn captures_that_wait_for_a_label_are_counted_and_told_in_parts_as_in_one_run() {
    let files = [("a", 0..80_usize), ("b", 80..140), ("c", 140..180)];
    let texts = files.clone().map(|(name, events)| (name, events.map(plain).collect::<String>()));
    let is_labelled = |event: &usize| *event < 140 && event.is_multiple_of(2);
    let labels: String =
        (0..180).filter(is_labelled).map(|event| label(event, &(event / 6 % 2).to_string())).collect();
    for settings in MONITORS {
        let tree = tree(&texts, &labels);
        let of_place = |place: &str| {
            let settings =
                settings.iter().map(|setting| match setting.split_once("ground-truth-attribute=") {
                    Some((start, _)) => format!("{start}ground-truth-attribute={place}"),
                    None => setting.to_string(),
                });
            settings.chain([LABELS.into(), CAPTURES.into()]).collect::<Vec<_>>()
        };
        let quality = settings[0].ends_with("QUALITY");
        for (place, code) in [("0", 0), ("9", 1)] {
            let settings = of_place(place);
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            if code > 0 && !quality {
                continue;
            }
            let whole = tree.run(&settings);
            assert_eq!(whole.code, Some(code), "{}", whole.log);
            assert!(
                whole.log.contains("merged 70 of 180 captures; 110 captures without a label"),
                "{}",
                whole.log
            );
            let expected = tree.results();
            if code == 0 && quality {
                let details = tree.result("model_quality_details.json");
                assert_eq!((&details["rows"], &details["rows_without_label"]), (&json!(70), &json!(110)));
                let page = String::from_utf8_lossy(&expected["report.html"]).into_owned();
                assert!(page.contains("110 rows without a label"));
            } else if code == 0 {
                assert_eq!(tree.result("bias_details.json")["run"]["rows"]["rows"], 70);
            }
            clear(&tree);
            for (name, events) in &files {
                folded(&tree, &format!("states/{name}.state"), &format!("{name}.jsonl"), &settings);
                let out = path(&tree, "again.state");
                let list = format!("--files={}", path(&tree, "list"));
                let run = tree.run(&[&["fold", "--out", &out, &list], &settings[..]].concat());
                let waiting = events.clone().filter(|event| !is_labelled(event)).count();
                let told = format!("; {waiting} captures without a label");
                assert!(run.log.contains(&told), "{name}: {}", run.log);
            }
            let states = path(&tree, "states");
            let combined = tree.run(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
            assert_eq!((combined.code, &combined.message), (whole.code, &whole.message));
            if code > 0 {
                refused(&tree, &combined, code, &["PL0304", "ground_truth_attribute", "`9`"]);
                continue;
            }
            let found = tree.results();
            let same = |name: &&String| quality || *name == "analysis.json";
            for name in expected.keys().filter(same) {
                assert!(found[name] == expected[name], "{}: {name}", settings[0]);
            }
        }
    }
}

/// A part that is read as the others show it, and not as its own records do, still tells how many of its captures are bad.
#[test]
fn bad_captures_count_of_a_part_that_is_read_as_the_others_are() {
    for settings in MONITORS {
        for (bad, code) in [(5, 0), (65, 3)] {
            // One line for two rows, where other lines have two values for a row.
            let odd = capture(100, "1,2\n0,3", "1,0");
            let files = [
                ("a", (0..60).map(plain).collect::<String>()),
                ("b", odd + &"{\"captureData\": 1}\n".repeat(bad)),
            ];
            let labels: String =
                (0..60).map(|event| label(event, &(event / 3 % 2).to_string())).collect::<String>()
                    + &label(100, "1\n0");
            let tree = tree(&files, &labels);
            let settings = [settings, &[LABELS, CAPTURES][..]].concat();
            let whole = tree.run(&settings);
            assert_eq!(whole.code, Some(code), "{}", whole.log);
            let expected = tree.results();
            clear(&tree);
            for name in ["a", "b"] {
                folded(&tree, &format!("states/{name}.state"), &format!("{name}.jsonl"), &settings);
            }
            let states = path(&tree, "states");
            let combined = tree.run(&[&["combine", &states], &settings[..settings.len() - 1]].concat());
            assert_eq!((combined.code, &combined.message), (whole.code, &whole.message), "{}", combined.log);
            if code > 0 {
                refused(&tree, &combined, code, &["PL0402", "65 of 126 captures"]);
                continue;
            }
            assert!(combined.log.contains("event e100: "), "{}", combined.log);
            let name = if settings[0].ends_with("QUALITY") { "statistics.json" } else { "analysis.json" };
            assert!(tree.results()[name] == expected[name], "{name}");
        }
    }
}
