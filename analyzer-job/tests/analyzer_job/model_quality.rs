//! The model quality monitor: baselines and monitoring runs on generated data.

use serde_json::{Value, json};

use crate::program::{Tree, captured, monitored, traffic};

/// A baseline of 2,000 rows of training data with predictions, label and score.
const BASELINE: [&str; 7] = [
    "--analysis-type=MODEL_QUALITY",
    "--problem-type=BinaryClassification",
    "--dataset-format={\"csv\":{\"header\":true}}",
    "--dataset-source=/opt/ml/processing/input/data",
    "--inference-attribute=approved",
    "--probability-attribute=score",
    "--ground-truth-attribute=repaid",
];

/// The merged traffic of the generator.
const MONITOR: [&str; 6] = [
    "--analysis-type=MODEL_QUALITY",
    "--problem-type=BinaryClassification",
    "--dataset-format={\"sagemakerMergeJson\":{\"captureIndexNames\":[\"endpointOutput\"]}}",
    "--inference-attribute=approved",
    "--probability-attribute=score",
    "--ground-truth-attribute=repaid",
];

const CONSTRAINTS: &str = "--baseline-constraints=/opt/ml/processing/baseline/constraints.json";

fn baseline(more: &[&str]) -> Tree {
    let tree = Tree::with_dataset(&json!({}), plumbline_generator::dataset::Format::Csv, 2000, true);
    std::fs::remove_file(tree.path(crate::program::CONFIG)).unwrap();
    tree.succeed(&[&BASELINE, more].concat());
    tree
}

/// Puts the result files of a baseline where the monitor's arguments say.
fn give(from: &Tree, to: &Tree, names: &[&str]) {
    for name in names {
        to.file(&format!("processing/baseline/{name}"), &from.results()[*name]);
    }
}

fn metric<'a>(details: &'a Value, name: &str) -> &'a Value {
    details["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name).unwrap()
}

#[test]
fn a_baseline_has_statistics_constraints_details_and_reports_and_no_violations() {
    let tree = baseline(&[]);
    let names: Vec<String> = tree.results().into_keys().collect();
    assert_eq!(
        names,
        [
            "constraints.json",
            "model_quality_details.json",
            "report.html",
            "report.ipynb",
            "report.pdf",
            "statistics.json"
        ]
    );
    let statistics = tree.result("statistics.json");
    assert_eq!(statistics["dataset"]["item_count"], 2000);
    let block = &statistics["binary_classification_metrics"];
    let constraints = tree.result("constraints.json");
    assert_eq!(constraints["binary_classification_constraints"]["auc"]["threshold"], block["auc"]["value"]);
    let details = tree.result("model_quality_details.json");
    let accuracy = metric(&details, "accuracy");
    let [low, high] = [0, 1].map(|end| accuracy["interval"][end].as_f64().unwrap());
    let value = block["accuracy"]["value"].as_f64().unwrap();
    assert!(low < value && value < high && high - low < 0.05);
    // The scores of the generator mean what they say.
    let calibration = &details["calibration"];
    assert!(calibration["error"].as_f64().unwrap() < 3.0 * calibration["error_by_chance"].as_f64().unwrap());
    let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
    assert!(page.contains("Calibration: do the scores mean what they say?"), "{}", &page[..500]);
}

#[test]
fn two_runs_write_the_same_bytes() {
    let tree = baseline(&[]);
    let first = tree.results();
    tree.succeed(&BASELINE);
    assert!(tree.results() == first);
}

#[test]
fn a_margin_moves_the_thresholds_to_the_worse_side() {
    let (plain, wide) = (baseline(&[]), baseline(&["--constraint-margin=2sd"]));
    let threshold = |tree: &Tree, name: &str| {
        tree.result("constraints.json")["binary_classification_constraints"][name]["threshold"]
            .as_f64()
            .unwrap()
    };
    assert!(threshold(&wide, "recall") < threshold(&plain, "recall"));
    assert!(threshold(&wide, "false_positive_rate") > threshold(&plain, "false_positive_rate"));
    let details = plain.result("model_quality_details.json");
    let auc = metric(&details, "auc");
    let moved = threshold(&plain, "auc") - threshold(&wide, "auc");
    // The lower end of the interval is farther from a high area than so many standard errors.
    let [low, value] = [&auc["interval"][0], &auc["value"]].map(|number| number.as_f64().unwrap());
    let end = (value - low) * 2.0 / 1.959_963_984_540_054;
    assert!((moved - end).abs() < 1e-12, "{moved} {auc}");
    let error = auc["standard_error"].as_f64().unwrap();
    assert!(2.0 * error < moved && moved < 2.2 * error, "{moved} {auc}");
}

