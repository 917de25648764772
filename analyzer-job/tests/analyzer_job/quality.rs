//! The data quality monitor as a user starts it: baseline, window, what a changed window raises.

use std::fs;

use plumbline_generator::traffic::{CAPTURES, Payload};
use serde_json::Value;

use crate::program::{OUTPUT, Tree, captured, traffic};

/// Captured CSV payloads of this drift, a second column of the answer included.
fn tree(rows: u64, drift: f64) -> Tree {
    let mut traffic = traffic(rows, drift);
    (traffic.payload, traffic.several) = (Payload::Csv, 0.3);
    let mut tree = captured(&traffic);
    let captures = tree.path("traffic").join(CAPTURES).display().to_string();
    tree.set("analysis_type", "DATA_QUALITY")
        .set(
            "dataset_format",
            r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#,
        )
        .set("dataset_source", captures);
    tree
}

/// Hands the results of a baseline to a monitor.
fn hold_against(monitor: &mut Tree, baseline: &Tree) {
    for name in ["constraints.json", "statistics.json"] {
        monitor.file(&format!("processing/baseline/{name}"), &baseline.results()[name]);
    }
    monitor
        .set("baseline_constraints", "/opt/ml/processing/baseline/constraints.json")
        .set("baseline_statistics", "/opt/ml/processing/baseline");
}

fn violated(tree: &Tree) -> Vec<(String, String)> {
    let violations = tree.result("constraint_violations.json");
    let text = |violation: &Value, key: &str| violation[key].as_str().unwrap().to_string();
    let violations = violations["violations"].as_array().unwrap();
    violations.iter().map(|v| (text(v, "feature_name"), text(v, "constraint_check_type"))).collect()
}

