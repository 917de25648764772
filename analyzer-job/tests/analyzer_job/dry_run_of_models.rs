//! The dry run of analyses that ask a model: the exit code of the job, and what it may ask and make.

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::{ControlFault, Script};
use serde_json::{Value, json};

use crate::program::{Tree, model};

/// Attributions of 40 rows, with one thing or another changed in the configuration.
fn explained(change: impl FnOnce(&mut Value)) -> Tree {
    let mut config = configs::explainability_baseline(Format::Csv);
    config["methods"]["shap"]["num_samples"] = json!(10);
    change(&mut config);
    Tree::with_dataset(&config, Format::Csv, 40, false)
}

/// The dry run stops as the job does: same exit code, and the same message, which it prints and which is given here.
#[track_caller]
pub(crate) fn stops_as_the_job(tree: &Tree, arguments: &[&str], code: &str) -> String {
    let dry = tree.run(&[&["validate"], arguments].concat());
    let reason = dry.stdout.lines().find_map(|line| line.strip_prefix("The job would stop: "));
    assert!(dry.message.is_empty() && tree.results().is_empty());
    let job = tree.run(arguments);
    assert_eq!((dry.code, reason), (job.code, job.message.strip_prefix("Error: ")), "{}", dry.stdout);
    assert!(job.code != Some(0) && job.message.starts_with(&format!("Error: {code}: ")), "{}", job.message);
    job.message
}

#[test]
fn what_is_wrong_with_the_questions_is_told_as_the_job_tells_it() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    let shap =
        |key: &'static str, value: Value| explained(move |config| config["methods"]["shap"][key] = value);
    for (tree, code) in [
        (shap("baseline", json!([[30, 0]])), "PL0705"),
        (shap("features_to_explain", json!(["no_column"])), "PL0704"),
        (
            explained(|config| {
                config["methods"]["pdp"] = json!({"features": ["no_column"], "grid_resolution": 5})
            }),
            "PL0704",
        ),
    ] {
        stops_as_the_job(&tree, &[&url], code);
    }
    assert_eq!(server.counts().records, 0, "the model was asked");
}

/// What rows, baseline and settings decide alone costs no request, and makes nothing in the account.
#[test]
fn a_budget_that_is_too_small_is_told_before_anything_is_asked_or_made() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    let both = || {
        let mut config = configs::bias_model_baseline(Format::Csv, &[]);
        let shap = configs::explainability_baseline(Format::Csv)["methods"]["shap"].clone();
        config["methods"]["shap"] = shap;
        config["methods"]["shap"]["num_samples"] = json!(10);
        config
    };
    let clusters = |config: &mut Value| {
        config["methods"]["shap"].as_object_mut().unwrap().remove("baseline");
    };
    let named = |mut config: Value| {
        config["predictor"] =
            json!({"model_name": "credit", "instance_type": "ml.m5.large", "initial_instance_count": 1});
        config
    };
    let bias = || Tree::with_dataset(&both(), Format::Csv, 40, false);
    // The first records are fewer than all: 1200 rows need more than 3000 of the model, the first 1000 do not.
    let mut large = configs::explainability_baseline(Format::Csv);
    large["methods"]["shap"]["num_samples"] = json!(10);
    let large = Tree::with_dataset(&large, Format::Csv, 1200, false);
    for (tree, setting) in [
        (&explained(|_| ()), "--max-model-rows=1"),
        (&explained(|_| ()), "--max-model-rows=100"),
        (&explained(|_| ()), "--estimator=exact"),
        (&explained(clusters), "--max-model-rows=40"),
        (&explained(clusters), "--estimator=exact"),
        (&bias(), "--max-model-rows=100"),
        (&bias(), "--estimator=exact"),
        (&large, "--max-model-rows=3300"),
    ] {
        let message = stops_as_the_job(tree, &[&url, setting], "PL0703");
        let name = if setting == "--estimator=exact" { "estimator" } else { "max_model_rows" };
        assert!(message.contains(name), "{message}");
    }
    for setting in ["--max-model-rows=100", "--estimator=exact"] {
        let mut tree = Tree::with_dataset(&named(both()), Format::Csv, 40, false);
        stops_as_the_job(tree.aws(&server), &[setting], "PL0703");
    }
    assert_eq!(server.counts().requests, 0, "the model was asked");
    let calls = server.control_calls();
    assert!(calls.iter().all(|call| call == "DescribeModel"), "{calls:?}");
    large.succeed(&["validate", &url, "--max-model-rows=3700"]);
}