/// The traffic comes from the same world as the training data: thresholds are passed by chance, and that is said.
#[test]
fn chance_passes_thresholds_and_is_told_from_a_change() {
    let (baseline, monitor) = (baseline(&[]), monitored(&traffic(2000, 0.0)));
    give(&baseline, &monitor, &["constraints.json", "model_quality_details.json"]);
    let run = monitor.succeed(&[&MONITOR, [CONSTRAINTS].as_slice()].concat());
    let details = monitor.result("model_quality_details.json");
    let metrics = details["metrics"].as_array().unwrap();
    assert!(metrics.iter().all(|metric| metric["verdict"] != "moved"), "{metrics:?}");
    let violations = monitor.result("constraint_violations.json")["violations"].as_array().unwrap().len();
    let told = match violations {
        0 => "Completed: Job completed successfully with no violations.".into(),
        n => format!("CompletedWithViolations: Job completed successfully with {n} violations."),
    };
    assert_eq!(run.message, told);
}

#[test]
fn turned_labels_are_a_change_for_the_worse_whatever_is_known_of_the_baseline() {
    let (baseline, monitor) = (baseline(&[]), monitored(&traffic(2000, 0.0)));
    // The model now counts those as positive who do not repay.
    let turned = [&MONITOR, ["--positive-label=0", CONSTRAINTS].as_slice()].concat();
    let verdicts = |more: &[&str]| {
        monitor.succeed(&[&turned, more].concat());
        let details = monitor.result("model_quality_details.json");
        metric(&details, "auc")["verdict"].as_str().unwrap().to_owned()
    };
    give(&baseline, &monitor, &["constraints.json"]);
    assert_eq!(verdicts(&[]), "not_compared");
    monitor.file("processing/statistics/statistics.json", &baseline.results()["statistics.json"]);
    let statistics = "--baseline-statistics=/opt/ml/processing/statistics/statistics.json";
    assert_eq!(verdicts(&[statistics]), "moved");
    give(&baseline, &monitor, &["model_quality_details.json"]);
    assert_eq!(verdicts(&[]), "moved");
    assert!(monitor.run(&turned).message.starts_with("CompletedWithViolations: "));
}

