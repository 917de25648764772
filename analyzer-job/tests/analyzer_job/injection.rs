//! Names and values that would be markup, formulas or commands somewhere: they reach every output, and only as text.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::program::{CONFIG, Tree};

const SCRIPT: &str = "<script>window.flag=1</script>";
const IMAGE: &str = "\"><img src=x onerror=window.flag=1>";
const FORMULA: &str = "=HYPERLINK(\"http://x\",\"y\")";
const ESCAPE: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}";
const TEMPLATE: &str = "{{7*7}}${jndi:ldap://x}`id`$(id)%n";

/// A dataset whose facets, labels and headers are all of these.
fn tree() -> Tree {
    let tree = Tree::new();
    let names = [SCRIPT, FORMULA, TEMPLATE, "label", "predicted", "__proto__"];
    let values = [SCRIPT, IMAGE, ESCAPE, FORMULA, TEMPLATE];
    let mut rows = Vec::new();
    for n in 0..200_usize {
        let row = [
            values[n % values.len()].to_string(),
            (n % 7).to_string(),
            values[n / 3 % values.len()].to_string(),
            (n / 5 % 2).to_string(),
            (n / 4 % 2).to_string(),
            n.to_string(),
        ];
        rows.push(row.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).join(","));
    }
    tree.file("processing/input/data/data.csv", rows.join("\n") + "\n");
    tree.config(&json!({
        "dataset_type": "text/csv",
        "headers": names,
        "label": "label",
        "label_values_or_threshold": [1],
        "predicted_label": "predicted",
        "facet": values.iter().map(|value| json!({"name_or_index": SCRIPT, "value_or_threshold": [value]})).collect::<Vec<_>>(),
        "group_variable": TEMPLATE,
        "methods": {
            "report": {"name": "report", "title": format!("{SCRIPT}{IMAGE}")},
            "pre_training_bias": {"methods": "all"},
            "post_training_bias": {"methods": "all"},
        },
    }));
    tree
}

/// No result carries markup or a steering character as such.
#[track_caller]
fn check(results: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in results {
        let text = String::from_utf8_lossy(bytes);
        if name.ends_with(".html") {
            for markup in ["<script>window", "<img src=x"] {
                assert!(!text.contains(markup), "{name} holds {markup}");
            }
            assert!(
                text.contains("&lt;script") || text.contains("&#60;script"),
                "{name} does not show the name"
            );
        }
        if name.ends_with(".json") || name.ends_with(".ipynb") || name.ends_with(".jsonl") {
            serde_json::from_slice::<Value>(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        if name.ends_with(".ipynb") {
            let notebook: Value = serde_json::from_slice(bytes).unwrap();
            for cell in notebook["cells"].as_array().unwrap() {
                let source = cell["source"].to_string();
                assert!(cell["cell_type"] != "markdown" || !source.contains("<script>window"), "{source}");
                for output in cell["outputs"].as_array().into_iter().flatten() {
                    let html = output["data"]["text/html"].to_string();
                    assert!(!html.contains("<script>window") && !html.contains("<img src=x"), "{html}");
                }
            }
        }
        if !name.ends_with(".pdf") {
            assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{name} holds control characters");
        }
    }
}

#[test]
fn names_and_values_stay_text_in_every_report() {
    let tree = tree();
    let run = tree.succeed(&["--log-level=debug"]);
    for text in [&run.message, &run.log, &run.stdout] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text:?}");
    }
    let results = tree.results();
    assert!(
        results.contains_key("report.html") && results.contains_key("report.ipynb"),
        "{:?}",
        results.keys()
    );
    check(&results);
    // The values are as they were.
    let analysis = tree.analysis_bytes();
    let parsed: Value = serde_json::from_str(&analysis).unwrap();
    let facets = parsed["post_training_bias_metrics"]["facets"].as_object().unwrap();
    let (name, values) = facets.iter().next().unwrap();
    assert_eq!(name, SCRIPT);
    assert!(values.as_array().unwrap().iter().any(|facet| facet["value_or_threshold"] == ESCAPE), "{values}");
    let run = tree.run(&["validate"]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
}

#[test]
fn errors_with_such_values_steer_no_terminal() {
    let tree = tree();
    let mut config: Value = serde_json::from_str(&fs::read_to_string(tree.path(CONFIG)).unwrap()).unwrap();
    config["label"] = json!(format!("no such {ESCAPE}\r\nError: forged"));
    tree.config(&config);
    let run = tree.run(&[]);
    assert_ne!(run.code, Some(0));
    assert!(!run.message.contains(['\u{1b}', '\u{7}', '\u{202e}', '\n', '\r']), "{:?}", run.message);
    assert!(!run.log.contains(['\u{1b}', '\u{7}']), "{:?}", run.log);
    // One record a line: a value cannot forge another.
    assert!(run.log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", run.log);
}
