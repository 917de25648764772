//! Bias monitors: drift, the join within the job, windows, records that do not fit.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_generator::traffic::Payload;
use serde_json::{Value, json};

use crate::program::{MONITOR, OUTPUT, Tree, captured, files_below, monitored, traffic};

/// Rows that the run says it used.
fn rows(tree: &Tree) -> u64 {
    tree.result("bias_details.json")["run"]["rows"]["rows"].as_u64().unwrap()
}

fn skipped(tree: &Tree) -> Vec<Value> {
    tree.result("bias_details.json")["run"]["rows"]["records_skipped"].as_array().unwrap().clone()
}

#[test]
fn drift_is_told_and_its_absence_leaves_no_file() {
    let baseline = monitored(&traffic(2000, 0.0));
    let run = baseline.succeed(&MONITOR);
    assert_eq!(run.message, "Completed: Job completed successfully with no violations.");

    let drifted = monitored(&traffic(2000, 1.0));
    drifted.file("processing/baseline/constraints/analysis.json", baseline.analysis_bytes());
    let constraints = "--baseline-constraints=/opt/ml/processing/baseline/constraints";
    let run = drifted.succeed(&[&MONITOR, [constraints].as_slice()].concat());
    let violations = drifted.result("constraint_violations.json");
    let violations = violations["violations"].as_array().unwrap();
    let message =
        format!("CompletedWithViolations: Job completed successfully with {} violations.", violations.len());
    assert_eq!(run.message, message);
    assert!(violations.iter().any(|violation| violation["metric_name"] == "DPPL"), "{violations:?}");
    for violation in violations {
        assert_eq!(violation["constraint_check_type"], "bias_drift_check");
        assert_eq!((&violation["facet"], &violation["facet_value"]), (&json!("sex"), &json!("female")));
    }

    // The same data against its own baseline: nothing violated, and the older file goes.
    drifted.file("processing/baseline/constraints/analysis.json", drifted.analysis_bytes());
    let run = drifted.succeed(&[&MONITOR, [constraints].as_slice()].concat());
    assert_eq!(run.message, "Completed: Job completed successfully with no violations.");
    assert!(!drifted.results().contains_key("constraint_violations.json"));
}

