//! Names and values that would be markup, formulas or commands somewhere: they reach every output, and only as text.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::program::{CONFIG, OUTPUT, Run, Tree, model};

const SCRIPT: &str = "<script>window.flag=1</script>";
const IMAGE: &str = "\"><img src=x onerror=window.flag=1>";
const FORMULA: &str = "=HYPERLINK(\"http://x\",\"y\")";
const ESCAPE: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}";
const TEMPLATE: &str = "{{7*7}}${jndi:ldap://x}`id`$(id)%n";
/// What steers a terminal beside the escapes of JSON.
const STEERING: &str = "\u{9b}31m\u{7f}\u{2066}\u{200f}\u{61c}\u{2028}a";
/// Short enough for every drawing.
const MARK: &str = "<i>&\"";
/// Ends a block of HTML within markdown, and begins a line of its own.
const BREAK: &str = "x\n\n![a](http://evil.invalid/x.png)\r\n \t\r\nFAKE line";

/// A dataset whose facets, labels and headers are all of these.
fn tree() -> Tree {
    let tree = Tree::new();
    let names = [SCRIPT, BREAK, TEMPLATE, "label", "predicted", "__proto__"];
    let values = STRANGE;
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
            "report": {"name": "report", "title": format!("{SCRIPT}{IMAGE}{BREAK}")},
            "pre_training_bias": {"methods": "all"},
            "post_training_bias": {"methods": "all"},
        },
    }));
    tree
}

/// No result carries markup or a steering character as such, but for the CSV files: those are data.
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
            text.split("<svg").skip(1).for_each(|svg| check_drawing(svg.split("</svg>").next().unwrap()));
        }
        if name.ends_with(".json") || name.ends_with(".ipynb") || name.ends_with(".jsonl") {
            serde_json::from_slice::<Value>(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        if name.ends_with(".ipynb") {
            let notebook: Value = serde_json::from_slice(bytes).unwrap();
            for cell in notebook["cells"].as_array().unwrap() {
                let source = cell["source"].to_string();
                assert!(cell["cell_type"] != "markdown" || !source.contains("<script>window"), "{source}");
                if cell["cell_type"] == "markdown" {
                    check_markdown(&whole(&cell["source"]));
                }
                for output in cell["outputs"].as_array().into_iter().flatten() {
                    let html = output["data"]["text/html"].to_string();
                    assert!(!html.contains("<script>window") && !html.contains("<img src=x"), "{html}");
                    for image in
                        whole(&output["data"]["text/html"]).split("data:image/svg+xml;base64,").skip(1)
                    {
                        let svg = STANDARD.decode(image.split('"').next().unwrap()).unwrap();
                        check_drawing(std::str::from_utf8(&svg).unwrap());
                    }
                }
            }
        }
        if ![".pdf", ".gz", ".csv"].iter().any(|end| name.ends_with(end)) {
            assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{name} holds control characters");
        }
    }
}