/// Labels that are not there yet: the rows that have one are measured, the others are estimated.
#[test]
fn rows_without_labels_are_estimated() {
    let baseline = baseline(&[]);
    let mut some = traffic(3000, 0.0);
    some.missing = 0.5;
    let tree = captured(&some);
    give(&baseline, &tree, &["constraints.json", "model_quality_details.json"]);
    let path = |name: &str| tree.path("traffic").join(name).display().to_string();
    let (captures, labels) = (
        format!("--dataset-source={}", path("captures")),
        format!("--ground-truth-source={}", path("ground-truth")),
    );
    let format = "--dataset-format={\"sagemakerCaptureJson\":{}}";
    let arguments = |more: &[&str]| {
        [&MONITOR[..2], &MONITOR[3..], &[CONSTRAINTS, format, captures.as_str()], more]
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let run = |more: &[&str]| {
        let arguments = arguments(more);
        tree.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let dry = |more: &[&str]| {
        let arguments = arguments(more);
        tree.run(&[&["validate"][..], &arguments.iter().map(String::as_str).collect::<Vec<_>>()].concat())
    };
    // The dry run joins the labels too, and ends as the job does.
    let told = dry(&[&labels]);
    assert_eq!(told.code, Some(0), "{}", told.stdout);
    assert!(told.stdout.contains(" rows with a label, 0 without"), "{}", told.stdout);
    let none = format!("--ground-truth-source={}", tree.path("home").display());
    let wrong = [labels.as_str(), "--ground-truth-attribute=nowhere.label"];
    for more in [&[none.as_str()][..], &[], &wrong] {
        let (told, ran) = (dry(more), run(more));
        assert_eq!(told.code, ran.code, "{more:?}: {}\n{}", told.stdout, ran.message);
    }
    assert_eq!(run(&[&labels]).code, Some(0));
    let details = tree.result("model_quality_details.json");
    let (rows, waiting) =
        (details["rows"].as_u64().unwrap(), details["rows_without_label"].as_u64().unwrap());
    assert_eq!(rows + waiting, 3000);
    assert!(waiting > 500, "{waiting}");
    assert_eq!(details["estimate"]["rows"], waiting);
    let estimated = &details["estimate"]["metrics"][0];
    assert_eq!(estimated["name"], "accuracy");
    let measured = metric(&details, "accuracy")["value"].as_f64().unwrap();
    let [low, high] = [0, 1].map(|end| estimated["band"][end].as_f64().unwrap());
    assert!(low - 0.02 < measured && measured < high + 0.02, "{low} {measured} {high}");
    // Without any label it is no data, unless an estimate is asked for.
    for name in tree.results().into_keys() {
        std::fs::remove_file(tree.path("processing/output").join(name)).unwrap();
    }
    let failed = run(&[]);
    assert_eq!(failed.code, Some(2), "{}", failed.message);
    assert!(failed.message.contains("estimate_without_labels"), "{}", failed.message);
    let estimated = run(&["--estimate-without-labels=Enabled"]);
    assert_eq!(estimated.code, Some(0), "{}", estimated.log);
    assert!(estimated.message.contains("estimated: accuracy 0."), "{}", estimated.message);
    let notebook = tree.result("report.ipynb");
    let mut cells = notebook["cells"].as_array().unwrap().iter();
    assert!(
        cells.any(|cell| cell["source"] == json!(["estimate"])),
        "a cell makes the table of the estimate"
    );
}

#[test]
fn groups_have_the_same_metrics_for_their_rows() {
    let tree = baseline(&["--segment-columns=sex,housing"]);
    let details = tree.result("model_quality_details.json");
    let groups = details["groups"].as_array().unwrap();
    let of = |column: &'static str| groups.iter().filter(move |group| group["column"] == column);
    for column in ["sex", "housing"] {
        assert!(of(column).count() > 1, "{column}");
        assert_eq!(of(column).map(|group| group["rows"].as_u64().unwrap()).sum::<u64>(), 2000);
    }
    let right: f64 = of("sex")
        .map(|group| group["rows"].as_f64().unwrap() * metric(group, "accuracy")["value"].as_f64().unwrap())
        .sum();
    let accuracy = metric(&details, "accuracy")["value"].as_f64().unwrap();
    assert!((right / 2000.0 - accuracy).abs() < 1e-9);
}

/// Segments are optional: rows without one count, and make a segment of their own. A segment that no row has is a mistake.
#[test]
fn rows_without_a_segment_count() {
    let mut tree = Tree::new();
    let record = |n: usize| {
        // More than the dry run looks at have none.
        let input = ["{}", "{\"plan\": \"a\"}", "{\"plan\": null}", "{\"plan\": \"b\"}"]
            [if n < 600 { 0 } else { n % 4 }];
        let request = match n {
            639 => json!(null),
            _ => json!({"data": input, "encoding": "JSON", "observedContentType": "application/json"}),
        };
        json!({
            "captureData": {"endpointInput": request, "endpointOutput": {"data": (n % 2).to_string(), "encoding": "CSV"}},
            "groundTruthData": {"data": (n / 3 % 2).to_string(), "encoding": "CSV"},
            "eventMetadata": {"eventId": n.to_string(), "inferenceTime": "2024-05-01T00:00:00Z"},
        })
        .to_string()
    };
    tree.file("processing/input/endpoint/a.jsonl", (0..640).map(record).collect::<Vec<_>>().join("\n"));
    // Early rows of a dataset lack the column, which only a later file brings.
    let row = |n: usize| {
        let plan = ["", "", ", \"plan\": null", ", \"plan\": \"a\"", ", \"plan\": \"b\""][n / 8];
        format!("{{\"y\": {}, \"p\": {}{plan}}}\n", n / 3 % 2, n % 2)
    };
    tree.file("processing/input/data/a.jsonl", (0..16).map(row).collect::<String>());
    tree.file("processing/input/data/b.jsonl", (16..40).map(row).collect::<String>());
    tree.set("problem_type", "BinaryClassification");
    let captured = [
        "--dataset-source=/opt/ml/processing/input/endpoint",
        "--dataset-format={\"sagemakerMergeJson\":{}}",
        "--inference-attribute=0",
    ];
    let dataset = [
        "--dataset-source=/opt/ml/processing/input/data",
        "--dataset-format={\"json\":{\"lines\":true}}",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
    ];
    for (arguments, setting, rows, expected) in [
        (&captured[..], "segment-attributes", 640, [("(missing)", 621), ("a", 10), ("b", 9)]),
        (&dataset[..], "segment-columns", 40, [("(missing)", 24), ("a", 8), ("b", 8)]),
    ] {
        let own = [&["--analysis-type=MODEL_QUALITY"], arguments].concat();
        let segments = format!("--{setting}=plan");
        tree.succeed(&[&own[..], &[&segments]].concat());
        assert_eq!(tree.result("statistics.json")["dataset"]["item_count"], rows, "{setting}");
        let details = tree.result("model_quality_details.json");
        let mut groups: Vec<(&str, u64)> = details["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| (group["value"].as_str().unwrap(), group["rows"].as_u64().unwrap()))
            .collect();
        groups.sort_unstable();
        assert_eq!(groups, expected, "{setting}");
        tree.succeed(&[&["validate"], &own[..], &[&segments]].concat());
        let nowhere = format!("--{setting}=nowhere");
        let run = tree.run(&[&own[..], &[&nowhere]].concat());
        assert_eq!(run.code, Some(1), "{}", run.log);
        for part in ["PL0304", "`nowhere`", &setting.replace('-', "_")] {
            assert!(run.message.contains(part), "{part}: {}", run.message);
        }
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let tree = Tree::new();
    let data = "p,q,y\n0.9,a,1\n0.2,b,0\nhigh,b,1\n,a,0\n0.4,b,\n";
    tree.file("processing/input/data/data.csv", data);
    let with = |problem: &str, more: &[&str]| -> Vec<String> {
        let fixed = [
            "--analysis-type=MODEL_QUALITY",
            "--dataset-source=/opt/ml/processing/input/data",
            "--dataset-format={\"csv\":{\"header\":true}}",
        ];
        let problem = format!("--problem-type={problem}");
        fixed
            .iter()
            .copied()
            .chain([problem.as_str()])
            .chain(more.iter().copied())
            .map(ToString::to_string)
            .collect()
    };
    let check = |arguments: Vec<String>, exit: i32, code: &str, parts: &[&str]| {
        let run = tree.fail(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), exit, code);
        for part in parts {
            assert!(run.message.contains(part), "{part}: {}", run.message);
        }
    };
    let binary = "BinaryClassification";
    check(with("Ranking", &[]), 1, "PL0101", &["problem_type", "`Ranking`", "MulticlassClassification"]);
    check(with(binary, &[]), 1, "PL0101", &["inference_attribute", "probability_attribute"]);
    check(with("Regression", &["--probability-attribute=p"]), 1, "PL0101", &["inference_attribute"]);
    check(with(binary, &["--probability-attribute=p"]), 1, "PL0101", &["ground_truth_attribute"]);
    check(
        with(binary, &["--probability-attribute=score", "--ground-truth-attribute=y"]),
        1,
        "PL0304",
        &["`score`", "`p`"],
    );
    check(
        with(binary, &["--probability-attribute=p", "--ground-truth-attribute=9"]),
        1,
        "PL0304",
        &["`9`", "ground_truth_attribute"],
    );
    let threshold =
        ["--probability-attribute=p", "--ground-truth-attribute=y", "--probability-threshold-attribute=half"];
    check(with(binary, &threshold), 1, "PL0101", &["probability_threshold_attribute", "`half`"]);
    check(
        with(binary, &["--inference-attribute=q", "--ground-truth-attribute=y"]),
        1,
        "PL0310",
        &["two classes", "`a`"],
    );
    check(
        with("Regression", &["--inference-attribute=q", "--ground-truth-attribute=y"]),
        2,
        "PL0302",
        &["prediction", "`a`"],
    );
    let margin = ["--probability-attribute=p", "--ground-truth-attribute=y", "--constraint-margin=wide"];
    check(with(binary, &margin), 1, "PL0101", &["constraint_margin", "`2sd`"]);

    let good = with(binary, &["--probability-attribute=p", "--ground-truth-attribute=y"]);
    let run = tree.succeed(&good.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(tree.result("statistics.json")["dataset"]["item_count"], 2);
    for part in ["no score", "`high`", "no label"] {
        assert!(run.log.contains(part), "{part}: {}", run.log);
    }
}

#[test]
fn the_dry_run_tells_and_writes_nothing() {
    let tree = monitored(&traffic(300, 0.0));
    let run = tree.succeed(&[&["validate"], &MONITOR[..]].concat());
    assert!(
        run.stdout.contains("Model quality") && run.stdout.contains("The job would start."),
        "{}",
        run.stdout
    );
    assert!(tree.results().is_empty());
    let run = tree.run(&["validate", "--analysis-type=MODEL_QUALITY"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("problem_type"), "{}", run.stdout);
}

#[test]
fn the_reports_can_be_made_again() {
    let tree = baseline(&[]);
    let folder = tree.path("processing/output").display().to_string();
    let before = tree.results();
    std::fs::remove_file(tree.path("processing/output/report.html")).unwrap();
    tree.succeed(&["report", &folder]);
    assert!(tree.results() == before);
}

#[test]
fn constraints_that_are_not_checked_are_named() {
    let (baseline, monitor) = (baseline(&[]), monitored(&traffic(300, 0.0)));
    give(&baseline, &monitor, &["constraints.json"]);
    let path = "processing/baseline/constraints.json";
    let mut constraints: Value = serde_json::from_slice(&std::fs::read(monitor.path(path)).unwrap()).unwrap();
    // A threshold that every value would break, and one that says nothing.
    let block = &mut constraints["binary_classification_constraints"];
    block["au_prc"] = json!({"threshold": 2.0, "comparison_operator": "LessThanThreshold"});
    block["mine"] = json!({"threshold": "high"});
    monitor.file(path, constraints.to_string());
    let arguments = [&MONITOR, [CONSTRAINTS].as_slice()].concat();
    let run = monitor.succeed(&arguments);
    let told = "2 constraints of the baseline are not checked: `au_prc`, `mine`; BinaryClassification has thresholds of";
    assert!(run.log.contains(told), "{}", run.log);
    let details = monitor.result("model_quality_details.json");
    assert!(
        details["run"]["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|text| text.as_str().unwrap().contains(told))
    );
    let page = String::from_utf8(monitor.results()["report.html"].clone()).unwrap();
    assert!(page.contains("2 constraints of the baseline are not checked"));
    let violations = String::from_utf8(monitor.results()["constraint_violations.json"].clone()).unwrap();
    assert!(!violations.contains("auPrc") && !violations.contains("au_prc"), "{violations}");
    let dry = monitor.succeed(&[&["validate"], arguments.as_slice()].concat());
    assert!(dry.stdout.contains(told), "{}", dry.stdout);
}

/// A check of nothing is no pass: told before data are read where the file alone tells it, else with the results written.
#[test]
fn constraints_of_which_nothing_is_compared_fail_in_job_and_dry_run_alike() {
    let tree = monitored(&traffic(300, 0.0));
    let path = "processing/baseline/constraints.json";
    let arguments = [&MONITOR, [CONSTRAINTS].as_slice()].concat();
    let dry = [&["validate"], arguments.as_slice()].concat();
    let at = json!({"threshold": 0.5, "comparison_operator": "LessThanThreshold"});
    for (content, code, told) in [
        (json!({}), "PL0801", "an empty object"),
        (json!({"binary_classification_constraints": null}), "PL0801", "is `null`"),
        (json!({"binary_classification_constraints": {}}), "PL0802", "no threshold"),
        (json!({"binary_classification_constraints": {"f0_5": at, "mine": at}}), "PL0802", "`f0_5`, `mine`"),
    ] {
        tree.file(path, content.to_string());
        let run = tree.fail(&arguments, 1, code);
        assert!(run.message.contains(told) && run.message.contains("constraints.json"), "{}", run.message);
        let answer = tree.run(&dry);
        assert_eq!(answer.code, Some(1), "{}", answer.stdout);
        assert!(answer.stdout.contains(run.message.strip_prefix("Error: ").unwrap()), "{}", answer.stdout);
        if code == "PL0802" {
            let allowed = "--on-nothing-compared=succeed";
            let run = tree.succeed(&[arguments.as_slice(), &[allowed]].concat());
            assert!(run.log.contains("model quality cannot be checked"), "{}", run.log);
            assert_eq!(tree.result("model_quality_details.json")["judged"], false);
            let answer = tree.succeed(&[dry.as_slice(), &[allowed]].concat());
            assert!(answer.stdout.contains("model quality cannot be checked"), "{}", answer.stdout);
            std::fs::remove_dir_all(tree.path(crate::program::OUTPUT)).unwrap();
            std::fs::create_dir_all(tree.path(crate::program::OUTPUT)).unwrap();
        }
    }
    // Known only from the data: the labels are all equal, so that r2 has no value.
    let rows = Tree::new();
    rows.file("processing/input/data/a.csv", "y,p\n2,1\n2,3\n2,2\n");
    rows.file(path, json!({"regression_constraints": {"r2": at}}).to_string());
    let regression = [
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=Regression",
        "--dataset-source=/opt/ml/processing/input/data",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
        CONSTRAINTS,
    ];
    let run = rows.run(&regression);
    assert_eq!(run.code, Some(1), "{}", run.log);
    assert!(run.message.starts_with("Error: PL0802") && run.message.contains("`r2`"), "{}", run.message);
    assert!(rows.results().contains_key("statistics.json"), "the results are written first");
    assert_eq!(rows.run(&[&["validate"], &regression[..]].concat()).code, Some(1));
    rows.succeed(&[&regression[..], &["--on-nothing-compared=succeed"]].concat());
}

/// Nobody is wrong in the baseline: its thresholds still leave room for the next rows.
#[test]
fn a_margin_of_a_perfect_baseline_is_no_nothing() {
    let tree = Tree::new();
    let rows: Vec<String> =
        (0..200).map(|row| format!("{0},{0},0.{1}", row % 2, 1 + 8 * (row % 2))).collect();
    tree.file("processing/input/data/a.csv", format!("y,p,s\n{}\n", rows.join("\n")));
    let binary = [
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--dataset-source=/opt/ml/processing/input/data",
        "--inference-attribute=p",
        "--probability-attribute=s",
        "--ground-truth-attribute=y",
        "--constraint-margin=2sd",
    ];
    tree.succeed(&binary);
    let constraints = tree.result("constraints.json");
    for (name, constraint) in constraints["binary_classification_constraints"].as_object().unwrap() {
        let threshold = constraint["threshold"].as_f64().unwrap();
        let distance = if name.starts_with("false") { threshold } else { 1.0 - threshold };
        assert!((0.015..0.06).contains(&distance), "{name}: {threshold}");
    }
    let details = tree.result("model_quality_details.json");
    for metric in details["metrics"].as_array().unwrap() {
        let interval = &metric["interval"];
        assert!(interval.is_null() || interval[0].as_f64() < interval[1].as_f64(), "{metric}");
    }
    // Errors have no bound that rows without any would show.
    let run = tree.succeed(&[
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=Regression",
        "--dataset-source=/opt/ml/processing/input/data",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
        "--constraint-margin=2sd",
    ]);
    assert!(
        run.log.contains("`constraint_margin` moves no threshold of `mae`, `mse`, `rmse`, `r2`"),
        "{}",
        run.log
    );
}

/// A new class among the predictions: the others are estimated, and it is named with its rows.
#[test]
fn a_class_that_the_baseline_never_predicted_costs_the_estimate_its_own_rows_only() {
    let tree = Tree::new();
    let rows: Vec<String> =
        (0..300).map(|row| format!("{},{}", ["a", "b", "c"][row % 3], ["a", "b"][row % 2])).collect();
    tree.file("processing/input/data/a.csv", format!("y,p\n{}\n", rows.join("\n")));
    let multi = |source: &str, output: &str| {
        vec![
            "--analysis-type=MODEL_QUALITY".to_string(),
            "--problem-type=MulticlassClassification".into(),
            format!("--dataset-source=/opt/ml/processing/input/{source}"),
            format!("--output-path=/opt/ml/{output}"),
            "--inference-attribute=p".into(),
            "--ground-truth-attribute=y".into(),
        ]
    };
    let run = |arguments: &[String]| tree.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run(&multi("data", "base")).code, Some(0));
    let waiting: Vec<String> = (0..100).map(|row| format!(",{}", ["a", "b", "new"][row % 3])).collect();
    tree.file("processing/input/today/a.csv", format!("y,p\n{}\n", waiting.join("\n")));
    let mut arguments = multi("today", "processing/output");
    arguments.push("--baseline-constraints=/opt/ml/base/constraints.json".into());
    arguments.push("--estimate-without-labels=Enabled".into());
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(
        ended
            .message
            .contains("estimated without 33 of a class that the baseline never predicted (`new`): accuracy "),
        "{}",
        ended.message
    );
    let details = tree.result("model_quality_details.json");
    assert_eq!(details["estimate"]["rows"], 67);
    assert_eq!(details["not_estimated"], json!([{"predicted": "new", "rows": 33}]));
    let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
    assert!(page.contains("The estimate leaves out 33 rows without a label"), "{page}");
}

/// A small dataset with a header, and the settings of a run over it.
fn small(rows: &str) -> Tree {
    let mut tree = Tree::new();
    tree.file("processing/input/data/a.csv", format!("y,p,s,plan\n{rows}"));
    tree.set("analysis_type", "MODEL_QUALITY")
        .set("problem_type", "BinaryClassification")
        .set("dataset_format", r#"{"csv":{"header":true}}"#)
        .set("dataset_source", "/opt/ml/processing/input/data")
        .set("inference_attribute", "p")
        .set("probability_attribute", "s")
        .set("ground_truth_attribute", "y");
    tree
}

#[test]
fn a_column_to_exclude_must_be_there() {
    let tree = small("1,1,0.9,a\n0,0,0.1,b\n");
    for excluded in ["nowhere", "plan,nowhere", "4"] {
        let argument = format!("--exclude-features-attribute={excluded}");
        let run = tree.fail(&[&argument], 1, "PL0304");
        let last = excluded.rsplit(',').next().unwrap();
        assert!(
            run.message.contains(&format!("`exclude_features_attribute`: found `{last}`")),
            "{}",
            run.message
        );
        assert_eq!(tree.run(&["validate", &argument]).code, Some(1), "{excluded}");
    }
    tree.succeed(&["--exclude-features-attribute=plan, 3"]);
}

/// Each reason is whole, and the value that makes a row one of its own stands beside the row.
#[test]
fn rows_left_out_are_told_by_reason_with_their_values() {
    let tree = small("1,1,0.9,a\n0,0,NaN,a\n0,0,x: `y,a\n1,,0.2,a\n0,1,,b\n,1,0.3,b\n");
    let run = tree.succeed(&[]);
    for told in [
        "2 rows left out, the score is not a finite number: a.csv, line 3: `NaN`; a.csv, line 4: `x: `y`",
        "1 row left out, no prediction: a.csv, line 5",
        "1 row left out, no score: a.csv, line 6",
        "1 row left out, no label: a.csv, line 7",
    ] {
        assert!(run.log.contains(told), "{told} is not in {}", run.log);
    }
    let none = small("0,0,NaN,a\n").fail(&[], 2, "PL0302").message;
    assert!(
        none.contains(
            "1 record (1 left out, the score is not a finite number, such as a.csv, line 2: `NaN`)"
        ),
        "{none}"
    );
}

#[test]
fn a_prediction_that_is_no_number_is_told_as_it_stands_there() {
    let tree = Tree::new();
    tree.file("processing/input/data/a.csv", "y,p\n1,2\n2,nan\n3,\n,1\nnan,1\n");
    let run = tree.succeed(&[
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=Regression",
        "--dataset-source=/opt/ml/processing/input/data",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
    ]);
    for told in [
        "1 row left out, the prediction is not a finite number: a.csv, line 3: `nan`",
        "1 row left out, no prediction: a.csv, line 4",
        "2 rows left out, no label: a.csv, line 5",
    ] {
        assert!(run.log.contains(told), "{told} is not in {}", run.log);
    }
}

#[test]
fn a_column_of_segments_that_is_named_twice_is_one() {
    let rows: String = (0..60).map(|row| format!("1,1,0.9,s{}\n", row % 30)).collect();
    let tree = small(&rows);
    let run = tree.succeed(&["--segment-columns=plan, plan"]);
    assert_eq!(run.log.matches("that make no segments").count(), 1, "{}", run.log);
    let details = tree.result("model_quality_details.json");
    assert_eq!(details["groups"].as_array().unwrap().len(), 25);
}

/// Where the settings say something else than the answers have: once what was found, and once what was expected.
#[test]
fn a_place_that_no_record_has_is_told_with_the_first_record() {
    let record = |answer: &Value, truth: &str| {
        let part = |data: &str, encoding: &str| json!({"data": data, "encoding": encoding});
        let (text, encoding) = match answer.as_str() {
            Some(text) => (text.to_string(), "CSV"),
            None => (answer.to_string(), "JSON"),
        };
        json!({
            "captureData": {"endpointInput": part("1,2", "CSV"), "endpointOutput": part(&text, encoding)},
            "groundTruthData": part(truth, "JSON"),
            "eventMetadata": {"eventId": "e", "inferenceTime": "2024-05-01T00:00:00Z"},
            "eventVersion": "0",
        })
        .to_string()
    };
    let of = |answer: Value, truth: &str, settings: &[&str]| {
        let tree = Tree::new();
        tree.file("processing/input_data/a.jsonl", record(&answer, truth));
        let own = ["--analysis-type=MODEL_QUALITY", "--problem-type=BinaryClassification"];
        let format = ["--dataset-format={\"sagemakerMergeJson\":{}}"];
        let run = tree.run(&[&own[..], &format, settings].concat());
        assert_ne!(run.code, Some(0));
        run.message
    };
    for (answer, truth, settings, told) in [
        (
            json!({"p": 1, "s": 0.4}),
            "1",
            &["--inference-attribute=pred"][..],
            &[
                "PL0304",
                "`inference_attribute`: `pred`; ",
                "line 1",
                "one of the keys that are there, `p`, `s`",
            ][..],
        ),
        (
            json!({"p": 1}),
            "{\"label\": 1}",
            &["--inference-attribute=p", "--ground-truth-attribute=foo"],
            &["PL0304", "`ground_truth_attribute`: `foo`; ", "the keys there are `label`"],
        ),
        (
            json!("1,0.9"),
            "1",
            &["--inference-attribute=5"],
            &[
                "PL0304",
                "`inference_attribute`: `5`; ",
                "found a record of 2 columns, expected a column at position 5",
            ],
        ),
        (
            json!({"p": {"a": 1}}),
            "1",
            &["--inference-attribute=p"],
            &["PL0304", "an object where a value is wanted (`inference_attribute`)", "the keys `a`"],
        ),
        (
            json!({"p": [1, 2]}),
            "1",
            &["--inference-attribute=p"],
            &[
                "PL0302",
                "1 left out, the label of a record is a list (`inference_attribute`), such as a.jsonl, line 1: found 2",
            ],
        ),
        (
            json!({"p": 1, "s": [0.1, 0.9]}),
            "1",
            &["--inference-attribute=p", "--probability-attribute=s"],
            &[
                "PL0302",
                "several scores for a row where `probability_attribute` names one, such as a.jsonl, line 1: 2",
            ],
        ),
        (
            json!({"p": 1}),
            "1",
            &["--inference-attribute=p", "--segment-attributes=7"],
            &["PL0304", "`segment_attributes`: found `7`, expected a position from 0 in CSV"],
        ),
    ] {
        let message = of(answer, truth, settings);
        for part in told {
            assert!(message.contains(part), "{part} is not in {message}");
        }
        assert!(message.matches("expected ").count() <= 1, "{message}");
        assert!(!message.contains("(:") && !message.ends_with("hint: "), "{message}");
    }
}

#[test]
fn segments_by_position_have_the_name_of_their_column() {
    let tree = small("1,1,0.9,a\n0,0,0.1,b\n1,0,0.2,a\n");
    let columns = |arguments: &[&str]| -> Vec<String> {
        tree.succeed(arguments);
        let found = tree.result("model_quality_details.json")["groups"].as_array().unwrap().clone();
        found.iter().map(|group| group["column"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(columns(&["--segment-columns=3"]), ["plan", "plan"]);
    assert_eq!(columns(&["--segment-columns=plan"]), ["plan", "plan"]);
    // Without a header a position is all there is.
    tree.file("processing/input/data/a.csv", "1,1,0.9,a\n0,0,0.1,b\n");
    assert_eq!(
        columns(&[
            "--dataset-format={\"csv\":{\"header\":false}}",
            "--segment-columns=3",
            "--inference-attribute=1",
            "--probability-attribute=2",
            "--ground-truth-attribute=0",
        ]),
        ["3", "3"]
    );
}
