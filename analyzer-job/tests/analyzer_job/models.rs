//! Predictions and attributions from a model.

use std::process::Child;
use std::time::Duration;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::{ControlFault, Script};
use serde_json::{Value, json};

use crate::program::{Run, Tree, model};

/// The bias analysis of the rows with predictions in the dataset.
fn expected(rows: u64) -> String {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, rows, true);
    tree.succeed(&[]);
    tree.analysis_bytes()
}

fn baseline(format: Format, rows: u64) -> Tree {
    Tree::with_dataset(&configs::bias_model_baseline(format, &[]), format, rows, false)
}

#[test]
fn asking_the_model_equals_its_predictions_in_the_dataset() {
    let expected = expected(700);
    let server = model(|_| ());
    for format in [Format::Csv, Format::JsonLines, Format::Json, Format::Parquet] {
        let tree = baseline(format, 700);
        tree.succeed(&["--model-url", &server.url(), "--save-predictions=Enabled"]);
        assert!(tree.analysis_bytes() == expected, "{format:?}");
        let predictions = String::from_utf8(tree.results()["predictions.csv"].clone()).unwrap();
        assert!(predictions.starts_with("predicted_label\n") && predictions.lines().count() == 701);
    }
}

#[test]
fn faults_of_the_model_change_nothing() {
    let server = model(|options| {
        options.faults.above_records = Some(90);
        options.faults.throttle_every = Some(9);
        options.faults.reset_every = Some(11);
    });
    let tree = baseline(Format::Csv, 700);
    let run = tree.succeed(&["--model-url", &server.url()]);
    assert!(tree.analysis_bytes() == expected(700), "{}", run.log);
    assert!(run.log.contains("the model failed on a request of"), "{}", run.log);
}

/// Nor do they show in any result; and as little does the number of threads.
#[test]
fn results_of_a_faulty_model_are_the_same_bytes() {
    let mut config = configs::explainability_baseline(Format::Csv);
    config["methods"]["shap"]["num_samples"] = json!(40);
    config["methods"]["pdp"] = json!({"grid_resolution": 5, "top_k_features": 2});
    let mut tree = Tree::with_dataset(&config, Format::Csv, 30, false);
    tree.succeed(&["--model-url", &model(|_| ()).url()]);
    let expected = tree.results();
    let server = model(|options| {
        options.faults.above_records = Some(50);
        options.faults.throttle_every = Some(5);
        options.faults.reset_every = Some(7);
    });
    for threads in ["1", "3"] {
        tree.set("RAYON_NUM_THREADS", threads);
        tree.succeed(&["--model-url", &server.url()]);
        for (name, bytes) in tree.results() {
            assert!(expected[&name] == bytes, "{name} differs with {threads} threads");
        }
    }
}

#[test]
fn a_model_without_answers_is_told_in_time() {
    let tree = baseline(Format::Csv, 50);
    let run = tree.fail(&["--model-url=http://127.0.0.1:9"], 3, "PL0606");
    assert!(run.message.contains("http://127.0.0.1:9/invocations"), "{}", run.message);
    assert_eq!(run.message.matches("PL0606").count(), 1, "{}", run.message);
    assert!(tree.results().is_empty(), "{:?}", tree.results().keys());
    tree.fail(&[], 1, "PL0610");
}