fn whole(lines: &Value) -> String {
    lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

/// The elements of a drawing are ours.
#[track_caller]
fn check_drawing(svg: &str) {
    for element in svg.split('<').skip(1) {
        let name = element.trim_start_matches('/').split([' ', '>', '/']).next().unwrap();
        assert!(["svg", "rect", "circle", "path", "text"].contains(&name), "<{element}");
    }
}

/// Each block of HTML ends where its element does, since a blank line would end it and what follows were markdown. In other
/// blocks is no element and no link.
#[track_caller]
fn check_markdown(source: &str) {
    assert!(!source.contains(['\r', '\u{2028}', '\u{2029}']), "{source:?}");
    let mut block = String::new();
    for line in source.split('\n').chain([""]) {
        if !line.trim().is_empty() {
            block.push_str(line);
            continue;
        }
        match block.strip_prefix('<').and_then(|block| block.split('>').next()) {
            Some(name) => {
                assert!(["table", "div", "pre"].contains(&name), "{block}");
                assert!(block.ends_with(&format!("</{name}>")), "{block}");
                assert!(!block.contains("<i>") && !block.contains("<img src=x"), "{block}");
            }
            None => assert!(!block.replace("\\[", "").contains(['<', '[']), "{block}"),
        }
        block.clear();
    }
}

/// Nor does what the run says; each line of the log is one record, and no value begins a line of the answer.
#[track_caller]
fn check_said(run: &Run) {
    let steers = |character: char| {
        character.is_control() && !matches!(character, '\n' | '\t')
            || matches!(u32::from(character), 0x61c | 0x200e..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069)
    };
    for text in [&run.message, &run.log, &run.stdout] {
        assert!(!text.contains(steers), "{text:?}");
    }
    assert!(!run.stdout.lines().any(|line| line.starts_with("FAKE")), "{}", run.stdout);
    assert!(!run.message.contains('\n'), "{:?}", run.message);
    assert!(run.log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", run.log);
}

/// Cells of a CSV file, each in quotes.
fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    rows.into_iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n").collect()
}

const STRANGE: [&str; 8] = [SCRIPT, IMAGE, ESCAPE, FORMULA, TEMPLATE, STEERING, MARK, BREAK];

#[test]
fn names_and_values_stay_text_in_every_report() {
    let tree = tree();
    check_said(&tree.succeed(&["--log-level=debug"]));
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
    check_said(&run);
    assert!(run.stdout.contains("\\u{1b}") && run.stdout.contains("\\u{a}"), "{}", run.stdout);
    check_said(&tree.succeed(&["report", tree.path(OUTPUT).to_str().unwrap()]));
    check(&tree.results());

    let mut other = parsed;
    let facets = &mut other["post_training_bias_metrics"]["facets"][SCRIPT];
    facets[0]["metrics"][0]["value"] = json!(9.5);
    for facet in 1..STRANGE.len() {
        facets[facet]["value_or_threshold"] = json!(format!("{}2", STRANGE[facet]));
    }
    tree.file("other.json", other.to_string());
    let files = [tree.path(OUTPUT).join("analysis.json"), tree.path("other.json")];
    let run = tree.run(&["compare", files[0].to_str().unwrap(), files[1].to_str().unwrap()]);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    check_said(&run);
    assert!(run.stdout.contains("in the new file") && run.stdout.contains("\\u{1b}"), "{}", run.stdout);
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

/// Names of features and of the model's outputs, values of features and identifiers: reports, and the CSV files, which a reader
/// gives back as they were.
#[test]
fn names_in_attributions_stay_text() {
    let outputs = [IMAGE, FORMULA];
    let names = [SCRIPT, BREAK, "id"];
    // The server takes a line for a record.
    let rows = (0..14).map(|n| vec![STRANGE[n % 7].into(), n.to_string(), format!("{}{n}", STRANGE[n / 3])]);
    let tree = Tree::new();
    tree.file("processing/input/data/data.csv", csv(rows));
    tree.config(&json!({
        "dataset_type": "text/csv",
        "headers": names,
        "joinsource_name_or_index": "id",
        "methods": {
            "report": {"name": "report", "title": SCRIPT},
            "shap": {"baseline": [[TEMPLATE, 0]], "num_samples": 4, "save_local_shap_values": true},
        },
        "predictor": {"content_type": "text/csv", "label_headers": outputs},
    }));
    let server = model(|options| {
        options.score_only = true;
        options.model = Arc::new(|row| vec![0.25, row.len() as f64]);
    });
    let url = format!("--model-url={}", server.url());
    check_said(&tree.succeed(&["--log-level=debug", &url]));
    let results = tree.results();
    check(&results);
    check_said(&tree.succeed(&["validate", &url]));
    let mut reader = csv::Reader::from_reader(results["explanations_shap/out.csv"].as_slice());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let expected: Vec<String> = outputs
        .iter()
        .flat_map(|output| names[..2].iter().map(move |name| format!("{name}_{output}")))
        .chain(["id".into()])
        .collect();
    assert_eq!(headers, expected);
    for (n, record) in reader.records().enumerate() {
        assert_eq!(record.unwrap()[4], format!("{}{n}", STRANGE[n / 3]));
    }
}

/// Columns, categories and classes of the quality monitors, in a baseline and in a window that violates it.
#[test]
fn names_in_quality_monitors_stay_text() {
    for kind in ["DATA_QUALITY", "MODEL_QUALITY"] {
        let tree_of = |shift: usize| {
            let row = |n: usize| {
                let class = |n: usize| STRANGE[n % STRANGE.len()].to_string();
                vec![class(n), class(n / 2 + shift), class(n / 3), n.to_string()]
            };
            let names = [SCRIPT, "predicted", STEERING, BREAK].map(String::from).to_vec();
            let data = csv([names].into_iter().chain((0..400).map(row)));
            let format = r#"{"csv": {"header": true}}"#;
            let mut tree = Tree::of_quality(format, [("data.csv".to_string(), data)]);
            tree.set("analysis_type", kind)
                .set("problem_type", "MulticlassClassification")
                .set("ground_truth_attribute", SCRIPT)
                .set("inference_attribute", "predicted");
            tree
        };
        let baseline = tree_of(0);
        check_said(&baseline.succeed(&["--log-level=debug"]));
        check_said(&baseline.succeed(&["validate"]));
        check(&baseline.results());
        let window = tree_of(1).against(&baseline);
        check_said(&window.succeed(&["validate"]));
        let run = window.succeed(&["--log-level=debug"]);
        check_said(&run);
        check(&window.results());
        assert!(window.results().contains_key("constraint_violations.json"), "{kind}: {}", run.message);
    }
}

/// What JSON may hold and many programs choke on, as a record of the data: it is read or told with file and line, and takes
/// neither the stack nor another record with it.
#[test]
fn odd_json_is_read_or_told_with_its_line() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    for (what, record) in [
        ("a duplicate key", r#"{"f":["a",1],"label":0,"f":["b",2],"label":1}"#.to_string()),
        ("half a surrogate pair", r#"{"f":["\ud800",1],"label":1}"#.into()),
        ("its other half", r#"{"f":["\udc00\ud800",1],"label":1}"#.into()),
        ("half of a pair as a key", r#"{"\ud800":1,"f":["a",1],"label":1}"#.into()),
        ("a zero byte", "{\"f\":[\"a\\u0000\",1],\"label\":1}".into()),
        ("a deep list", format!(r#"{{"f":["a",{deep}],"label":1}}"#)),
        ("a deep object", format!(r#"{{"f":["a",{deep_object}],"label":1}}"#)),
        ("a deep list beside the features", format!(r#"{{"f":["a",1],"label":1,"more":{deep}}}"#)),
    ] {
        let good = |n: usize| {
            let group = if n.is_multiple_of(2) { "a" } else { "b" };
            json!({"f": [group, n], "label": n / 2 % 2}).to_string()
        };
        let good: Vec<String> = (0..20).map(good).collect();
        let data = format!("{}\n{record}\n{}\n", good[..10].join("\n"), good[10..].join("\n"));
        let tree = Tree::new();
        tree.file("processing/input/data/data.jsonl", &data);
        tree.config(&json!({
            "dataset_type": "application/jsonlines", "headers": ["f", "n", "label"], "features": "f", "label": "label",
            "label_values_or_threshold": [1], "facet": [{"name_or_index": "f", "value_or_threshold": ["a"]}],
            "methods": {"report": {"name": "report", "title": SCRIPT}, "pre_training_bias": {"methods": "all"}},
        }));
        let run = tree.run(&["--log-level=debug"]);
        check_said(&run);
        let is_deep = what.starts_with("a deep");
        if is_deep {
            assert_eq!(run.code, Some(3), "{what}: {}", run.log);
            assert!(run.message.contains("data.jsonl, line 11"), "{what}: {}", run.message);
        } else {
            assert_eq!(run.code, Some(0), "{what}: {}", run.log);
            assert_eq!(tree.result("bias_details.json")["run"]["rows"]["rows"], 21, "{what}");
            check(&tree.results());
        }

        let monitor = Tree::of_quality(r#"{"json": {"lines": true}}"#, [("data.jsonl".to_string(), data)]);
        let run = monitor.succeed(&["--log-level=debug"]);
        check_said(&run);
        assert_eq!(
            run.log.contains("data.jsonl, line 11: not a JSON object"),
            is_deep,
            "{what}: {}",
            run.log
        );
        let rows = &monitor.result("statistics.json")["dataset"]["item_count"];
        assert_eq!(*rows, if is_deep { 20 } else { 21 }, "{what}");
    }
}