#[test]
fn the_same_traffic_is_clean_and_a_drifted_one_is_told() {
    let baseline = tree(3000, 0.0);
    let run = baseline.succeed(&[]);
    assert_eq!(run.message, "Completed: Job completed successfully with no violations.");
    assert!(run.log.contains("read 3000 rows from "), "{}", run.log);
    let names: Vec<String> = baseline.results().into_keys().collect();
    let expected = [
        "constraints.json",
        "data_quality_details.json",
        "report.html",
        "report.ipynb",
        "report.pdf",
        "statistics.json",
    ];
    assert_eq!(names, expected);
    let features = baseline.result("statistics.json")["features"].as_array().unwrap().len();

    let mut same = tree(3000, 0.0);
    hold_against(&mut same, &baseline);
    same.succeed(&[]);
    let bytes = same.results();
    assert_eq!(bytes["constraint_violations.json"], b"{\n  \"violations\" : [ ]\n}");
    assert!(bytes["statistics.json"] == baseline.results()["statistics.json"]);
    let details = same.result("data_quality_details.json");
    let columns = details["columns"].as_array().unwrap();
    assert!(columns.len() <= features && columns.iter().all(|column| column["effect"] == 0.0));

    let mut drifted = tree(3000, 1.0);
    hold_against(&mut drifted, &baseline);
    drifted.set("drift_rule", "weighted").set("publish_cloudwatch_metrics", "Enabled");
    let run = drifted.succeed(&["--sagemaker-monitoring-schedule-name=sch"]);
    let violations = violated(&drifted);
    assert!(violations.iter().any(|(_, check)| check == "baseline_drift_check"), "{violations:?}");
    assert_eq!(
        run.message,
        format!("CompletedWithViolations: Job completed successfully with {} violations.", violations.len())
    );
    let lines =
        fs::read_to_string(drifted.path("output/metrics/cloudwatch/cloudwatch_metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("feature_non_null_")).count(), features);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["MetricName"], last["Value"].as_f64()),
        (&"total_number_of_violations".into(), Some(violations.len() as f64))
    );

    // The reports can be made again, of a baseline and of a monitor.
    for tree in [&baseline, &drifted] {
        let before = tree.results();
        for ending in ["html", "ipynb", "pdf"] {
            fs::remove_file(tree.path(OUTPUT).join(format!("report.{ending}"))).unwrap();
        }
        tree.succeed(&["report", &tree.path(OUTPUT).display().to_string()]);
        let again = tree.results();
        for (name, bytes) in before {
            assert!(again[&name] == bytes, "{name}");
        }
    }

    // A baseline into the same folder: nothing is left that would speak of the monitor.
    let tidy = tree(500, 0.0);
    tidy.file(&format!("{OUTPUT}/constraint_violations.json"), "{}")
        .file(&format!("{OUTPUT}/data_quality_details.json"), "{}");
    tidy.succeed(&[]);
    assert_eq!(tidy.results().into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn a_window_of_another_spelling_breaks_types_until_values_count() {
    let csv = |tree: &mut Tree, text: &str| {
        tree.file("processing/input/endpoint/data.csv", text);
        tree.set("dataset_format", r#"{"csv":{"header":true}}"#);
    };
    let mut baseline = Tree::new();
    csv(&mut baseline, &format!("n,plan\n{}", "1,a\n2,b\n".repeat(40)));
    baseline.set("analysis_type", "DATA_QUALITY").succeed(&[]);
    let mut monitor = Tree::new();
    csv(&mut monitor, &format!("n,plan\n{}", "1.0,a\n2.0,b\n".repeat(40)));
    hold_against(monitor.set("analysis_type", "DATA_QUALITY"), &baseline);
    let run = monitor.succeed(&[]);
    assert_eq!(violated(&monitor), [("n".to_string(), "data_type_check".to_string())]);
    assert!(run.log.contains("1 of 1 type violation is a matter of spelling"), "{}", run.log);
    monitor.succeed(&["--value-typing=value"]);
    assert_eq!(violated(&monitor), []);
}

#[test]
fn a_domain_is_checked_to_the_value_also_among_many() {
    let mut baseline = Tree::new();
    let few: String = (0..200).map(|i| format!("p{}\n", i % 4)).collect();
    baseline.file("processing/input/endpoint/data.csv", format!("plan\n{few}"));
    baseline
        .set("dataset_format", r#"{"csv":{"header":true}}"#)
        .set("analysis_type", "DATA_QUALITY")
        .succeed(&[]);
    let mut monitor = Tree::new();
    // 300 others come first, so that the profile has given up its categories when the known ones come.
    let many: String =
        (0..300).map(|i| format!("x{i}\n")).chain((0..100).map(|i| format!("p{}\n", i % 4))).collect();
    monitor.file("processing/input/endpoint/data.csv", format!("plan\n{many}"));
    monitor.set("dataset_format", r#"{"csv":{"header":true}}"#).set("analysis_type", "DATA_QUALITY");
    hold_against(&mut monitor, &baseline);
    monitor.succeed(&[]);
    let violations = monitor.result("constraint_violations.json");
    assert_eq!(
        violations["violations"][0]["description"],
        "Value: 0.25 does not meet the constraint requirement!"
    );
}

#[test]
fn what_cannot_be_used_stops_before_anything_is_written() {
    let data = |tree: &mut Tree| {
        tree.file("processing/input/endpoint/data.csv", "a,b\n1,2\n3,4\n");
        tree.set("analysis_type", "DATA_QUALITY");
    };
    for (name, value, exit, code, said) in [
        ("dataset_format", r#"{"avro":{}}"#, 1, "PL0101", "avro"),
        ("baseline_constraints", "/opt/ml/processing/nowhere.json", 1, "PL0801", "nowhere.json"),
        ("baseline_statistics", "/opt/ml/processing/input/endpoint/data.csv", 1, "PL0801", "no JSON"),
        (
            "record_preprocessor_script",
            "/opt/ml/processing/code/x.py",
            1,
            "PL0204",
            "record_preprocessor_script",
        ),
        ("exclude_features_attribute", "c", 1, "PL0304", "`c`"),
        ("data_quality_monitoring_config", r#"{"emit_metrics":"Maybe"}"#, 1, "PL0101", "emit_metrics"),
        ("categorical_drift_method", "Cosine", 1, "PL0101", "categorical_drift_method"),
        ("compat", "lax", 1, "PL0101", "compat"),
        ("drift_rule", "none", 1, "PL0101", "drift_rule"),
        ("output_path", "/opt/ml/processing/input/endpoint/out", 1, "PL0101", "inside an input"),
        ("dataset_source", "/opt/ml/processing/nowhere", 1, "PL0101", "dataset_source"),
    ] {
        let mut tree = Tree::new();
        data(&mut tree);
        tree.set(name, value);
        let run = tree.fail(&[], exit, code);
        assert!(run.message.contains(said), "{name}: {}", run.message);
        assert_eq!(tree.run(&["validate"]).code, Some(exit), "{name}");
    }
    let mut empty = Tree::new();
    empty.file("processing/input/endpoint/data.csv", "a,b\n");
    empty.set("analysis_type", "DATA_QUALITY");
    assert!(empty.fail(&[], 2, "PL0302").message.contains("no data"));
}

#[test]
fn a_dry_run_looks_and_writes_nothing() {
    let mut tree = Tree::new();
    tree.file("processing/input/endpoint/data.csv", "a,b\n1,x\n,y\n");
    tree.set("analysis_type", "DATA_QUALITY");
    let run = tree.succeed(&["validate"]);
    for part in
        ["data quality baseline", "2 rows from 2 records", "a: Integral, 1 of 2 rows", "The job would start"]
    {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    assert!(tree.results().is_empty());
}

#[test]
fn columns_are_left_out_on_both_sides() {
    let mut baseline = Tree::new();
    baseline.file("processing/input/endpoint/data.csv", "1,2,x\n3,4,y\n");
    baseline.set("dataset_format", r#"{"csv":{"header":false}}"#).set("analysis_type", "DATA_QUALITY");
    let names = |tree: &Tree| {
        let statistics = tree.result("statistics.json");
        let features = statistics["features"].as_array().unwrap();
        features.iter().map(|feature| feature["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    baseline.succeed(&["--exclude-features-attribute=0, _c2"]);
    assert_eq!(names(&baseline), ["_c1"]);
    // The baseline lacks them, the window has them still.
    let mut monitor = Tree::new();
    monitor.file("processing/input/endpoint/data.csv", "9,2,z\n9,4,z\n");
    monitor.set("dataset_format", r#"{"csv":{"header":false}}"#).set("analysis_type", "DATA_QUALITY");
    hold_against(&mut monitor, &baseline);
    monitor.succeed(&["--exclude-features-attribute=0, _c2"]);
    assert_eq!((names(&monitor), violated(&monitor)), (vec!["_c1".to_string()], vec![]));
    monitor.succeed(&[]);
    assert_eq!(violated(&monitor), [("Extra columns".to_string(), "extra_column_check".to_string())]);
}
