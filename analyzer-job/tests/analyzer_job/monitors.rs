//! Bias monitors: drift, the join within the job, windows, records that do not fit.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_generator::traffic::Payload;
use serde_json::{Value, json};

use crate::program::{MONITOR, OUTPUT, Tree, captured, files_below, model, monitored, traffic};

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
            "Completed: Job completed successfully with no violations. Violations held back by drift_windows 2/2: {count}. \
             Windows that the history lacks for it: 1."
        )
    );
    assert!(run.log.contains("`drift_windows` needs 2 of the last 2 windows"), "{}", run.log);
    assert!(run.log.contains("so nothing can be a violation yet: 1"), "{}", run.log);
    let page = fs::read_to_string(drifted.path(OUTPUT).join("report.html")).unwrap();
    assert!(page.contains("held back: fewer than 2 of the last 2 windows agree"), "{count}");
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
    // With nothing but results, the same results are the same window. Others agree by the counts in them, or cannot.
    let run = drifted.succeed(&arguments);
    assert!(run.message.contains("held back") && !run.message.contains("cannot agree"), "{}", run.message);
    let mut results = drifted.result("analysis.json");
    results["version"] = json!("of another window");
    drifted.file("history/2/analysis.json", results.to_string());
    let run = drifted.succeed(&arguments);
    assert_eq!(
        run.message,
        format!("CompletedWithViolations: Job completed successfully with {count} violations.")
    );
    drifted.file("history/2/analysis.json", results.to_string().replace("\"counts\"", "\"of no use\""));
    let run = drifted.succeed(&arguments);
    assert!(run.message.contains("held back"), "{}", run.message);
    assert!(run.message.contains(" Windows of the history that cannot agree: 1."), "{}", run.message);
    assert!(run.log.contains("windows of the history that cannot agree"), "{}", run.log);
    let page = fs::read_to_string(drifted.path(OUTPUT).join("report.html")).unwrap();
    assert!(page.contains("1 earlier window cannot agree"));
    // Damage is told once.
    drifted.file("history/2/bias_details.json", "{");
    let run = drifted.succeed(&arguments);
    assert_eq!(run.log.matches("history/2/bias_details.json").count(), 1, "{}", run.log);
}

/// A green check that could judge nothing, or little, says so.
#[test]
fn a_check_by_chance_of_what_chance_cannot_judge_says_so() {
    for (traffic, told) in [(traffic(60, 0.0), true), (traffic(2000, 0.0), false)] {
        let tree = monitored(&traffic);
        tree.succeed(&MONITOR);
        tree.file("baseline/analysis.json", tree.analysis_bytes());
        let constraints = format!("--baseline-constraints={}", tree.path("baseline").display());
        let run = tree
            .succeed(&[&MONITOR, [constraints.as_str(), "--bias-drift-check=interval"].as_slice()].concat());
        assert_eq!(run.message.contains(" Cannot be violations: "), told, "{}", run.message);
        let check = &tree.result("bias_details.json")["check"];
        assert_eq!(run.log.contains("metrics that cannot be violations"), told, "{check}: {}", run.log);
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert_eq!(page.contains("of this check: too few rows for "), told);
    }
}

