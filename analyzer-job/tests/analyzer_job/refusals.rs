//! Rows that a model refuses: it is asked for them before others are paid for, and the dry run says what the job says.

use std::sync::Arc;

use plumbline_model_server::{Cell, Options, Server};
use serde_json::{Value, json};

use crate::dry_run_of_models::stops_as_the_job;
use crate::program::{Tree, model};

const ROWS: usize = 120;
/// Content types, and their templates.
const REQUESTS: [(&str, &str, &str); 4] = [
    ("text/csv", "", ""),
    ("application/jsonlines", r#"{"features":$features}"#, ""),
    ("application/json", r#"{"instances":$records}"#, r#"{"features":$features}"#),
    ("application/json", "$record", r#"{"features":["${amount}","${years}","${word}"]}"#),
];

/// What is asked for.
const SHAP: &str = r#"{"shap": {"num_samples": 6, "seed": 3, "baseline": [[1.5, 3, "green"]]}}"#;
const BIAS: &str = r#"{"post_training_bias": {"methods": ["DPPL", "AD"]}}"#;
/// Of the feature with the largest attributions.
const TOP: &str = r#"{"pdp": {"top_k_features": 1, "grid_resolution": 4}}"#;
const CURVES: &str = r#"{"pdp": {"features": ["years"], "grid_resolution": 4}}"#;

fn methods(parts: &[&str]) -> Value {
    let mut methods = json!({});
    for part in parts {
        let part: Value = serde_json::from_str(part).unwrap();
        methods.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    }
    methods
}

/// 120 rows of three features in CSV; the last one has these cells.
fn rows(last: &str) -> String {
    let row = |n: usize| format!("{}.5,{},{}", n * 37 % 60, n % 7, ["red", "green"][n % 2]);
    let rows = (0..ROWS - 1).map(row).chain([last.to_string()]);
    rows.enumerate().map(|(n, row)| format!("{row},{}\n", u8::from(n.is_multiple_of(3)))).collect()
}

fn tree(data: &str, methods: &Value, (content_type, content, record): (&str, &str, &str)) -> Tree {
    let mut predictor = json!({"endpoint_name": "none", "content_type": content_type, "accept_type": "text/csv", "probability": 1});
    for (key, template) in [("content_template", content), ("record_template", record)] {
        if !template.is_empty() {
            predictor[key] = json!(template);
        }
    }
    let tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "text/csv", "headers": ["amount", "years", "word", "label"], "label": "label",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "word", "value_or_threshold": ["red"]}],
        "methods": methods, "predictor": predictor,
    }));
    tree.file("processing/input/data/data", data);
    tree
}

/// A model that gives every row a score between 0 and 1, and refuses those that it does not take.
fn taking(takes: impl Fn(&[Cell]) -> bool + Send + Sync + 'static) -> Server {
    model(|options: &mut Options| {
        options.model = Arc::new(|row| match row[0] {
            Cell::Number(number) => vec![0.5 + number.clamp(-1e3, 1e3) / 4e3],
            _ => vec![0.25],
        });
        options.takes = Arc::new(takes);
        options.python_json = true;
    })
}

/// The dry run and the job stop alike at a row that the model refuses, after a few rows and requests. Gives the message.
#[track_caller]
fn refused(server: &Server, tree: &Tree, most_rows: u64) -> String {
    let message = stops_as_the_job(tree, &["--model-url", &server.url()], "PL0605");
    let before = server.counts();
    tree.run(&["--model-url", &server.url()]);
    let (rows, requests) =
        (server.counts().records - before.records, server.counts().requests - before.requests);
    assert!(rows <= most_rows, "{rows} rows were paid for: {message}");
    // A refusal is not tried again: requests of several rows are halved, and one row fails once.
    assert!(requests <= 12, "{requests} requests: {message}");
    message
}

fn is_word(cell: &Cell, with: &str) -> bool {
    matches!(cell, Cell::Word(word) if word.contains(with))
}

