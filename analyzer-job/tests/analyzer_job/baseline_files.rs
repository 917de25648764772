//! A quality monitor's baseline is the same however it is named: as a folder, as its constraints, as a state.

use serde_json::{Value, json};

use crate::program::{Tree, monitored, traffic};

const MONITOR: [&str; 4] = [
    "--problem-type=BinaryClassification",
    "--inference-attribute=approved",
    "--probability-attribute=score",
    "--ground-truth-attribute=repaid",
];
const BOTH: &str = "--analysis-type=DATA_QUALITY,MODEL_QUALITY";

fn page(tree: &Tree, name: &str) -> String {
    String::from_utf8(tree.results()[name].clone()).unwrap()
}

#[test]
fn a_baseline_named_by_its_constraints_is_that_of_its_folder() {
    let mut tree = monitored(&traffic(300, 0.0));
    tree.set("dataset_format", r#"{"sagemakerMergeJson":{"captureIndexNames":["endpointOutput"]}}"#);
    tree.succeed(&[&MONITOR[..], &[BOTH, "--output-path=/opt/ml/base"]].concat());
    let states = ["fold", BOTH, "--output-path=/opt/ml/states"];
    tree.succeed(&[&states[..], &MONITOR].concat());
    let state = std::fs::read_dir(tree.path("states")).unwrap().next().unwrap().unwrap().file_name();
    let state = format!("/opt/ml/states/{}", state.to_string_lossy());
    // Model quality finds its details, or else its statistics, beside the constraints.
    std::fs::remove_file(tree.path("base/model-quality/model_quality_details.json")).unwrap();
    let kinds = [("DATA_QUALITY", "data-quality"), ("MODEL_QUALITY", "model-quality")];
    for (kind, folder) in kinds {
        let other = |kind: &str| kind.to_lowercase().replace('_', "-");
        for list in [kind, "DATA_QUALITY,MODEL_QUALITY"] {
            let mut shown = Vec::new();
            for place in [
                format!("/opt/ml/base/{folder}"),
                format!("/opt/ml/base/{folder}/constraints.json"),
                state.clone(),
            ] {
                let arguments =
                    [format!("--analysis-type={list}"), format!("--{}-baseline={place}", other(kind))];
                let arguments: Vec<&str> =
                    MONITOR.into_iter().chain(arguments.iter().map(String::as_str)).collect();
                let run = tree.succeed(&arguments);
                let dry = tree.succeed(&[&["validate"], &arguments[..]].concat());
                let what = format!("{list} {place}: {}", run.log);
                if kind == "DATA_QUALITY" {
                    let untold = "drift is not checked";
                    assert!(!run.log.contains(untold) && !dry.stdout.contains(untold), "{what}");
                }
                let at = if list == kind { "".into() } else { format!("{folder}/") };
                let page = page(&tree, &format!("{at}report.html"));
                assert!(
                    !page.contains("drift was not checked")
                        && !page.contains("cannot be said: the thresholds"),
                    "{what}"
                );
                let details =
                    tree.results().into_iter().find(|(name, _)| name.ends_with("constraint_violations.json"));
                shown.push(details);
            }
            assert!(shown.windows(2).all(|two| two[0] == two[1]), "{list} {kind}");
        }
    }
}

/// A baseline of constraints alone, of statistics alone, and none at all: nothing is said of how the data look.
#[test]
fn data_that_are_held_against_no_distribution_do_not_look_as_they_did() {
    let mut tree = monitored(&traffic(300, 0.0));
    tree.set("analysis_type", "DATA_QUALITY")
        .set("dataset_format", r#"{"sagemakerMergeJson":{"captureIndexNames":["endpointOutput"]}}"#);
    tree.succeed(&["--output-path=/opt/ml/base"]);
    std::fs::rename(tree.path("base/statistics.json"), tree.path("statistics.json")).unwrap();
    let statistics_only = "no constraint is checked, such as types, completeness, domains and the columns: the baseline has \
                           statistics only";
    for (arguments, log, headline) in [
        (
            &["--data-quality-baseline=/opt/ml/base/constraints.json"][..],
            "drift is not checked: the baseline has constraints only",
            "No violation; drift was not checked",
        ),
        (
            &["--baseline-constraints=/opt/ml/base/constraints.json"],
            "drift is not checked: the baseline has constraints only",
            "No violation; drift was not checked",
        ),
        (
            &["--baseline-statistics=/opt/ml/statistics.json"],
            statistics_only,
            "No violation; only drift was checked",
        ),
        (
            &["--sagemaker-monitoring-schedule-name=hourly"],
            "nothing is checked: no baseline is given",
            "No baseline is given, so nothing was checked",
        ),
    ] {
        let run = tree.succeed(arguments);
        assert!(run.log.contains(log), "{}", run.log);
        let page = page(&tree, "report.html");
        let told = arguments.iter().any(|argument| argument.contains("baseline-statistics"));
        assert_eq!(page.contains(statistics_only), told, "{arguments:?}");
        assert!(page.contains(headline) && !page.contains("The data look as they did"), "{arguments:?}");
        let dry = tree.succeed(&[&["validate"], arguments].concat());
        assert!(dry.stdout.contains(log), "{}", dry.stdout);
    }
    let both = [
        "--baseline-constraints=/opt/ml/base/constraints.json",
        "--baseline-statistics=/opt/ml/statistics.json",
    ];
    let run = tree.succeed(&both);
    assert!(!run.log.contains("is not checked") && !run.log.contains(statistics_only), "{}", run.log);
    assert!(page(&tree, "report.html").contains("The data look as they did"));
}

/// One column of the baseline's statistics damaged in every way: log, report, dry run and exit message say so, and
/// the others are checked.
#[test]
fn a_column_whose_distribution_cannot_be_read_is_named_everywhere() {
    let mut tree = Tree::new();
    let rows: String =
        (0..400).map(|row| format!("{},{},{}\n", row % 7, row % 11, ["x", "y"][row % 2])).collect();
    tree.file("processing/input/endpoint/data.csv", format!("n,m,t\n{rows}"));
    tree.set("dataset_format", r#"{"csv":{"header":true}}"#).set("analysis_type", "DATA_QUALITY");
    tree.succeed(&["--output-path=/opt/ml/base"]);
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(tree.path(&format!("base/{name}"))).unwrap()).unwrap()
    };
    let (statistics, constraints) = (read("statistics.json"), read("constraints.json"));
    let arguments =
        ["--baseline-constraints=/opt/ml/constraints.json", "--baseline-statistics=/opt/ml/statistics.json"];
    let check = |statistics: &Value, constraints: &Value, column: &str| {
        tree.file("statistics.json", statistics.to_string());
        tree.file("constraints.json", constraints.to_string());
        let run = tree.succeed(&arguments);
        let page = page(&tree, "report.html");
        let dry = tree.succeed(&[&["validate"], &arguments[..]].concat());
        let told = format!("`{column}`");
        if column.is_empty() {
            assert!(!run.message.contains("not fully checked") && page.contains("The data look as they did"));
            return run.log;
        }
        let what = format!("{statistics} {constraints}: {}", run.log);
        assert!(run.log.contains(&told) && dry.stdout.contains(&told), "{what}");
        assert!(
            run.message
                .ends_with("1 column is not fully checked, since the baseline's files cannot be read there."),
            "{what}"
        );
        assert!(page.contains("No violation, but 1 column could not be fully checked"), "{what}");
        run.log
    };
    assert!(!check(&statistics, &constraints, "").contains("statistics.json: "));
    let at = |place: &str| format!("/features/0/numerical_statistics{place}");
    for (place, value) in [
        ("/distribution/kll/sketch/data", json!([["1", "2"]])),
        ("/distribution/kll/sketch/data", json!([])),
        ("/distribution/kll/sketch/data", json!([1, 2])),
        ("/distribution/kll/sketch/data", json!([["x"]])),
        ("/distribution/kll/sketch/data", json!([[1, 2]])),
        ("/distribution", json!({})),
        ("/common/num_present", json!(1e7)),
        ("", json!("none")),
    ] {
        let mut damaged = statistics.clone();
        *damaged.pointer_mut(&at(place)).unwrap() = value;
        check(&damaged, &constraints, "n");
    }
    for count in [json!(-5), json!("3")] {
        let mut damaged = statistics.clone();
        let buckets = "/features/2/string_statistics/distribution/categorical/buckets/0/count";
        *damaged.pointer_mut(buckets).unwrap() = count;
        check(&damaged, &constraints, "t");
    }
    let mut damaged = statistics.clone();
    damaged["features"].as_array_mut().unwrap().remove(1);
    check(&damaged, &constraints, "m");
    for key in ["completeness", "inferred_type"] {
        let mut damaged = constraints.clone();
        damaged["features"][1][key] = json!(null);
        check(&statistics, &damaged, "m");
    }
    // Old files of the hosted service have null in place of a sketch: told, and no damage.
    let mut old = statistics.clone();
    *old.pointer_mut(&at("/distribution/kll/sketch/data")).unwrap() = json!(null);
    assert!(check(&old, &constraints, "").contains("null in place of the distribution of 1 column"));
    let told =
        "Warning: the drift of 1 column is not checked, since the baseline's statistics have null there.";
    let run = tree.succeed(&arguments);
    assert!(run.message.ends_with(told), "{}", run.message);
    // Nothing can be read at all.
    let mut none = statistics.clone();
    for feature in none["features"].as_array_mut().unwrap() {
        feature.as_object_mut().unwrap().retain(|key, _| !key.ends_with("_statistics"));
    }
    tree.file("statistics.json", none.to_string());
    let run = tree.run(&arguments);
    let told = "Error: PL0801: no column of the baseline's statistics can be compared";
    assert!(run.code != Some(0) && run.message.starts_with(told), "{}", run.message);
}