/// What a baseline lacks is told by the dry run in the words of the job.
#[test]
fn a_partial_baseline_is_told_before_all_data_are_read() {
    let traffic = traffic(600, 0.0);
    let baseline = monitored(&traffic);
    baseline.succeed(&MONITOR);
    let whole = baseline.result("analysis.json");
    let entry = |results: &mut Value, stage: &str, change: &dyn Fn(&mut Value)| {
        change(&mut results[format!("{stage}_bias_metrics")]["facets"]["sex"][0]);
    };
    let mut without_metrics = whole.clone();
    entry(&mut without_metrics, "post_training", &|entry| {
        let metrics = entry["metrics"].as_array_mut().unwrap();
        metrics.retain(|metric| metric["name"] != "DI" && metric["name"] != "FT");
    });
    let mut without_facet = whole.clone();
    entry(&mut without_facet, "pre_training", &|entry| entry["value_or_threshold"] = json!("other"));
    let mut without_section = whole.clone();
    without_section.as_object_mut().unwrap().remove("pre_training_bias_metrics");
    for (constraints, told) in [
        (without_metrics, "DI, FT not checked"),
        (without_facet, "no facet `sex` with value `female`"),
        (without_section, "have no `pre_training_bias_metrics`"),
        (whole, ""),
    ] {
        let tree = monitored(&traffic);
        tree.file("baseline/analysis.json", constraints.to_string());
        let path = format!("--baseline-constraints={}", tree.path("baseline").display());
        let arguments = [&MONITOR, [path.as_str()].as_slice()].concat();
        tree.succeed(&arguments);
        let details = tree.result("bias_details.json");
        let warnings = details["run"]["warnings"].as_array().unwrap();
        let said = warnings.iter().map(|warning| warning.as_str().unwrap());
        let expected: Vec<&str> = said.filter(|warning| warning.contains("not checked")).collect();
        let dry = tree.succeed(&[&["validate"], arguments.as_slice()].concat()).stdout;
        assert_eq!(dry.matches("not checked").count(), expected.len(), "{dry}{expected:?}");
        assert!(expected.iter().all(|warning| dry.contains(warning)), "{dry}{expected:?}");
        assert!(dry.contains(told), "{told}: {dry}");
    }
}

