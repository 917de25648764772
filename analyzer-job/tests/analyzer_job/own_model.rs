//! Models whose answers do not fit the labels, the link or the baseline: told after one request, and by the dry run.

use std::sync::Arc;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::{Cell, Server};
use serde_json::{Value, json};

use crate::program::{OUTPUT, Run, Tree, model};

const ROWS: usize = 70;

/// A server whose answer to a row is what `answer` makes of its first cell; `decimals`: it writes `1.0` for 1.
fn answering(decimals: bool, answer: fn(f64) -> Vec<f64>) -> Server {
    model(|options| {
        (options.score_only, options.decimals) = (true, decimals);
        options.model = Arc::new(move |row| {
            answer(match row[0] {
                Cell::Number(number) => number,
                Cell::Word(_) | Cell::Missing => f64::NAN,
            })
        });
    })
}

/// Seventy rows of integer labels 0 and 1, and what tells where the model's labels are.
fn labelled(predictor: Value) -> Tree {
    let tree = Tree::new();
    let config = json!({
        "dataset_type": "text/csv", "headers": ["age", "sex", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
        "methods": {"post_training_bias": {"methods": ["AD", "DPPL", "DI"]}}, "predictor": predictor,
    });
    let rows: Vec<String> = (0..ROWS).map(|n| format!("{n},{},{}", n % 2, n / 2 % 2)).collect();
    tree.config(&config).file("processing/input/data/a.csv", rows.join("\n"));
    tree
}

/// Dry run and job stop with the same words; the job after one request.
#[track_caller]
fn stop_alike(tree: &Tree, server: &Server, exit: i32, code: &str) -> Run {
    let url = format!("--model-url={}", server.url());
    let before = server.counts().requests;
    let job = tree.fail(&[&url], exit, code);
    assert!(server.counts().requests - before <= 1, "{:?}", server.counts());
    let dry = tree.run(&["validate", &url]);
    assert_eq!(dry.code, Some(exit), "{}", dry.stdout);
    let told = dry.stdout.lines().find_map(|line| line.strip_prefix("The job would stop: ")).unwrap();
    assert!(told.starts_with(code), "{told} and {}", job.message);
    job
}

#[test]
fn labels_as_0_0_and_1_0_are_0_and_1() {
    let whole = labelled(json!({"content_type": "text/csv", "probability": 0}));
    let third = |age| vec![if age % 3.0 == 0.0 { 1.0 } else { 0.0 }];
    let server = answering(false, third);
    whole.succeed(&[&format!("--model-url={}", server.url())]);
    for predictor in [
        json!({"content_type": "application/jsonlines", "content_template": "{\"features\":$features}", "label": "score"}),
        json!({"content_type": "text/csv", "label": 0}),
    ] {
        let floats = answering(true, third);
        let tree = labelled(predictor);
        let url = format!("--model-url={}", floats.url());
        tree.succeed(&["validate", &url]);
        tree.succeed(&[&url]);
        assert_eq!(tree.result("analysis.json"), whole.result("analysis.json"));
    }
}

#[test]
fn predictions_that_cannot_fit_the_labels_are_told_after_one_request() {
    // No listed value is a label header.
    let server = answering(false, |age| vec![age / 100.0, 1.0 - age / 100.0]);
    let tree = labelled(json!({"content_type": "text/csv", "label_headers": ["no", "yes"]}));
    let run = stop_alike(&tree, &server, 1, "PL0501");
    assert!(run.message.contains("predictions such as `") && run.message.contains("`1`"), "{}", run.message);
    // Headers that are values of the label fit.
    let server = answering(false, |age| vec![age / 100.0, 1.0 - age / 100.0]);
    let tree = labelled(json!({"content_type": "text/csv", "label_headers": ["0", "1"]}));
    let url = format!("--model-url={}", server.url());
    tree.succeed(&["validate", &url]);
    tree.succeed(&[&url]);
}

/// The first thousand records, of which few make rows, are all data or not: only of all data is known that no prediction is
/// positive.
#[test]
fn a_look_at_a_thousand_records_judges_all_predictions_only_if_there_are_no_more() {
    let server = answering(false, |number| vec![f64::from(u8::from(number >= 1000.0))]);
    let url = format!("--model-url={}", server.url());
    // Every twentieth row has a partner.
    let with = |rows: usize| {
        let tree = Tree::new();
        tree.config(&json!({
            "dataset_type": "text/csv", "headers": ["id", "n", "y"], "label": "y", "joinsource_name_or_index": "id",
            "facet_dataset_uri": "/opt/ml/processing/input/facets", "facet_headers": ["id", "sex"],
            "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
            "methods": {"post_training_bias": {"methods": ["DPPL"]}},
            "predictor": {"content_type": "text/csv", "label": 0},
        }));
        let data: String = (0..rows).map(|n| format!("{n},{n},{}\n", n / 20 % 2)).collect();
        let facets: String = (0..rows).step_by(20).map(|n| format!("{n},{}\n", n / 40 % 2)).collect();
        tree.file("processing/input/data/a.csv", data).file("processing/input/facets/a.csv", facets);
        tree
    };
    for (rows, code) in [(999, Some(1)), (1000, None), (1100, Some(0))] {
        let tree = with(rows);
        let (dry, job) = (tree.run(&["validate", &url]), tree.run(&[&url]));
        assert_eq!(job.code, Some(if rows > 1000 { 0 } else { 1 }), "{rows}: {}", job.log);
        if let Some(code) = code {
            assert_eq!(dry.code, Some(code), "{rows}: {}", dry.stdout);
        }
    }
}

fn explained(change: impl FnOnce(&mut Value)) -> Tree {
    let mut config = configs::explainability_baseline(Format::Csv);
    config["methods"]["shap"]["num_samples"] = json!(10);
    change(&mut config);
    Tree::with_dataset(&config, Format::Csv, 40, false)
}

#[test]
fn the_order_in_which_features_are_named_changes_nothing() {
    let server = model(|_| ());
    let results = |names: Value| {
        let tree = explained(|config| config["methods"]["shap"]["features_to_explain"] = names);
        tree.succeed(&[&format!("--model-url={}", server.url())]);
        let named = |name: &str| String::from_utf8(tree.results()[name].clone()).unwrap();
        (tree.analysis_bytes(), named("explanations_shap/out.csv"))
    };
    assert_eq!(results(json!(["age", "sex"])), results(json!(["sex", "age"])));
}

#[test]
fn answers_that_are_no_probabilities_are_told_where_log_odds_are_asked_for() {
    let server = model(|options| {
        let baseline = options.model.clone();
        // Probabilities for the baseline, whose age is 42, and not for all of the data.
        options.model = Arc::new(move |row| match row[0] {
            Cell::Number(age) if age > 50.0 => vec![2.089],
            _ => baseline(row),
        });
    });
    let url = format!("--model-url={}", server.url());
    let tree = explained(|config| config["methods"]["shap"]["use_logit"] = json!(true));
    let dry = tree.run(&["validate", &url]);
    let job = tree.fail(&[&url], 1, "PL0701");
    assert_eq!(dry.code, job.code, "{}", dry.stdout);
    assert!(
        dry.stdout.contains("The job would stop: PL0701") && dry.stdout.contains("2.089"),
        "{}",
        dry.stdout
    );
}

#[test]
fn constraints_of_other_features_or_labels_are_told_before_the_first_request() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    let tree = explained(|_| ());
    tree.succeed(&[&url]);
    let baseline = tree.result("analysis.json");
    std::fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
    std::fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    let place = "processing/baseline/analysis.json";
    let arguments = [url.as_str(), &format!("--baseline-constraints=/opt/ml/{place}")];
    let asked = server.counts().records;

    let mut other = baseline.clone();
    for label in other["explanations"]["kernel_shap"].as_object_mut().unwrap().values_mut() {
        let values = label["global_shap_values"].as_object().unwrap().clone();
        let values = values.into_iter().map(|(name, value)| (format!("before_{name}"), value)).collect();
        label["global_shap_values"] = Value::Object(values);
    }
    tree.file(place, other.to_string());
    let run = tree.fail(&arguments, 1, "PL0708");
    assert!(run.message.contains("before_"), "{}", run.message);
    assert_eq!(tree.run(&[&["validate"], &arguments[..]].concat()).code, Some(1));

    let headed = explained(|config| config["predictor"]["label_headers"] = json!(["approved"]));
    headed.file(place, baseline.to_string());
    headed.fail(&arguments, 1, "PL0706");
    assert_eq!(headed.run(&[&["validate"], &arguments[..]].concat()).code, Some(1));
    assert_eq!(server.counts().records, asked, "the model was asked");

    // Names that only the answers tell are told by the dry run; the job writes its results first.
    let mut other = baseline;
    let labels = other["explanations"]["kernel_shap"].as_object().unwrap().clone();
    let labels = labels.into_iter().map(|(name, value)| (format!("{name}_before"), value)).collect();
    other["explanations"]["kernel_shap"] = Value::Object(labels);
    tree.file(place, other.to_string());
    let dry = tree.run(&[&["validate"], &arguments[..]].concat());
    assert!(dry.code == Some(1) && dry.stdout.contains("PL0706"), "{}", dry.stdout);
    let job = tree.run(&arguments);
    assert!(job.code == Some(1) && job.message.contains("PL0706"), "{}", job.message);
    assert!(tree.results().contains_key("analysis.json"));
}
