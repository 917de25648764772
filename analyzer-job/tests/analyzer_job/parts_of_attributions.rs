//! Attributions of parts in which columns have other types than in all rows: one baseline, however its numbers are spelled.

use std::sync::Arc;

use plumbline_model_server::{Cell, ControlFault, Script};
use serde_json::{Value, json};

use crate::parts::{DATA, clear, fold, folded, path, refused};
use crate::program::{Tree, model};

/// Rows of `g, x, k, y`; `odd`: what stands for `k` in the last one.
fn rows(first: usize, odd: Option<Value>) -> Vec<Value> {
    let mut rows: Vec<Value> = (first..first + 8)
        .map(|n| {
            let (sex, amount) = (["f", "m"][n % 2], (n * 7 % 10) as f64 / 2.0);
            json!([sex, amount, n * 5 % 11, n / 2 % 2])
        })
        .collect();
    if let Some(odd) = odd {
        rows[7][2] = odd;
    }
    rows
}

fn file(rows: &[Value], is_csv: bool) -> String {
    let line = |row: &Value| {
        if !is_csv {
            return json!({"x": [row[0], row[1], row[2]], "y": row[3]}).to_string();
        }
        let cell = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        row.as_array().unwrap().iter().map(cell).collect::<Vec<_>>().join(",")
    };
    rows.iter().map(|row| line(row) + "\n").collect()
}

fn config(is_csv: bool, baseline: Value) -> Value {
    let mut config = json!({
        "dataset_type": "text/csv", "headers": ["g", "x", "k", "y"], "label": "y",
        "methods": {"shap": {"baseline": baseline, "num_samples": 8, "seed": 1}},
        "predictor": {"content_type": "text/csv"},
    });
    if !is_csv {
        config["dataset_type"] = json!("application/jsonlines");
        (config["features"], config["label"]) = (json!("x"), json!("y"));
    }
    config
}

#[test]
fn a_baseline_is_one_however_the_columns_of_a_part_spell_it() {
    let number = |cell: &Cell| if let Cell::Number(number) = cell { *number } else { 1.0 };
    let server = model(|options| {
        options.score_only = true;
        options.model = Arc::new(move |row| vec![row.iter().map(number).sum::<f64>() / 100.0]);
    });
    let url = format!("--model-url={}", server.url());
    for is_csv in [true, false] {
        for odd in [Value::Null, json!(2.5), json!("x")] {
            for odd_first in [true, false] {
                let tree = Tree::new();
                let of = |is_odd: bool| is_odd.then(|| odd.clone());
                tree.file(&format!("{DATA}/0.data"), file(&rows(0, of(odd_first)), is_csv));
                tree.file(&format!("{DATA}/1.data"), file(&rows(8, of(!odd_first)), is_csv));
                let given = |k: u8| match is_csv {
                    true => format!("f,10.5,{k}\n"),
                    false => format!("[\"f\",10.5,{k}]\n"),
                };
                tree.file("base", given(3)).config(&config(is_csv, json!(path(&tree, "base"))));
                tree.succeed(&[&url]);
                let (single, analysis) = (tree.results(), tree.result("analysis.json"));
                clear(&tree);
                for part in ["0", "1"] {
                    folded(&tree, &format!("states/{part}.state"), &format!("{part}.data"), &[&url]);
                }
                let run = tree.succeed(&["combine", &path(&tree, "states"), &url]);
                assert!(run.log.contains("other spellings of equal numbers"), "{}", run.log);
                let name = "explanations_shap/baseline.csv";
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                assert_eq!(text(&tree.results()[name]), text(&single[name]), "{is_csv} {odd} {odd_first}");
                let values = |of: &Value| {
                    let outputs = of["explanations"]["kernel_shap"].as_object().unwrap();
                    let output = outputs.values().next().unwrap();
                    let globals = output["global_shap_values"].as_object().unwrap().values();
                    let all = globals.chain([&output["expected_value"]]);
                    all.map(|value| value.as_f64().unwrap()).collect::<Vec<_>>()
                };
                for (one, two) in values(&analysis).into_iter().zip(values(&tree.result("analysis.json"))) {
                    // Sums of sixteen values below 1, in another order.
                    assert!((one - two).abs() <= 1e-12, "{one} {two}");
                }
                // Another baseline is none of other spellings.
                clear(&tree);
                tree.file("base", given(4));
                folded(&tree, "states/1.state", "1.data", &[&url]);
                let run = tree.run(&["combine", &path(&tree, "states"), &url]);
                let says = ["PL0909", "1.state", "another baseline: `4", "for `k` in row 1"];
                refused(&tree, &run, 3, &says);
            }
        }
    }
}

/// Its rows are paid for: the state is written first, then the endpoint that stays is told.
#[test]
fn a_fold_that_cannot_delete_its_endpoint_leaves_its_state() {
    let server = model(|options| {
        options.score_only = true;
        options.faults.script = Script::controlled(|called, _| {
            let denied = ControlFault::Refuse(400, "AccessDeniedException", "not authorized");
            (called == "DeleteEndpoint").then_some(denied)
        });
    });
    let mut tree = Tree::new();
    tree.file(&format!("{DATA}/0.data"), file(&rows(0, None), true));
    let mut given = config(true, json!([["f", 1.5, 3]]));
    given["predictor"]["model_name"] = json!("credit");
    given["predictor"]["instance_type"] = json!("ml.m5.large");
    given["predictor"]["initial_instance_count"] = json!(1);
    tree.config(&given);
    tree.aws(&server);
    let run = fold(&tree, "states/0.state", "0.data", &[]);
    let left = format!("aws sagemaker delete-endpoint --endpoint-name {}", server.left_behind()[0]);
    for text in ["PL0611", "the state is written", &left] {
        assert!(run.message.contains(text), "no `{text}` in {}", run.message);
    }
    assert_eq!(run.code, Some(1), "{}", run.message);
    tree.succeed(&["combine", &path(&tree, "states")]);
    let analysis = tree.result("analysis.json");
    assert!(analysis["explanations"]["kernel_shap"].is_object(), "{analysis}");
}