#[test]
fn every_kind_of_value_is_asked_for_before_other_rows_are_paid_for() {
    type Takes = fn(&[Cell]) -> bool;
    let kinds: [(&str, Takes, &str); 7] = [
        ("inf,3,red", |row| !matches!(row[0], Cell::Number(n) if n.is_infinite()), "`amount` is infinite"),
        (",3,red", |row| !matches!(row[0], Cell::Missing), "`amount` has no value"),
        ("1e300,3,red", |row| !matches!(row[0], Cell::Number(n) if n.abs() > 1e100), "does not take"),
        ("unknown,3,red", |row| !matches!(row[0], Cell::Word(_)), "does not take"),
        ("1.5,3,", |row| !matches!(row[2], Cell::Missing), "`word` has no value"),
        ("1.5,3,\"say \"\"hi\"\"\"", |row| !is_word(&row[2], "\""), "does not take"),
        ("1.5,3,grün", |row| !is_word(&row[2], "ü"), "does not take"),
    ];
    for (last, takes, told) in kinds {
        let server = taking(takes);
        let in_every_way = REQUESTS.map(|request| (request, &[BIAS, SHAP][..]));
        let of_every_part = [&[BIAS][..], &[SHAP], &[CURVES]].map(|parts| (REQUESTS[0], parts));
        for (request, parts) in in_every_way.into_iter().chain(of_every_part) {
            let message = refused(&server, &tree(&rows(last), &methods(parts), request), 6);
            assert!(message.contains("row 120 of the data") && message.contains(told), "{message}");
        }
    }
}

/// A column of whole numbers gets decimals in the middle of a bucket.
#[test]
fn what_the_points_of_curves_are_is_asked_before_attributions_are_paid_for() {
    let server = taking(|row| matches!(row[1], Cell::Number(years) if years.fract() == 0.0));
    for request in REQUESTS {
        for parts in [&[SHAP, CURVES][..], &[BIAS, SHAP, CURVES], &[CURVES]] {
            let message = refused(&server, &tree(&rows("1.5,3,red"), &methods(parts), request), 6);
            assert!(message.contains("with other values of `years`"), "{message}");
        }
    }
}

/// Of a row that no kind tells apart the dry run knows as long as it is among those it asks for.
#[test]
fn a_refusal_of_any_of_the_first_rows_is_told_by_the_dry_run() {
    // The amount of the 58th row, and of no other.
    let server = taking(|row| !matches!(row[0], Cell::Number(77.25)));
    let data: String = rows("1.5,3,red")
        .lines()
        .enumerate()
        .map(|(n, line)| if n == 57 { format!("77.25,1,red,{}\n", n % 2) } else { format!("{line}\n") })
        .collect();
    for request in &REQUESTS[..3] {
        let with = |parts: &[&str]| tree(&data, &methods(parts), *request);
        let message = stops_as_the_job(&with(&[BIAS]), &["--model-url", &server.url()], "PL0605");
        assert!(message.contains("row 58 of the data"), "{message}");
        // Attributions may meet the value first in a row that is made with it.
        for tree in [with(&[SHAP]), with(&[BIAS, SHAP])] {
            let dry = tree.run(&["validate", "--model-url", &server.url()]);
            assert!(
                dry.stdout.contains("PL0605") && dry.stdout.contains("row 58 of the data"),
                "{}",
                dry.stdout
            );
            assert_eq!(tree.run(&["--model-url", &server.url()]).code, dry.code);
        }
    }
}

/// A model that refuses large requests with the same status takes all rows in smaller ones.
#[test]
fn a_refusal_of_many_rows_is_no_refusal_of_each() {
    let server = model(|options| options.faults.above_records = Some(7));
    let tree = tree(&rows("1.5,3,red"), &methods(&[BIAS, SHAP]), REQUESTS[0]);
    let url = format!("--model-url={}", server.url());
    tree.succeed(&["validate", &url]);
    tree.succeed(&[&url]);
}