/// Labels and facets, too: no prediction changes what is wrong with them.
#[test]
fn what_is_wrong_with_label_and_facets_is_told_before_anything_is_asked_or_made() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    for format in [Format::Csv, Format::JsonLines, Format::Json, Format::Parquet] {
        for (key, value) in [
            ("label_values_or_threshold", json!(["x"])),
            ("facet", json!([{"name_or_index": "age", "value_or_threshold": ["old"]}])),
            ("facet", json!([{"name_or_index": "income"}])),
        ] {
            let mut config = configs::bias_model_baseline(format, &[]);
            config[key] = value;
            let tree = Tree::with_dataset(&config, format, 100, false);
            stops_but_for_a_hint(&tree, &[&url], "PL0310");
            config["predictor"].as_object_mut().unwrap().remove("endpoint_name");
            for (key, value) in [
                ("model_name", json!("credit")),
                ("instance_type", json!("ml.m5.large")),
                ("initial_instance_count", json!(1)),
            ] {
                config["predictor"][key] = value;
            }
            let mut tree = Tree::with_dataset(&config, format, 100, false);
            stops_but_for_a_hint(tree.aws(&server), &[], "PL0310");
        }
    }
    assert_eq!(server.counts().requests, 0, "the model was asked");
    let calls = server.control_calls();
    assert!(calls.iter().all(|call| call == "DescribeModel"), "{calls:?}");
}

/// As `stops_as_the_job`, where the dry run adds that it looked at the first records only.
#[track_caller]
fn stops_but_for_a_hint(tree: &Tree, arguments: &[&str], code: &str) {
    let dry = tree.run(&[&["validate"], arguments].concat());
    let job = tree.fail(arguments, 1, code);
    assert_eq!(dry.code, job.code, "{}", dry.stdout);
    let reason = dry.stdout.lines().find_map(|line| line.strip_prefix("The job would stop: ")).unwrap();
    let said = job.message.strip_prefix("Error: ").unwrap();
    let said = said.split("; hint: ").next().unwrap();
    assert!(reason.starts_with(said), "{reason} {said}");
}

#[test]
fn a_place_that_the_answer_does_not_have_is_told_as_the_job_tells_it() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    for (key, value) in [("probability", json!(9)), ("label_headers", json!(["a", "b", "c", "d", "e"]))] {
        stops_as_the_job(&explained(|config| config["predictor"][key] = value), &[&url], "PL0603");
    }
    let mut config = configs::bias_model_baseline(Format::JsonLines, &[]);
    config["predictor"]["label"] = json!("no_key");
    stops_as_the_job(&Tree::with_dataset(&config, Format::JsonLines, 40, false), &[&url], "PL0603");
}

/// The dry run knows no predictions of all rows. It ends as the job does all the same, with the same metrics not checked: the
/// flip test of text features has no value whatever the model predicts.
#[test]
fn a_partial_baseline_is_told_as_the_job_tells_it() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    let config = configs::bias_model_baseline(Format::Csv, &[]);
    let tree = Tree::with_dataset(&config, Format::Csv, 400, false);
    tree.succeed(&[&url]);
    let whole = tree.result("analysis.json");
    let only = |code: &str| {
        let mut results = whole.clone();
        results.as_object_mut().unwrap().remove("pre_training_bias_metrics");
        let metrics = &mut results["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"];
        metrics.as_array_mut().unwrap().retain(|metric| metric["name"] == code);
        metrics[0]["value"] = json!(0.9);
        results
    };
    let with = |constraints: &Value| {
        let tree = Tree::with_dataset(&config, Format::Csv, 400, false);
        tree.file("baseline/analysis.json", constraints.to_string());
        let path = format!("--baseline-constraints={}", tree.path("baseline").display());
        (tree, [url.clone(), path])
    };
    for (constraints, told) in
        [(&whole, ": FT not checked"), (&only("DI"), " DRR, FT, GE, RD, SD, TE not checked")]
    {
        let (tree, [url, path]) = with(constraints);
        let dry = tree.succeed(&["validate", &url, &path]).stdout;
        let job = tree.succeed(&[&url, &path]).log;
        assert!(dry.contains(told) && job.contains(told), "{dry}{job}");
    }
    let (tree, [url, path]) = with(&only("FT"));
    let (dry, job) = (tree.run(&["validate", &url, &path]), tree.run(&[&url, &path]));
    assert_eq!((dry.code, job.code), (Some(1), Some(1)), "{}{}", dry.stdout, job.log);
    let told = "PL0802: bias drift cannot be checked: no metric of this run is in the constraints";
    assert!(dry.stdout.contains(told) && job.message.contains(told), "{}{}", dry.stdout, job.message);
}

