//! Infinite numbers on their way to a model: from every format of data, in every form of request.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use plumbline_model_server::{Cell, Options};
use serde_json::{Value, json};

use crate::dry_run_of_models::stops_as_the_job;
use crate::parquet_file;
use crate::program::{Tree, model};

const ROWS: usize = 60;
const DATA: &str = "processing/input/data/data";
const BASELINE: &str = "processing/input/baseline/rows";

/// How a number is written in CSV, and by Python in JSON.
fn csv(number: f64) -> String {
    format!("{number:?}")
}

fn python(number: f64) -> String {
    csv(number).replace("inf", "Infinity")
}

#[derive(Debug, Clone)]
struct Row {
    amount: f64,
    years: i64,
    word: &'static str,
    label: i64,
}

/// `infinite`: the amounts of two rows are.
fn rows(infinite: bool) -> Vec<Row> {
    let row = |n: usize| Row {
        amount: match n {
            50 if infinite => f64::INFINITY,
            55 if infinite => f64::NEG_INFINITY,
            n => (n * 37 % 60) as f64 + 0.5,
        },
        years: (n % 7) as i64,
        word: ["red", "green"][n % 2],
        label: i64::from(n.is_multiple_of(3)),
    };
    (0..ROWS).map(row).collect()
}

impl Row {
    fn csv(&self) -> String {
        format!("{},{},{}", csv(self.amount), self.years, self.word)
    }

    fn json(&self) -> String {
        format!("[{},{},\"{}\"]", python(self.amount), self.years, self.word)
    }
}

fn parquet(rows: &[Row]) -> Vec<u8> {
    let columns: [(&str, ArrayRef); 4] = [
        ("amount", Arc::new(rows.iter().map(|row| Some(row.amount)).collect::<Float64Array>())),
        ("years", Arc::new(rows.iter().map(|row| Some(row.years)).collect::<Int64Array>())),
        ("word", Arc::new(rows.iter().map(|row| Some(row.word)).collect::<StringArray>())),
        ("label", Arc::new(rows.iter().map(|row| Some(row.label)).collect::<Int64Array>())),
    ];
    parquet_file::file(columns)
}