/// Whose row it is and what is the matter with it, before the predictions for the bias metrics are paid for.
#[test]
fn a_baseline_that_the_model_refuses_or_cannot_score_is_told_first() {
    let data = rows("1.5,3,red");
    let with = |parts: &[&str], row: Value| {
        let mut methods = methods(parts);
        methods["shap"]["baseline"] = json!([row]);
        methods
    };
    let strict = taking(|row| !matches!(row[0], Cell::Number(n) if n.is_infinite()));
    let scoreless = model(|options: &mut Options| {
        options.model = Arc::new(|row| match row[0] {
            Cell::Number(number) if number.is_finite() => vec![0.5],
            _ => vec![f64::NAN],
        });
        options.python_json = true;
    });
    for request in REQUESTS {
        for parts in [&[SHAP][..], &[BIAS, SHAP], &[SHAP, CURVES], &[BIAS, SHAP, CURVES]] {
            for row in [json!(["inf", 3, "green"]), json!(["-inf", 3, "green"])] {
                let methods = with(parts, row);
                let before = strict.counts().records;
                let tree = tree(&data, &methods, request);
                let message = stops_as_the_job(&tree, &["--model-url", &strict.url()], "PL0605");
                // The dry run shows what the model says of a row of the data.
                assert!(strict.counts().records <= before + 1, "rows were paid for: {message}");
                let told =
                    ["row 1 of the baseline (of 1)", "`amount` is infinite", "replace infinite numbers"];
                assert!(told.iter().all(|told| message.contains(told)), "{message}");
                let tree = self::tree(&data, &methods, request);
                let before = scoreless.counts().records;
                let message = stops_as_the_job(&tree, &["--model-url", &scoreless.url()], "PL0604");
                assert!(scoreless.counts().records - before <= 12, "rows were paid for: {message}");
                assert!(message.contains("row 1 of the baseline (of 1)"), "{message}");
            }
        }
    }
}

/// What is wrong with a baseline by itself costs no request, whatever else is asked for.
#[test]
fn a_baseline_that_does_not_fit_is_told_before_the_model_is_asked() {
    let server = taking(|_| true);
    let url = format!("--model-url={}", server.url());
    let data = rows("1.5,3,red");
    let file = |text: &str| (json!("/opt/ml/processing/input/baseline"), Some(text.to_string()));
    let inline = |baseline: Value| (baseline, None);
    for parts in [&[SHAP][..], &[BIAS, SHAP], &[SHAP, CURVES], &[BIAS, SHAP, CURVES]] {
        for (baseline, text) in [
            inline(json!([[1.5, 3]])),
            inline(json!([[1.5, 3, "green", 0]])),
            inline(json!([["much", 3, "green"]])),
            inline(json!([[1.5, [3], "green"]])),
            inline(json!([])),
            inline(json!([{"features": [1.5, 3, "green"]}])),
            file("1.5,3\n"),
            file("much,3,green\n"),
            file(""),
            (json!("/opt/ml/processing/input/nowhere"), None),
        ] {
            let mut methods = methods(parts);
            methods["shap"]["baseline"] = baseline;
            let tree = tree(&data, &methods, REQUESTS[0]);
            if let Some(text) = text {
                tree.file("processing/input/baseline/rows", text);
            }
            let (dry, job) = (tree.run(&["validate", &url]), tree.run(&[&url]));
            assert!(job.code != Some(0) && dry.code == job.code, "{}{}", dry.stdout, job.message);
            let reason = job.message.strip_prefix("Error: ").unwrap();
            assert!(dry.stdout.contains(reason), "{}{}", dry.stdout, job.message);
        }
    }
    assert_eq!(server.counts().requests, 0, "the model was asked");
}

