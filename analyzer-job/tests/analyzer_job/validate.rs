//! The dry run.

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use serde_json::json;

use crate::program::{MONITOR, Tree, model, monitored, traffic};

#[test]
fn columns_roles_and_groups_are_shown_and_nothing_is_written() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 500, true);
    let run = tree.succeed(&["validate"]);
    for text in [
        "Bias analysis",
        "First 500 records: 500 rows",
        "AD, CDDPL, DAR, ",
        "Label `repaid`, positive when `1`",
        "sex female",
        "The job would start.",
    ] {
        assert!(run.stdout.contains(text), "{text} is not in {}", run.stdout);
    }
    let roles = |column: &str| {
        let line = run.stdout.lines().find(|line| line.trim_start().starts_with(column)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(roles("repaid "), "integers 2 label");
    assert!(roles("sex ").starts_with("text 2 ") && roles("sex ").contains("facet"), "{}", run.stdout);
    assert!(run.message.is_empty() && tree.results().is_empty());
}

#[test]
fn one_request_its_response_and_an_estimate_are_shown() {
    let server = model(|_| ());
    let config = configs::bias_model_baseline(Format::JsonLines, &[]);
    let tree = Tree::with_dataset(&config, Format::JsonLines, 1500, false);
    let run = tree.succeed(&["validate", "--model-url", &server.url()]);
    let line = |name: &str| {
        let line = run.stdout.lines().find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {}", run.stdout)).trim().to_string()
    };
    assert!(line("request ").contains("{\"features\":["), "{}", run.stdout);
    assert!(line("response ").contains("{\"approved\":"), "{}", run.stdout);
    assert!(["label          0", "label          1"].contains(&line("label ").as_str()), "{}", run.stdout);
    // Of all rows, not of those that were looked at.
    assert_eq!(line("rows to ask "), "rows to ask    at most 1500 for metrics");
    assert!(run.log.contains("requests, 0.0 minutes"), "{}", run.log);
    // Times stand in the log, so that the text is the same each time.
    assert_eq!(tree.succeed(&["validate", "--model-url", &server.url()]).stdout, run.stdout);
    assert!(server.counts().records <= 2 * (1 + 100), "{:?}", server.counts());
    assert!(!run.log.contains("features"), "payloads stand in the log: {}", run.log);
    assert!(run.message.is_empty() && tree.results().is_empty());
}

#[test]
fn attributions_are_estimated_from_their_coalitions() {
    let server = model(|_| ());
    let mut config = configs::explainability_baseline(Format::Csv);
    let baseline = config["methods"]["shap"]["baseline"][0].clone();
    config["methods"]["shap"]["baseline"] = json!([baseline, baseline, baseline]);
    config["methods"]["shap"]["num_samples"] = json!(10);
    config["methods"]["pdp"] = json!({"grid_resolution": 5, "top_k_features": 2});
    let tree = Tree::with_dataset(&config, Format::Csv, 40, false);
    let run = tree.succeed(&["validate", "--model-url", &server.url()]);
    // 40 rows, each 10 coalitions with 3 baseline rows and itself, and the baseline; 2 curves of 5 points.
    let expected = "1243 for attributions, 400 for partial dependence";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
}

#[test]
fn payloads_of_monitors_are_found_out() {
    let tree = monitored(&traffic(300, 0.0));
    let run = tree.succeed(&[&["validate"], MONITOR.as_slice()].concat());
    for text in
        ["Bias monitor", "requests       application/jsonlines", "responses      application/jsonlines"]
    {
        assert!(run.stdout.contains(text), "{text} is not in {}", run.stdout);
    }
}

#[test]
fn exit_code_and_reason_are_those_of_the_job() {
    let mut config = configs::bias_baseline(Format::Csv, &[]);
    config["facet"][0]["name_or_index"] = json!("gender");
    let tree = Tree::with_dataset(&config, Format::Csv, 100, true);
    let run = tree.run(&["validate"]);
    assert_eq!(run.code, Some(1));
    let reason = run.stdout.lines().find_map(|line| line.strip_prefix("The job would stop: ")).unwrap();
    assert!(run.message.is_empty());
    let job = tree.fail(&[], 1, "PL0304");
    assert_eq!(job.message, format!("Error: {reason}"));

    let empty = Tree::new();
    empty.config(&configs::bias_baseline(Format::Csv, &[]));
    assert_eq!(empty.run(&["validate"]).code, Some(2));
    empty.fail(&[], 2, "PL0302");
}

#[test]
fn datasets_that_differ_in_their_rows_are_told_when_all_rows_were_looked_at() {
    for (rows, predictions, exit) in [(60, 59, 3), (60, 61, 3), (60, 60, 0), (1200, 900, 3), (1200, 1200, 0)]
    {
        let tree = Tree::new();
        let config = json!({
            "dataset_type": "text/csv", "headers": ["sex", "y"], "label": "y",
            "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
            "predicted_label_dataset_uri": "/opt/ml/processing/input/predictions/p.csv",
            "predicted_label_headers": ["pred"], "predicted_label": "pred",
            "methods": {"post_training_bias": {"methods": "all"}},
        });
        let lines =
            |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<Vec<_>>().join("\n");
        tree.config(&config)
            .file("processing/input/data/a.csv", lines(rows, &|n| format!("{},{}", n % 2, n / 2 % 2)))
            .file("processing/input/predictions/p.csv", lines(predictions, &|n| format!("{}", n / 3 % 2)));
        let dry = tree.run(&["validate"]);
        assert_eq!(dry.code, Some(exit), "{rows} {predictions}: {}", dry.stdout);
        assert_eq!(tree.run(&[]).code, Some(exit), "{rows} {predictions}");
    }
}