const FORMATS: [&str; 4] = ["text/csv", "application/jsonlines", "application/json", "application/x-parquet"];
/// Content types, and their templates.
const REQUESTS: [(&str, &str, &str); 4] = [
    ("text/csv", "", ""),
    ("application/jsonlines", r#"{"features":$features}"#, ""),
    ("application/json", r#"{"instances":$records}"#, r#"{"features":$features}"#),
    ("application/json", "$record", r#"{"features":["${amount}","${years}","${word}"]}"#),
];

fn dataset(rows: &[Row], format: &str) -> Vec<u8> {
    let record = |row: &Row| format!("{{\"features\":{},\"label\":{}}}", row.json(), row.label);
    let records: Vec<String> = rows.iter().map(record).collect();
    match format {
        "text/csv" => {
            rows.iter().map(|row| format!("{},{}\n", row.csv(), row.label)).collect::<String>().into()
        }
        "application/jsonlines" => records.join("\n").into(),
        "application/json" => format!("{{\"instances\":[{}]}}", records.join(",")).into(),
        _ => parquet(rows),
    }
}

fn predictor((content_type, content, record): (&str, &str, &str)) -> Value {
    let mut predictor =
        json!({"endpoint_name": "none", "content_type": content_type, "accept_type": "text/csv"});
    for (key, template) in [("content_template", content), ("record_template", record)] {
        if !template.is_empty() {
            predictor[key] = json!(template);
        }
    }
    predictor["probability"] = json!(1);
    predictor
}

/// Bias, attributions and partial dependence.
fn tree(rows: &[Row], format: &str, request: (&str, &str, &str), baseline: Option<Value>) -> Tree {
    let mut config = json!({
        "dataset_type": format, "headers": ["amount", "years", "word", "label"], "label": "label",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "word", "value_or_threshold": ["red"]}],
        "methods": {
            "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "AD"]},
            "shap": {"num_samples": 6, "seed": 3},
            "pdp": {"features": ["amount", "years"], "grid_resolution": 3},
        },
        "predictor": predictor(request),
    });
    match format {
        "application/jsonlines" => config["features"] = json!("features"),
        "application/json" => {
            config["features"] = json!("instances[*].features");
            config["label"] = json!("instances[*].label");
        }
        _ => {}
    }
    if let Some(baseline) = baseline {
        config["methods"]["shap"]["baseline"] = baseline;
    }
    let tree = Tree::new();
    tree.config(&config).file(DATA, dataset(rows, format));
    tree
}

/// A model with a finite score for every number.
fn finite(options: &mut Options) {
    options.model = Arc::new(|row| {
        let number = |cell: &Cell| if let Cell::Number(number) = cell { *number } else { 0.0 };
        let word = if matches!(row[2], Cell::Word("red")) { 0.1 } else { 0.0 };
        vec![0.5 + (number(&row[0]) / 30.0 - 1.0).atan() * 0.1 * (1.0 + number(&row[1])) / 2.0 + word]
    });
    options.python_json = true;
}

/// A baseline of one row with an infinite number, in the configuration.
fn inline(format: &str) -> Value {
    let row = json!(["inf", 3, "green"]);
    match format {
        "application/jsonlines" => json!([{"features": row}]),
        "application/json" => json!({"instances": [{"features": row}]}),
        _ => json!([row]),
    }
}

/// The same in a file.
fn file(format: &str) -> String {
    let row = Row { amount: f64::INFINITY, years: 3, word: "green", label: 0 };
    match format {
        "application/jsonlines" => format!("{{\"features\":{}}}\n", row.json()),
        "application/json" => format!("{{\"instances\":[{{\"features\":{}}}]}}\n", row.json()),
        _ => format!("{}\n", row.csv()),
    }
}

/// The dry run starts, and the job gives the same results from every format in every form of request.
#[track_caller]
fn same(tree: impl Fn(&str, (&str, &str, &str)) -> Tree) -> Value {
    let server = model(finite);
    let url = format!("--model-url={}", server.url());
    let mut expected: Option<String> = None;
    for format in FORMATS {
        for request in REQUESTS {
            let tree = tree(format, request);
            tree.succeed(&["validate", &url]);
            tree.succeed(&[&url]);
            let found = tree.analysis_bytes();
            assert_eq!(*expected.get_or_insert(found.clone()), found, "{format} {request:?}");
        }
    }
    serde_json::from_str(&expected.unwrap()).unwrap()
}

fn curve(results: &Value) -> Vec<f64> {
    let values = &results["explanations"]["pdp"][0]["feature_values"];
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[test]
fn infinite_features_are_sent_and_grids_are_of_the_finite_ones() {
    for baseline in [Some(inline as fn(&str) -> Value), None] {
        let found = same(|format, request| tree(&rows(true), format, request, baseline.map(|of| of(format))));
        let amounts = curve(&found);
        assert!(amounts.iter().all(|amount| amount.is_finite()) && amounts.len() == 3, "{amounts:?}");
    }
}

#[test]
fn infinite_numbers_of_a_baseline_are_sent() {
    let inline = same(|format, request| tree(&rows(false), format, request, Some(inline(format))));
    let of_file = same(|format, request| {
        let tree = tree(&rows(false), format, request, Some(json!("/opt/ml/processing/input/baseline")));
        tree.file(BASELINE, file(format));
        tree
    });
    assert_eq!(of_file, inline);
    let start = inline["explanations"]["kernel_shap"]["label0"]["expected_value"].as_f64().unwrap();
    assert!((start - (0.5 + std::f64::consts::FRAC_PI_2 * 0.2)).abs() < 1e-12, "{start}");
}

#[test]
fn a_capture_with_an_infinite_number_is_explained() {
    let server = model(finite);
    let url = format!("--model-url={}", server.url());
    let mut expected: Option<Value> = None;
    for kind in &FORMATS[..3] {
        let payload = |row: &Row| match *kind {
            "text/csv" => row.csv(),
            "application/jsonlines" => format!("{{\"features\":{}}}", row.json()),
            _ => format!("{{\"instances\":[{{\"features\":{}}}]}}", row.json()),
        };
        let line = |(n, row): (usize, &Row)| {
            let part = |data: String, kind: &str| {
                let encoding = if kind == "text/csv" { "CSV" } else { "JSON" };
                json!({"data": data, "encoding": encoding, "observedContentType": kind, "mode": "INPUT"})
            };
            let captured = json!({
                "captureData": {"endpointInput": part(payload(row), kind), "endpointOutput": part("1,0.5".into(), "text/csv")},
                "eventMetadata": {"eventId": format!("e{n}"), "inferenceTime": "2024-05-01T00:00:00Z"}, "eventVersion": "0",
            });
            format!("{captured}\n")
        };
        let captures: String = rows(true).iter().enumerate().map(line).collect();
        for request in REQUESTS {
            let mut tree = Tree::new();
            tree.config(&json!({
                "headers": ["amount", "years", "word"],
                "methods": {"shap": {"num_samples": 6, "seed": 3, "baseline": inline(kind)}},
                "predictor": predictor(request),
            }));
            tree.file("processing/input_data/captures.jsonl", &captures);
            tree.set("analysis_type", "MODEL_EXPLAINABILITY");
            match *kind {
                "application/jsonlines" => drop(tree.set("features_attribute", "features")),
                "application/json" => drop(tree.set("features_attribute", "instances[*].features")),
                _ => {}
            }
            tree.succeed(&["validate", &url]);
            tree.succeed(&[&url]);
            let found = tree.result("analysis.json");
            assert_eq!(*expected.get_or_insert(found.clone()), found, "{kind} {request:?}");
        }
    }
}

/// A model that reads JSON by the standard refuses such a row. It is asked of that row before any other.
#[test]
fn a_model_of_strict_json_refuses_before_other_rows_are_paid_for() {
    for request in [REQUESTS[1], REQUESTS[2]] {
        let server = model(|options| {
            finite(options);
            options.python_json = false;
        });
        let url = format!("--model-url={}", server.url());
        let tree = tree(&rows(true), "text/csv", request, Some(json!([[1.5, 3, "green"]])));
        let message = stops_as_the_job(&tree, &[&url], "PL0605");
        assert!(
            message.contains("row 51 of the data") && message.contains("let the model take `text/csv`"),
            "{message}"
        );
        // The row of the baseline, twice, and the row that the dry run shows.
        assert_eq!(server.counts().records, 3);
    }
}
