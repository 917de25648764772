//! Bias checks that compare nothing or little, and selections of nothing: what the job and its dry run say.

use std::fs;

use serde_json::{Value, json};

use crate::program::{MONITOR, OUTPUT, Tree, monitored, traffic};

/// A bias monitor of this drift whose constraints are those of the undrifted traffic, with one thing or another changed.
fn checked(drift: f64, change: impl FnOnce(&mut Value)) -> (Tree, String) {
    let baseline = monitored(&traffic(1000, 0.0));
    baseline.succeed(&MONITOR);
    let mut constraints = baseline.result("analysis.json");
    change(&mut constraints);
    let tree = monitored(&traffic(1000, drift));
    tree.file("baseline/analysis.json", constraints.to_string());
    let path = format!("--baseline-constraints={}", tree.path("baseline").display());
    (tree, path)
}

fn entries(results: &mut Value) -> impl Iterator<Item = &mut Value> {
    let sections =
        results.as_object_mut().unwrap().values_mut().filter(|section| section["facets"].is_object());
    sections.map(|section| &mut section["facets"]["sex"][0])
}

#[test]
fn a_check_of_few_metrics_says_how_many() {
    let (tree, path) = checked(0.0, |results| {
        results.as_object_mut().unwrap().remove("pre_training_bias_metrics");
    });
    let run = tree.succeed(&[&MONITOR, [path.as_str()].as_slice()].concat());
    assert!(run.message.ends_with("no violations. Compared 12 of 20 metrics."), "{}", run.message);
}

#[test]
fn an_empty_check_fails_or_warns_in_the_job_and_in_the_dry_run() {
    let (tree, path) = checked(0.0, |results| {
        entries(results).for_each(|entry| entry["value_or_threshold"] = json!("other"))
    });
    let arguments = [&MONITOR, [path.as_str()].as_slice()].concat();
    let allowed = [arguments.as_slice(), &["--on-nothing-compared=succeed"]].concat();
    let told = "PL0802: bias drift cannot be checked: no metric of this run is in the constraints";
    for (arguments, code) in [(&arguments, 1), (&allowed, 0)] {
        let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
        let job = tree.run(arguments);
        assert_eq!((dry.code, job.code), (Some(code), Some(code)), "{}{}", dry.stdout, job.log);
        assert!(job.log.contains(told), "{}", job.log);
    }
    let warnings = tree.result("bias_details.json")["run"]["warnings"].clone();
    assert!(warnings.to_string().contains(told), "{warnings}");
}

#[test]
fn a_baseline_without_counts_is_told_to_be_taken_as_exact() {
    for (with_counts, told) in [(true, false), (false, true)] {
        let (tree, path) = checked(0.0, |results| {
            if !with_counts {
                entries(results).for_each(|entry| drop(entry.as_object_mut().unwrap().remove("counts")));
            }
        });
        let run = tree.succeed(&[&MONITOR, [path.as_str()].as_slice()].concat());
        assert_eq!(run.log.contains("the baseline is taken as exact for "), told, "{}", run.log);
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert_eq!(page.contains("the baseline is taken as exact"), told);
    }
}

#[test]
fn one_metric_that_is_held_back_is_told() {
    let (tree, path) = checked(0.0, |results| {
        for entry in entries(results) {
            for metric in entry["metrics"].as_array_mut().unwrap() {
                if metric["name"] == "DPPL" {
                    metric["value"] = json!(metric["value"].as_f64().unwrap() / 2.0);
                }
            }
        }
    });
    fs::create_dir(tree.path("history")).unwrap();
    let history = format!("--history={}", tree.path("history").display());
    let run = tree.succeed(&[&MONITOR, [path.as_str(), &history, "--drift-windows=2/2"].as_slice()].concat());
    assert!(run.message.contains("Metrics held back by drift_windows 2/2: 1."), "{}", run.message);
}

/// Labels of which every value is listed, and predictions that are all positive: no group is called treated alike.
#[test]
fn selections_of_every_row_are_told_by_their_role() {
    let tree = |listed: Value, predicted: fn(usize) -> usize| {
        let tree = Tree::new();
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": listed, "predicted_label": "p",
            "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
            "methods": {"pre_training_bias": {"methods": ["DPL"]}, "post_training_bias": {"methods": ["DPPL", "DI"]}},
        }));
        let row = |n: usize| format!("{},{},{}\n", ["f", "m"][n % 2], n / 2 % 2, predicted(n));
        let rows: String = (0..400).map(row).collect();
        tree.file("processing/input/data/d.csv", format!("sex,y,p\n{rows}"));
        tree
    };
    for (listed, predicted, told) in [
        (json!([0, 1]), (|n| n / 3 % 2) as fn(usize) -> usize, "label `y`: every row is selected by `0,1`"),
        (json!([1]), |_| 1, "predicted label `p`: every row is selected by `1`"),
    ] {
        let tree = tree(listed, predicted);
        let run = tree.succeed(&[]);
        assert!(run.log.contains(told), "{told}: {}", run.log);
        let details = tree.result("bias_details.json");
        assert_eq!(details["facets"][0]["vacuous"], true, "{told}");
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert!(page.contains("Nothing is compared") && !page.contains("four fifths"), "{told}");
    }
}