#[test]
fn label_and_facets_are_looked_at_where_the_model_predicts() {
    let server = model(|_| ());
    let mut config = configs::bias_model_baseline(Format::JsonLines, &[]);
    config["label_values_or_threshold"] = json!(["nobody"]);
    let tree = Tree::with_dataset(&config, Format::JsonLines, 40, false);
    let run = tree.run(&["validate", "--model-url", &server.url()]);
    assert!(run.stdout.contains("nobody"), "{}", run.stdout);
}

#[test]
fn of_a_model_without_endpoint_nothing_is_made_unless_it_is_asked_for() {
    let named = |name: &str| {
        explained(|config| {
            config["predictor"] =
                json!({"model_name": name, "instance_type": "ml.m5.large", "initial_instance_count": 1});
        })
    };
    let server = model(|_| ());
    let mut tree = named("credit");
    let run = tree.aws(&server).succeed(&["validate"]);
    let calls = server.control_calls();
    assert!(!calls.is_empty() && calls.iter().all(|call| call == "DescribeModel"), "{calls:?}");
    assert_eq!(server.counts().records, 0);
    let rows = run.stdout.lines().find(|line| line.trim_start().starts_with("rows to ask")).unwrap();
    assert!(rows.contains("441 for attributions") && run.stdout.contains("credit"), "{}", run.stdout);

    let run = tree.succeed(&["validate", "--ask-model"]);
    assert!(server.control_calls().iter().any(|call| call == "CreateEndpoint"));
    assert!(server.left_behind().is_empty() && run.stdout.contains("One row sent"), "{}", run.stdout);
    assert!(tree.results().is_empty());
}

/// As the job does: an endpoint that cannot be deleted costs money, a configuration costs nothing.
#[test]
fn an_endpoint_that_the_dry_run_cannot_delete_is_its_failure() {
    for (action, command, exit) in [
        ("DeleteEndpointConfig", "aws sagemaker delete-endpoint-config --endpoint-config-name ", 0),
        ("DeleteEndpoint", "aws sagemaker delete-endpoint --endpoint-name ", 1),
    ] {
        let server = model(|options| {
            options.faults.script = Script::controlled(move |called, _| {
                let denied = ControlFault::Refuse(400, "AccessDeniedException", "not authorized");
                (called == action).then_some(denied)
            });
        });
        let mut tree = explained(|config| {
            config["predictor"] =
                json!({"model_name": "credit", "instance_type": "ml.m5.large", "initial_instance_count": 1});
        });
        tree.aws(&server);
        let dry = tree.run(&["validate", "--ask-model"]);
        let left = server.left_behind();
        assert_eq!(dry.code, Some(exit), "{}", dry.stdout);
        assert!(dry.stdout.contains(&format!("{command}{}", left[0])), "{}", dry.stdout);
        let stops = dry.stdout.lines().find(|line| line.starts_with("The job would stop: "));
        assert_eq!(stops.is_some_and(|line| line.contains("PL0611") && line.contains(command)), exit == 1);
        assert!(tree.results().is_empty());
        let job = tree.run(&[]);
        assert_eq!(job.code, dry.code, "{}", job.message);
    }
}

#[test]
fn the_baseline_is_asked_too() {
    let server = model(|options| options.remember = true);
    let tree = explained(|config| {
        let row = &mut config["methods"]["shap"]["baseline"][0];
        row[0] = json!(7_654_321);
    });
    tree.succeed(&["validate", "--model-url", &server.url()]);
    let bodies = server.seen().bodies;
    assert!(bodies.iter().any(|body| body.contains("7654321")), "{bodies:?}");
}

#[test]
fn a_model_that_is_not_there_is_told_as_the_job_tells_it() {
    let server = model(|options| options.missing_models = vec!["credit".into()]);
    let mut tree = explained(|config| {
        config["predictor"] =
            json!({"model_name": "credit", "instance_type": "ml.m5.large", "initial_instance_count": 1});
    });
    stops_as_the_job(tree.aws(&server), &[], "PL0611");
}