/// The position of the label in ground truth, which is CSV.
#[test]
fn a_position_of_the_label_is_right_in_csv_only() {
    let tree = |truth: &str, encoding: &str| {
        let tree = Tree::new();
        tree.config(&json!({
            "headers": ["x", "sex", "y"], "label_values_or_threshold": [1],
            "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
        }));
        let line = |n: usize| {
            let csv =
                |data: String| json!({"data": data, "encoding": "CSV", "observedContentType": "text/csv"});
            let record = json!({
                "captureData": {
                    "endpointInput": csv(format!("{n},{}", n % 2)),
                    "endpointOutput": csv((n / 3 % 2).to_string()),
                },
                "groundTruthData": {"data": truth.replace('?', &(n / 2 % 2).to_string()), "encoding": encoding},
                "eventMetadata": {"eventId": n.to_string(), "inferenceTime": "2024-05-01T00:00:00Z"},
                "eventVersion": "0",
            });
            record.to_string() + "\n"
        };
        tree.file("processing/input_data/a.jsonl", (0..100).map(line).collect::<String>());
        tree
    };
    let run = |tree: &Tree, position: &str| {
        let position = format!("--ground-truth-attribute={position}");
        tree.run(&["--analysis-type=MODEL_BIAS", "--inference-attribute=0", &position])
    };
    let expected = tree("?", "CSV");
    assert_eq!(run(&expected, "0").code, Some(0));
    assert_eq!(rows(&expected), 100);
    let second = tree("7,?,x", "CSV");
    assert_eq!(run(&second, "1").code, Some(0));
    assert_eq!(second.analysis_bytes(), expected.analysis_bytes());
    let in_json = "a position cannot tell where something stands in JSON (`ground_truth_attribute`: 2)";
    for (truth, encoding, said) in [
        ("7,?", "CSV", "nothing found by `ground_truth_attribute` = `2`; the last position is 1"),
        ("{\"y\": ?}", "JSON", in_json),
    ] {
        let run = run(&tree(truth, encoding), "2");
        assert_ne!(run.code, Some(0), "{}", run.message);
        assert!(run.message.contains(said), "{}", run.message);
    }
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

/// A configuration of bias and attributions, and how the model is asked.
fn bias_and_attributions(format: Format) -> Value {
    let mut config = configs::explainability_baseline(format);
    let bias = configs::bias_model_baseline(format, &[]);
    for key in ["label_values_or_threshold", "facet", "group_variable"] {
        config[key] = bias[key].clone();
    }
    for stage in ["pre_training_bias", "post_training_bias"] {
        config["methods"][stage] = bias["methods"][stage].clone();
    }
    config["predictor"]["label"] = bias["predictor"]["label"].clone();
    config["methods"]["shap"]["num_samples"] = json!(8);
    config
}

/// Rows of a dataset bring no answers along.
#[test]
fn a_monitor_of_a_dataset_asks_the_model_as_an_analysis_does() {
    const BIAS: &[&str] = &["pre_training_bias_metrics", "post_training_bias_metrics"];
    const EXPLAINED: &[&str] = &["explanations"];
    let server = model(|_| ());
    let with_model = format!("--model-url={}", server.url());
    for format in [Format::Csv, Format::JsonLines, Format::Json, Format::Parquet] {
        let tree = Tree::with_dataset(&bias_and_attributions(format), format, 60, false);
        let run =
            |more: &[&str]| tree.succeed(&[more, &[&with_model, "--save-predictions=Enabled"]].concat());
        run(&[]);
        let (expected, predictions) =
            (tree.result("analysis.json"), tree.results()["predictions.csv"].clone());
        assert!(expected["post_training_bias_metrics"]["facets"].is_object(), "{format:?}");
        for (kinds, folder, parts) in [
            ("MODEL_BIAS", "", &[BIAS, EXPLAINED].concat()[..]),
            ("MODEL_EXPLAINABILITY", "", &[BIAS, EXPLAINED].concat()[..]),
            ("MODEL_BIAS,MODEL_EXPLAINABILITY", "model-bias", BIAS),
            ("MODEL_BIAS,MODEL_EXPLAINABILITY", "model-explainability", EXPLAINED),
        ] {
            let kind = format!("--analysis-type={kinds}");
            let looked = run(&["validate", &kind]);
            assert!(looked.stdout.contains("One row sent to the model"), "{format:?} {}", looked.stdout);
            run(&[&kind, "--output-path=/opt/ml/monitor"]);
            let results = files_below(&tree.path("monitor").join(folder));
            let found: Value = serde_json::from_slice(&results["analysis.json"]).unwrap();
            for &part in parts {
                assert_eq!(found[part], expected[part], "{format:?} {kinds} {part}");
            }
            let has_bias = parts.contains(&BIAS[0]);
            assert_eq!(
                results.get("predictions.csv"),
                has_bias.then_some(&predictions),
                "{format:?} {kinds}"
            );
            fs::remove_dir_all(tree.path("monitor")).unwrap();
        }
    }
}

/// Where predictions are nowhere and nothing tells how to ask for them, no data are read.
#[test]
fn predictions_that_are_nowhere_are_told_before_data_are_read() {
    for format in [Format::Csv, Format::JsonLines, Format::Json, Format::Parquet] {
        let mut config = bias_and_attributions(format);
        for method in ["shap", "pre_training_bias"] {
            config["methods"].as_object_mut().unwrap().remove(method);
        }
        config.as_object_mut().unwrap().remove("predictor");
        let tree = Tree::new();
        tree.config(&config).file("processing/input/data/data", "no data");
        for kind in [&[][..], &["--analysis-type=MODEL_BIAS"]] {
            let run = tree.fail(kind, 1, "PL0203");
            assert!(run.message.contains("predictor"), "{}", run.message);
            let looked = tree.run(&[&["validate"], kind].concat());
            assert_eq!(looked.code, Some(1), "{}", looked.stdout);
            assert!(looked.stdout.contains("PL0203"), "{}", looked.stdout);
            let part = tree.run(&[&["fold", "--out=/opt/ml/state/a"], kind].concat());
            assert!(part.message.contains("cannot be folded"), "{} {}", part.message, part.log);
        }
    }
}