/// Before a request is sent or an endpoint made. The texts have what a format writes in a way of its own.
#[test]
fn a_template_that_gives_no_request_for_some_rows_is_told_before_the_model_is_asked() {
    let server = taking(|_| true);
    let url = format!("--model-url={}", server.url());
    let quoted = [
        ("application/jsonlines", r#"{"features":"$features"}"#, ""),
        ("application/json", r#"{"instances":$records}"#, r#"{"features":"$features"}"#),
        ("application/json", r#"{"instances":"$records"}"#, "$features"),
        ("application/json", r#"{"row":"$record"}"#, "$features"),
    ];
    for last in
        ["1.5,3,red", "1.5,3,\"say \"\"hi\"\"\"", "1.5,3,back\\slash", "1.5,3,\"two\nlines\"", "1.5,3,grün"]
    {
        for parts in [&[BIAS][..], &[SHAP], &[BIAS, SHAP], &[CURVES]] {
            for request in quoted {
                let tree = tree(&rows(last), &methods(parts), request);
                let message = stops_as_the_job(&tree, &[&url], "PL0602");
                assert!(
                    message.contains("without quotes") && message.contains("analysis_config.json"),
                    "{message}"
                );
            }
        }
        for request in REQUESTS {
            let tree = tree(&rows(last), &methods(&[BIAS, SHAP]), request);
            let before = server.counts();
            tree.succeed(&["validate", &url]);
            assert!(server.counts().requests > before.requests);
        }
    }
}

#[test]
fn a_template_that_gives_no_request_makes_no_endpoint() {
    let server = taking(|_| true);
    let mut tree = tree(&rows("1.5,3,red"), &methods(&[BIAS]), REQUESTS[0]);
    let mut config: Value =
        serde_json::from_slice(&std::fs::read(tree.path(crate::program::CONFIG)).unwrap()).unwrap();
    config["predictor"] = json!({
        "model_name": "credit", "instance_type": "ml.m5.large", "initial_instance_count": 1,
        "content_type": "application/jsonlines", "content_template": r#"{"features":"$features"}"#,
    });
    tree.config(&config);
    tree.aws(&server);
    stops_as_the_job(&tree, &["--ask-model"][..0], "PL0602");
    assert_eq!(tree.run(&["validate", "--ask-model"]).code, Some(1));
    let calls = server.control_calls();
    assert!(calls.iter().all(|call| call == "DescribeModel"), "{calls:?}");
}

/// Of few rows the dry run has all predictions, so that it can say what only all of them show.
#[test]
fn predictions_of_all_rows_are_judged_as_the_job_judges_them() {
    let server = taking(|_| true);
    let data: String = rows("1.5,3,red").lines().take(30).map(|line| format!("{line}\n")).collect();
    // Labels of so few rows count as continuous, and the predictions, which are all the same, as categories.
    let tree = tree(&data, &methods(&[BIAS]), REQUESTS[0]);
    let message = stops_as_the_job(&tree, &["--model-url", &server.url()], "PL0311");
    assert!(message.contains("predictions that are categorical (integers, 1 distinct"), "{message}");
}

/// What was complete when the model failed is not lost with the rest; the exit code and the message are those of the failure.
#[test]
fn results_that_were_complete_are_written_when_a_later_part_fails() {
    let data = rows("1.5,3,red");
    let with = |parts: &[&str]| tree(&data, &methods(parts), REQUESTS[0]);
    let section = |tree: &Tree, section: &str| tree.result("analysis.json").pointer(section).cloned();
    let (metrics, shap) = ("/post_training_bias_metrics", "/explanations/kernel_shap");
    let sound = taking(|_| true);
    let whole = with(&[BIAS, SHAP, TOP]);
    whole.succeed(&["--model-url", &sound.url()]);

    // A row that attributions make of the first row's words and another one's amount.
    let no_mixture =
        taking(|row| !(matches!(row[0], Cell::Number(1.5)) && is_word(&row[2], "red")) || is_last(row));
    let tree = with(&[BIAS, SHAP, TOP]);
    let run = tree.run(&["--model-url", &no_mixture.url()]);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(
        run.message.starts_with("Error: PL0605: ") && run.message.contains("with other values"),
        "{}",
        run.message
    );
    assert_eq!(section(&tree, metrics), section(&whole, metrics));
    assert_eq!(section(&tree, "/explanations"), None);
    let names: Vec<String> = tree.results().into_keys().collect();
    assert!(names.iter().all(|name| !name.starts_with("expla")), "{names:?}");
    assert!(names.contains(&"report.html".to_string()), "{names:?}");

    // Middles of buckets, of which the ranking decides.
    let no_points = taking(|row| !matches!(row[0], Cell::Number(amount) if amount.fract() != 0.5));
    for parts in [&[SHAP, TOP][..], &[BIAS, SHAP, TOP]] {
        let tree = with(parts);
        let run = tree.run(&["--model-url", &no_points.url()]);
        assert!(run.code == Some(3) && run.message.starts_with("Error: PL0605: "), "{}", run.message);
        assert_eq!(section(&tree, shap), section(&whole, shap));
        assert_eq!(section(&tree, "/explanations/pdp"), None);
        if parts.len() == 3 {
            assert_eq!(section(&tree, metrics), section(&whole, metrics));
        }
    }
}

/// The last row, which is `1.5,3,red`, and those that have its years.
fn is_last(row: &[Cell]) -> bool {
    matches!(row[1], Cell::Number(3.0))
}