/// An alarm waits until enough windows agree, and log, message, details and report say so.
#[test]
fn what_other_windows_hold_back_is_told() {
    let baseline = monitored(&traffic(2000, 0.0));
    baseline.succeed(&MONITOR);
    let drifted = monitored(&traffic(2000, 1.0));
    drifted.file("baseline/analysis.json", baseline.analysis_bytes());
    let constraints = format!("--baseline-constraints={}", drifted.path("baseline").display());
    let history = format!("--history={}", drifted.path("history").display());
    let more = [constraints.as_str(), &history, "--drift-windows=2/2", "--bias-drift-check=interval"];
    let arguments = [&MONITOR, more.as_slice()].concat();
    fs::create_dir(drifted.path("history")).unwrap();

    let run = drifted.succeed(&arguments);
    let details = drifted.result("bias_details.json");
    let held = &details["check"]["held_back"];
    let count = held["metrics"].as_u64().unwrap();
    assert!(count > 0 && (&held["agreeing"], &held["of"]) == (&json!(2), &json!(2)), "{held}");
    assert_eq!(
        run.message,
        format!(
            "Completed: Job completed successfully with no violations. Metrics held back by drift_windows 2/2: {count}."
        )
    );
    assert!(run.log.contains("`drift_windows` asks for 2 of the last 2 windows"), "{}", run.log);
    let page = fs::read_to_string(drifted.path(OUTPUT).join("report.html")).unwrap();
    assert!(page.contains("no violation, as fewer than 2 of the last 2 windows agree"), "{count}");
    let given = |name: &str| {
        let settings = details["run"]["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["name"] == name).unwrap()["given"].clone()
    };
    assert_eq!([given("bias_drift_check"), given("on_bad_record")], [json!(true), json!(false)]);

    // The same data again is the same window. Another window agrees, if it left its verdicts.
    let as_earlier = |name: &str, details: &Value| {
        drifted.file(&format!("history/{name}/analysis.json"), drifted.analysis_bytes());
        drifted.file(&format!("history/{name}/bias_details.json"), details.to_string());
    };
    as_earlier("1", &details);
    assert!(drifted.succeed(&arguments).message.contains("held back"));
    let mut other = details.clone();
    for input in other["run"]["inputs"].as_array_mut().unwrap() {
        input["sha256"] = json!("of other data");
    }
    as_earlier("2", &other);
    let run = drifted.succeed(&arguments);
    assert_eq!(
        run.message,
        format!("CompletedWithViolations: Job completed successfully with {count} violations.")
    );
    fs::remove_file(drifted.path("history/1/bias_details.json")).unwrap();
    fs::remove_file(drifted.path("history/2/bias_details.json")).unwrap();
    let run = drifted.succeed(&arguments);
    assert!(run.message.contains("held back"), "{}", run.message);
    assert!(run.log.contains("windows of the history that cannot agree"), "{}", run.log);
    // Damage is told once.
    drifted.file("history/2/bias_details.json", "{");
    let run = drifted.succeed(&arguments);
    assert_eq!(run.log.matches("history/2/bias_details.json").count(), 1, "{}", run.log);
}

#[test]
fn captures_joined_in_the_job_equal_those_merged_before() {
    let mut traffic = traffic(1500, 0.3);
    (traffic.missing, traffic.orphaned, traffic.repeated) = (0.05, 0.02, 0.01);
    let merged = monitored(&traffic);
    merged.succeed(&MONITOR);

    let by_setting = captured(&traffic);
    let path = |name: &str| by_setting.path("traffic").join(name).display().to_string();
    let captures = format!("--dataset-source={}", path("captures"));
    let labels = format!("--ground-truth-source={}", path("ground-truth"));
    let run = by_setting.succeed(&[&MONITOR, [captures.as_str(), &labels].as_slice()].concat());
    assert!(by_setting.analysis_bytes() == merged.analysis_bytes());
    assert!(run.log.contains("merge: Completed: merged "), "{}", run.log);

    // Where monitors have them, captures and ground truth need no setting.
    let by_place = captured(&traffic);
    fs::rename(by_place.path("traffic/captures"), by_place.path("processing/input_data")).unwrap();
    fs::rename(by_place.path("traffic/ground-truth"), by_place.path("processing/groundtruth")).unwrap();
    by_place.succeed(&MONITOR);
    assert!(by_place.analysis_bytes() == merged.analysis_bytes());
    assert_eq!(files_below(&by_place.path(OUTPUT)).len(), merged.results().len());
}

#[test]
fn what_the_data_are_wins_over_the_dataset_type() {
    for payload in [Payload::Csv, Payload::JsonLines] {
        let mut traffic = traffic(300, 0.0);
        traffic.payload = payload;
        let csv = ["--analysis-type=MODEL_BIAS", "--inference-attribute=0"];
        let arguments = if payload == Payload::Csv { &csv[..] } else { &MONITOR };
        let tree = monitored(&traffic);
        let format = if payload == Payload::Csv { Format::Csv } else { Format::JsonLines };
        let mut config = configs::bias_monitor(format, &[]);
        tree.config(&config);
        tree.succeed(arguments);
        let expected = tree.analysis_bytes();
        for kind in ["text/csv", "application/jsonlines", "application/json", "application/x-parquet"] {
            config["dataset_type"] = json!(kind);
            tree.config(&config);
            tree.succeed(arguments);
            assert!(tree.analysis_bytes() == expected, "{payload:?} {kind}");
        }
    }

    // JSON Lines that are no captures still need the place of the features, from either side.
    let tree = Tree::new();
    let config = json!({
        "dataset_type": "application/jsonlines", "headers": ["age", "y"], "label": "y",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "age", "value_or_threshold": [10]}],
        "methods": {"pre_training_bias": {"methods": "all"}},
    });
    let rows: Vec<String> = (0..60).map(|n| format!("{{\"f\":[{n}],\"y\":{}}}", n % 2)).collect();
    tree.config(&config).file("processing/input_data/a.jsonl", rows.join("\n"));
    tree.fail(&["--analysis-type=MODEL_BIAS"], 1, "PL0203");
    tree.succeed(&["--analysis-type=MODEL_BIAS", "--features-attribute=f"]);
}