/// Results that need no predictions are not lost to predictions of which none is positive.
#[test]
fn predictions_that_cannot_be_used_leave_the_results_without_them() {
    let server = model(|_| ());
    let with = |change: fn(&mut Value)| {
        let mut config = configs::bias_model_baseline(Format::Csv, &[]);
        config["label_values_or_threshold"] = json!([7]);
        config["methods"]["shap"] = configs::explainability_baseline(Format::Csv)["methods"]["shap"].clone();
        change(&mut config);
        Tree::with_dataset(&config, Format::Csv, 100, false)
    };
    let url = format!("--model-url={}", server.url());
    let tree = with(|_| ());
    let run = tree.run(&[&url]);
    assert_eq!(run.code, Some(1), "{}", run.log);
    assert!(run.message.starts_with("Error: PL0501: "), "{}", run.message);
    // The row of the baseline comes first.
    assert_eq!(server.counts().records, 1 + 100, "attributions were asked for");
    let alone = with(|config| {
        for key in ["post_training_bias", "shap"] {
            config["methods"].as_object_mut().unwrap().remove(key);
        }
    });
    alone.succeed(&[]);
    assert_eq!(tree.analysis_bytes(), alone.analysis_bytes());
    let names = |tree: &Tree| tree.results().into_keys().collect::<Vec<_>>();
    assert_eq!(names(&tree), names(&alone));

    let without = with(|config| drop(config["methods"].as_object_mut().unwrap().remove("pre_training_bias")));
    without.fail(&[&url], 1, "PL0501");
}

/// A job that makes an endpoint of its own.
fn with_own_endpoint(server: &plumbline_model_server::Server, rows: u64) -> Tree {
    let mut config = configs::bias_model_baseline(Format::Csv, &[]);
    let predictor = config["predictor"].as_object_mut().unwrap();
    predictor.remove("endpoint_name");
    predictor.extend([
        ("model_name".to_string(), json!("credit")),
        ("instance_type".to_string(), json!("ml.m5.large")),
        ("initial_instance_count".to_string(), json!(1)),
    ]);
    let mut tree = Tree::with_dataset(&config, Format::Csv, rows, false);
    tree.aws(server);
    tree
}

#[test]
fn an_endpoint_is_made_used_and_deleted() {
    let server = model(|options| options.creating_polls = 1);
    let tree = with_own_endpoint(&server, 700);
    tree.succeed(&[]);
    assert!(tree.analysis_bytes() == expected(700));
    assert!(server.left_behind().is_empty(), "{:?}", server.left_behind());
    let calls = server.control_calls();
    assert!(["CreateEndpoint", "DeleteEndpoint"].iter().all(|call| calls.iter().any(|made| made == call)));
}

/// What cannot be deleted is told once the results are written: a configuration costs nothing, an endpoint does.
#[test]
fn results_are_not_lost_to_an_endpoint_that_stays() {
    for (action, command, exit) in [
        ("DeleteEndpointConfig", "aws sagemaker delete-endpoint-config --endpoint-config-name ", 0),
        ("DeleteEndpoint", "aws sagemaker delete-endpoint --endpoint-name ", 1),
    ] {
        let server = model(|options| {
            options.faults.script = Script::controlled(move |called, _| {
                (called == action).then_some(ControlFault::Refuse(
                    400,
                    "AccessDeniedException",
                    "not authorized",
                ))
            });
        });
        let tree = with_own_endpoint(&server, 700);
        let run = tree.run(&[]);
        assert_eq!(run.code, Some(exit), "{}", run.log);
        let left = &server.left_behind()[0];
        assert!(run.message.contains(&format!("{command}{left}")), "{}", run.message);
        assert!(tree.analysis_bytes() == expected(700));
        let fixed = "Completed: Job completed successfully with no violations.";
        assert_eq!(run.message.starts_with(fixed), exit == 0, "{}", run.message);
    }
}

/// The endpoint goes as soon as the last row is answered, before the intervals and the reports.
#[test]
fn the_endpoint_is_deleted_before_the_metrics_are_worked_out() {
    let server = model(|_| ());
    let run = with_own_endpoint(&server, 700).succeed(&[]);
    let place = |words: &str| run.log.find(words).unwrap_or_else(|| panic!("{words}: {}", run.log));
    assert!(place("Deleting endpoint with name") < place("results and reports are in"));
    assert!(server.left_behind().is_empty());
}

#[test]
fn an_endpoint_that_fails_to_start_is_deleted() {
    let server = model(|options| options.faults.endpoint_fails = true);
    let run = with_own_endpoint(&server, 50).fail(&[], 3, "PL0613");
    assert!(run.message.contains("ping health check"), "{}", run.message);
    assert!(server.left_behind().is_empty(), "{:?}", server.left_behind());
}

