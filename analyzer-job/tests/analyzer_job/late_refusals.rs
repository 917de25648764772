//! A model whose answers cannot be used: what needs no answer of it is written all the same, and the job fails as it would.

use std::sync::Arc;

use plumbline_model_server::{Cell, Instead, Options, Script, Server};
use serde_json::{Value, json};

use crate::program::{Tree, model};

const ROWS: usize = 60;

/// Rows of an amount, a word and a label; with `predicted` also of a predicted label.
fn tree(predictor: &Value, methods: &Value, predicted: bool) -> Tree {
    let tree = Tree::new();
    let mut config = json!({
        "dataset_type": "text/csv", "headers": ["amount", "word", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "word", "value_or_threshold": ["red"]}],
        "methods": methods, "predictor": predictor,
    });
    if predicted {
        config["headers"] = json!(["amount", "word", "y", "p"]);
        config["predicted_label"] = json!("p");
    }
    let row = |n: usize| {
        let more = if predicted { format!(",{}", n / 2 % 2) } else { String::new() };
        format!("{n}.5,{},{}{more}\n", ["red", "green", "green"][n % 3], u8::from(n.is_multiple_of(4)))
    };
    tree.config(&config).file("processing/input/data/a.csv", (0..ROWS).map(row).collect::<String>());
    tree
}

fn both(more: &Value) -> Value {
    let mut methods = json!({
        "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "AD"]},
    });
    methods.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    methods
}

fn amount(row: &[Cell]) -> f64 {
    if let Cell::Number(amount) = row[0] { amount } else { f64::NAN }
}

/// A model whose answer to a row is what `answer` makes of its amount.
fn answering(answer: fn(f64) -> Vec<f64>, change: impl FnOnce(&mut Options)) -> Server {
    model(|options| {
        options.model = Arc::new(move |row| answer(amount(row)));
        options.score_only = true;
        options.python_json = true;
        change(options);
    })
}

fn sound(amount: f64) -> Vec<f64> {
    vec![f64::from(u8::from(amount as u64 % 3 == 1))]
}

/// Ends with this code, and has the results of the same analysis without what needs the model.
#[track_caller]
fn keeps(tree: &Tree, url: &str, code: &str, expected: &Tree) {
    let run = tree.run(&[&format!("--model-url={url}"), "--intersections=Enabled"]);
    assert!(run.message.starts_with(&format!("Error: {code}: ")), "{code}: {} {}", run.message, run.log);
    assert!(matches!(run.code, Some(1..=3)), "{code}: {:?}", run.code);
    assert_eq!(tree.analysis_bytes(), expected.analysis_bytes(), "{code}");
    let names = |tree: &Tree| tree.results().into_keys().collect::<Vec<_>>();
    assert_eq!(names(tree), names(expected), "{code}");
    let groups = |tree: &Tree| {
        let details = tree.result("bias_details.json");
        details
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "run")
            .map(|(_, part)| part.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(groups(tree), groups(expected), "{code}");
}

#[test]
fn what_needs_no_model_is_not_lost_to_answers_that_cannot_be_used() {
    let label = json!({"content_type": "text/csv", "label": 0});
    let score = json!({"content_type": "text/csv", "probability": 0});
    let lines = |key: &str, path: &str| {
        json!({
            "content_type": "application/jsonlines", "content_template": "{\"features\":$features}", key: path,
        })
    };
    let late = |amount: f64| vec![if amount > 50.0 { f64::NAN } else { 0.25 }];
    let plain = answering(sound, |_| ());
    let two = answering(|amount| vec![amount / 100.0, 1.0 - amount / 100.0], |_| ());
    let without_last = answering(late, |_| ());
    let refusing = answering(sound, |options| options.takes = Arc::new(|row| amount(row) < 50.0));
    let short =
        answering(sound, |options| options.faults.script = Script::invoked(|_, _| Some(Instead::Short)));
    let cases = [
        // No label, and none can be made.
        ("PL0603", &plain, json!({"content_type": "text/csv", "label": 7})),
        ("PL0603", &plain, lines("label", "labels")),
        ("PL0603", &two, json!({"content_type": "text/csv"})),
        ("PL0603", &two, json!({"content_type": "text/csv", "label_headers": ["a", "b", "c"]})),
        ("PL0604", &without_last, score.clone()),
        ("PL0604", &without_last, lines("probability", "score")),
        ("PL0605", &refusing, label.clone()),
        ("PL0605", &refusing, score),
        ("PL0608", &short, label.clone()),
        ("PL0501", &two, json!({"content_type": "text/csv", "label_headers": ["no", "yes"]})),
    ];
    let alone = tree(&label, &json!({"pre_training_bias": {"methods": "all"}}), false);
    alone.succeed(&["--intersections=Enabled"]);
    let shap = json!({"shap": {"num_samples": 6, "seed": 3, "baseline": [[1.5, "green"]]}});
    for (code, server, predictor) in &cases {
        for more in [json!({}), shap.clone()] {
            keeps(&tree(predictor, &both(&more), false), &server.url(), code, &alone);
        }
    }
    // Nobody listens there, or nothing is ever answered: nothing was paid for, and nothing is written.
    let refusing_all = answering(sound, |options| options.takes = Arc::new(|_| false));
    for (url, code) in [("http://127.0.0.1:9", "PL0606"), (refusing_all.url().as_str(), "PL0605")] {
        let tree = tree(&label, &both(&json!({})), false);
        tree.fail(&[&format!("--model-url={url}")], 3, code);
        assert!(tree.results().is_empty(), "{code}: {:?}", tree.results().keys());
    }

    // Predictions of the dataset need no model: attributions alone are lost.
    let with_predictions = tree(&label, &both(&json!({})), true);
    with_predictions.succeed(&["--intersections=Enabled"]);
    for (code, server, predictor) in &cases[..8] {
        if *code == "PL0605" || *code == "PL0604" {
            keeps(&tree(predictor, &both(&shap), true), &server.url(), code, &with_predictions);
        }
    }

    // Where nothing else is asked for, there is nothing to write.
    for more in [json!({"post_training_bias": {"methods": ["DPPL"]}}), shap] {
        let (code, server, predictor) = &cases[6];
        let tree = tree(predictor, &more, false);
        tree.fail(&[&format!("--model-url={}", server.url())], 3, code);
        assert!(tree.results().is_empty(), "{:?}", tree.results().keys());
    }
}