#[test]
fn a_window_is_a_time_or_an_offset_and_its_end_is_not_in_it() {
    let tree = monitored(&traffic(1200, 0.0));
    let rows_of = |arguments: &[&str]| {
        tree.succeed(&[&MONITOR, arguments].concat());
        rows(&tree)
    };
    assert_eq!(rows_of(&[]), 1200);
    // Hours hold 200 rows each.
    let two_hours = ["--start-time=2024-05-01T01:00:00Z", "--end-time", "2024-05-01T03:00:00Z"];
    assert_eq!(rows_of(&two_hours), 400);
    let left_out = skipped(&tree);
    assert!(
        left_out.iter().any(|skipped| skipped["reason"].as_str().unwrap().contains("window")),
        "{left_out:?}"
    );
    assert_eq!(rows_of(&["--start-time=2024-05-01T04:00:00Z"]), 400);

    let mut recent = traffic(1200, 0.0);
    let hour = SignedDuration::from_hours(1);
    let this_hour = Timestamp::from_second(Timestamp::now().as_second() / 3600 * 3600).unwrap();
    recent.start = this_hour - 4 * hour;
    let tree = monitored(&recent);
    tree.succeed(&[&MONITOR, ["--start-time", "-PT24H", "--end-time=-PT0H"].as_slice()].concat());
    // Four whole hours have passed, and a part of the fifth.
    assert!((800..=1000).contains(&rows(&tree)), "{}", rows(&tree));
    let run = tree.run(&[&MONITOR, ["--start-time=-PT0H", "--end-time=-PT6H"].as_slice()].concat());
    assert_eq!(run.code, Some(1));
    assert!(run.message.contains("PL0101: the window is empty"), "{}", run.message);
}

/// One line of merged records, changed.
fn break_one(tree: &Tree, change: impl Fn(&mut Value)) -> String {
    let folder = tree.path("processing/input_data");
    let (name, bytes) = files_below(&folder).into_iter().next().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let mut record: Value = serde_json::from_str(&lines[7]).unwrap();
    change(&mut record);
    lines[7] = record.to_string();
    fs::write(folder.join(&name), lines.join("\n") + "\n").unwrap();
    record["eventMetadata"]["eventId"].as_str().unwrap().to_string()
}

#[test]
fn a_record_whose_parts_differ_in_number_is_named_and_left_out() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 3] = [
        ("one more row in the request", |record| {
            let data = &mut record["captureData"]["endpointInput"]["data"];
            let text = data.as_str().unwrap().trim_end().to_string();
            let first = text.lines().next().unwrap().to_string();
            *data = json!(format!("{text}\n{first}\n"));
        }),
        ("one more prediction", |record| {
            let data = &mut record["captureData"]["endpointOutput"]["data"];
            *data = json!(format!(
                "{}\n{}\n",
                data.as_str().unwrap().trim_end(),
                r#"{"approved": 1, "score": 0.9}"#
            ));
        }),
        ("one more label", |record| {
            let data = &mut record["groundTruthData"]["data"];
            *data = json!(format!("{}\n1\n", data.as_str().unwrap().trim_end()));
        }),
    ];
    for (case, change) in cases {
        let mut traffic = traffic(600, 0.0);
        traffic.several = 0.0;
        let tree = monitored(&traffic);
        let event = break_one(&tree, change);
        let run = tree.succeed(&MONITOR);
        assert_eq!(rows(&tree), 599, "{case}");
        let left_out = skipped(&tree);
        let named = left_out[0]["examples"][0].as_str().unwrap();
        assert!(named.contains("line 8") && named.contains(&event), "{case}: {left_out:?}");
        assert!(run.log.contains("line 8"), "{case}: {}", run.log);

        let strict = tree.run(&[&MONITOR, ["--on-bad-record=fail"].as_slice()].concat());
        assert_eq!(strict.code, Some(3), "{case}: {}", strict.log);
        assert!(
            strict.message.starts_with("Error: PL0301: ") && strict.message.contains("line 8"),
            "{case}: {}",
            strict.message
        );
    }
}