/// Stops a run that must not go on for long then.
#[track_caller]
fn stopped(tree: &Tree, child: Child, at: impl Fn() -> bool) -> Run {
    let (run, took) = tree.stopped(child, at);
    assert!(took < Duration::from_secs(10), "{took:?}");
    run
}

#[test]
fn stopped_while_predicting_it_leaves_neither_results_nor_endpoint() {
    let server = model(|options| options.latency = Duration::from_millis(300));
    let tree = with_own_endpoint(&server, 20_000);
    let run = stopped(&tree, tree.start(&[]), || server.counts().records > 0);
    assert_eq!(run.code, Some(143), "{}", run.log);
    assert!(run.message.starts_with("Stopped: PL0904: "), "{}", run.message);
    assert!(tree.results().is_empty());
    assert!(server.left_behind().is_empty(), "{:?}", server.left_behind());
}

#[test]
fn stopped_while_the_endpoint_starts_it_leaves_none() {
    // As AWS it refuses to delete an endpoint that is being created: the job goes on trying.
    let server = model(|options| options.creating = Duration::from_secs(4));
    let tree = with_own_endpoint(&server, 50);
    for arguments in [&[][..], &["validate", "--ask-model"]] {
        let before = server.control_calls().len();
        let calls = || server.control_calls().split_off(before);
        let describing = || calls().iter().any(|call| call == "DescribeEndpoint");
        // A dry run writes no message.
        std::fs::remove_file(tree.path("output/message")).ok();
        let run = stopped(&tree, tree.start(arguments), describing);
        let tries = calls().iter().filter(|call| *call == "DeleteEndpoint").count();
        assert!(tries > 1, "{:?}", calls());
        assert_eq!(run.code, Some(143), "{}", run.log);
        let expected = if arguments.is_empty() { "Stopped: PL0904: " } else { "" };
        assert!(
            run.message.starts_with(expected) && run.message.is_empty() == expected.is_empty(),
            "{}",
            run.message
        );
        assert!(server.left_behind().is_empty(), "{:?}", server.left_behind());
    }
}

#[test]
fn attributions_add_up_and_are_judged() {
    let server = model(|_| ());
    let config = configs::explainability_baseline(Format::Csv);
    let tree = Tree::with_dataset(&config, Format::Csv, 30, false);
    tree.succeed(&["--model-url", &server.url()]);
    let analysis = tree.result("analysis.json");
    let shap = analysis["explanations"]["kernel_shap"].as_object().unwrap();
    let (_, output) = shap.iter().next().unwrap();
    assert_eq!(output["global_shap_values"].as_object().unwrap().len(), 14);
    assert!(tree.results().contains_key("explanations_shap/out.csv"), "{:?}", tree.results().keys());

    // The same run against itself does not drift; against another order of features it does.
    tree.file("baseline/analysis.json", tree.analysis_bytes());
    let baseline = format!("--baseline-constraints={}", tree.path("baseline").display());
    let run = tree.succeed(&["--model-url", &server.url(), &baseline]);
    assert_eq!(run.message, "Completed: Job completed successfully with no violations.");
    let mut turned = analysis.clone();
    let values = turned["explanations"]["kernel_shap"].as_object_mut().unwrap().values_mut().next().unwrap();
    let values = values["global_shap_values"].as_object_mut().unwrap();
    let mut sorted: Vec<f64> = values.values().map(|value| value.as_f64().unwrap()).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let rank = |value: &Value| sorted.iter().position(|known| Some(*known) == value.as_f64()).unwrap();
    for value in values.values_mut() {
        *value = json!(sorted[sorted.len() - 1 - rank(value)]);
    }
    tree.file("baseline/analysis.json", turned.to_string());
    let run = tree.succeed(&["--model-url", &server.url(), &baseline]);
    assert!(run.message.starts_with("CompletedWithViolations: "), "{}", run.message);
    assert_eq!(
        tree.result("constraint_violations.json")["violations"][0]["constraint_check_type"],
        "feature_attribution_drift_check"
    );
}
