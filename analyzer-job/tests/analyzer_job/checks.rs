//! Bias checks that compare nothing or little: what the job and its dry run say.

use std::fs;

use serde_json::{Value, json};

use crate::plurals::plurals_of_one;
use crate::program::{CONFIG, MONITOR, OUTPUT, Tree, monitored, traffic};

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
    let dry = |arguments: &[&str]| tree.run(&[&["validate"], arguments].concat());
    let (found, run) = (dry(&arguments), tree.fail(&arguments, 1, "PL0802"));
    assert!(run.message.contains(told), "{}", run.message);
    assert!(found.code == Some(1) && found.stdout.contains(told), "{}", found.stdout);
    let (found, run) = (dry(&allowed), tree.succeed(&allowed));
    assert!(run.log.contains(told), "{}", run.log);
    assert!(
        found.code == Some(0) && found.stdout.contains("not checked (among these rows)"),
        "{}",
        found.stdout
    );
    let warnings = tree.result("bias_details.json")["run"]["warnings"].clone();
    assert!(warnings.to_string().contains(told), "{warnings}");
}

/// The monitor's configuration spells a value in another way than baseline and data do.
#[test]
fn an_empty_check_names_what_the_baseline_spells_otherwise() {
    let tree = Tree::new();
    let configure = |value: &str, positive: &str| {
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [positive], "predicted_label": "p",
            "facet": [{"name_or_index": "sex", "value_or_threshold": [value]}],
            "methods": {"pre_training_bias": {"methods": ["DPL"]}, "post_training_bias": {"methods": ["DPPL"]}},
        }));
    };
    let row = |n: usize| {
        format!("{},{},{}\n", ["f", "m"][n % 2], ["yes", "no"][n / 3 % 2], ["yes", "no"][n / 5 % 2])
    };
    let rows: String = (0..400).map(row).collect();
    tree.file("processing/input/data/d.csv", format!("sex,y,p\n{rows}"));
    configure("f", "yes");
    tree.succeed(&[]);
    tree.file("baseline/analysis.json", tree.analysis_bytes());
    let path = format!("--baseline-constraints={}", tree.path("baseline").display());
    for (value, positive, told) in [
        ("F", "yes", Some("`F` is spelled `f` in the baseline")),
        (" f", "yes", Some("` f` is spelled `f` in the baseline")),
        ("f", "Yes", Some("`Yes` is spelled `yes` in the baseline")),
        ("x", "yes", None),
    ] {
        configure(value, positive);
        let (run, dry) = (tree.run(&[&path]), tree.run(&["validate", &path]));
        assert!(run.code == Some(1) && run.message.contains("PL0802"), "{}", run.message);
        for text in [&run.message, &dry.stdout] {
            assert_eq!(text.contains("in the baseline:"), told.is_some(), "{text}");
            assert!(told.is_none_or(|told| text.contains(told)), "{text}");
        }
    }
}

/// A facet whose value is spelled in another way in the window, or in the baseline: only the metric that is the same for every facet
/// has a value on both sides, and that compares nothing of the facet.
#[test]
fn a_check_of_the_metric_that_knows_no_facet_is_an_empty_one() {
    let tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["AD", "DPPL", "GE"]}},
    }));
    let write = |group: &str| {
        let row = |n: usize| format!("{},{},{}\n", [group, "m"][n % 2], n / 3 % 2, n / 5 % 2);
        let rows: String = (0..400).map(row).collect();
        tree.file("processing/input/data/d.csv", format!("sex,y,p\n{rows}"));
    };
    let told = "of this run's metrics only those that say nothing of a facet are in the constraints";
    for [then, now] in [["f", "F"], ["F", "f"]] {
        write(then);
        tree.succeed(&[]);
        tree.file("baseline/analysis.json", tree.analysis_bytes());
        write(now);
        let path = format!("--baseline-constraints={}", tree.path("baseline").display());
        let run = tree.run(&[&path]);
        assert!(run.code == Some(1) && run.message.contains("PL0802"), "{}", run.message);
        assert!(run.message.contains(told), "{}", run.message);
        assert!(!tree.results().contains_key("constraint_violations.json"));
        assert!(run.message.contains("without any value that depends on the facet"), "{}", run.message);
        let dry = tree.run(&["validate", &path]);
        assert!(dry.code == Some(1) && dry.stdout.contains(told), "{}", dry.stdout);
        let run = tree.succeed(&[&path, "--on-nothing-compared=succeed"]);
        assert!(run.log.contains(told), "{}", run.log);
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert!(page.contains("Only the Generalized Entropy (GE), the same for every facet, is compared"));
    }
    // Asked for alone it is what the check is about.
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
        "methods": {"post_training_bias": {"methods": ["GE"]}},
    }));
    let path = format!("--baseline-constraints={}", tree.path("baseline").display());
    tree.succeed(&[&path]);
}

/// A facet without a list may have any value: only the rows tell that nothing is compared.
#[test]
fn an_empty_check_that_only_the_rows_tell_leaves_results_without_a_verdict() {
    let (tree, path) = checked(0.0, |results| {
        entries(results).for_each(|entry| entry["value_or_threshold"] = json!("other"))
    });
    let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
    config["facet"][0].as_object_mut().unwrap().remove("value_or_threshold");
    tree.config(&config);
    let arguments = [&MONITOR, [path.as_str()].as_slice()].concat();
    let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
    let run = tree.run(&arguments);
    assert_eq!((dry.code, run.code), (Some(1), Some(1)), "{}{}", dry.stdout, run.log);
    let told = "PL0802: bias drift cannot be checked: no metric of this run is in the constraints";
    assert!(dry.stdout.contains(told) && run.message.contains(told), "{}{}", dry.stdout, run.message);
    assert!(tree.results().contains_key("analysis.json"));
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
        let sentence = "This does not hold for 20 of these metrics: the baseline is taken as exact";
        assert_eq!(page.contains(sentence), told);
    }
}

/// A value that a person wrote over the one that the counts give is a limit. No word says that counts are missing.
#[test]
fn a_value_that_a_person_chose_is_told_to_be_a_limit() {
    let (tree, path) = checked(0.0, |results| {
        for metric in entries(results).flat_map(|entry| entry["metrics"].as_array_mut().unwrap()) {
            if metric["name"] == "DPPL" {
                metric["value"] = json!(0.5);
            }
        }
    });
    let run = tree.succeed(&[&MONITOR, [path.as_str()].as_slice()].concat());
    let told = "the baseline is taken as exact for 1 of 20 metrics, as its counts do not give these values";
    assert!(run.log.contains(told) && !run.log.contains("not at hand"), "{}", run.log);
    let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
    let told = "For 1 of these metrics the counts of the baseline do not give its value";
    assert!(page.contains(told) && !page.contains("counts behind its values are missing"));
}

/// A divergence of a file without counts, and without the difference of the shares beside it: tested all the same, told as exact, and
/// never said to be beyond chance without a test.
#[test]
fn a_divergence_without_counts_is_held_against_chance() {
    let (tree, path) = checked(0.0, |results| {
        results.as_object_mut().unwrap().remove("post_training_bias_metrics");
        for entry in entries(results) {
            drop(entry.as_object_mut().unwrap().remove("counts"));
            for metric in entry["metrics"].as_array_mut().unwrap() {
                // A little nearer to 0 than the window.
                metric["value"] = json!(metric["value"].as_f64().unwrap_or(0.0) * 0.98);
            }
        }
    });
    let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
    config["methods"] = json!({"pre_training_bias": {"methods": ["KL", "JS", "TVD"]}});
    tree.config(&config);
    for rule in ["interval", "value"] {
        let rule_of_run = format!("--bias-drift-check={rule}");
        let run = tree.succeed(&[&MONITOR, [path.as_str(), &rule_of_run].as_slice()].concat());
        assert!(run.log.contains("the baseline is taken as exact for 3 of 3 metrics,"), "{}", run.log);
        let metrics = tree.result("bias_details.json")["facets"][0]["metrics"].clone();
        for metric in metrics.as_array().unwrap() {
            assert_eq!(metric["chance"]["farther_from_parity"], json!(false), "{metric}");
            assert_eq!(metric["violated"], json!(rule == "value"), "{metric}");
        }
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert!(!page.contains("beyond chance</") && page.contains("no more than chance explains"), "{rule}");
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
    assert!(run.message.contains("Violations held back by drift_windows 2/2: 1."), "{}", run.message);
    assert!(!run.log.contains("no baseline"), "{}", run.log);
    // A run of other data without a baseline is no window, and is told.
    let other = monitored(&traffic(900, 0.0));
    other.succeed(&MONITOR);
    for name in ["analysis.json", "bias_details.json"] {
        tree.file(&format!("history/1/{name}"), other.result(name).to_string());
    }
    let run = tree.succeed(&[&MONITOR, [path.as_str(), &history, "--drift-windows=2/2"].as_slice()].concat());
    let told = "runs in `history` that had no baseline, so `drift_windows` passes over them: 1";
    assert!(run.log.contains(told), "{}", run.log);
    let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
    assert!(page.contains("1 earlier run in the history had no baseline"));
}

/// One metric, one row left out, one run in the history, one state: what the program says of them.
#[test]
fn what_is_counted_once_has_no_plural() {
    let (tree, path) = checked(0.0, |results| {
        entries(results).for_each(|entry| drop(entry.as_object_mut().unwrap().remove("counts")));
    });
    let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
    config["methods"] = json!({"post_training_bias": {"methods": ["DPPL"]}});
    tree.config(&config);
    let other = monitored(&traffic(900, 0.0));
    other.succeed(&MONITOR);
    for name in ["analysis.json", "bias_details.json"] {
        tree.file(&format!("history/1/{name}"), other.result(name).to_string());
    }
    let history = format!("--history={}", tree.path("history").display());
    let arguments = [&MONITOR, [path.as_str(), &history, "--drift-windows=2/2"].as_slice()].concat();
    let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
    let run = tree.succeed(&[arguments.as_slice(), &["--bias-drift-check=interval"]].concat());
    assert!(run.log.contains("the baseline is taken as exact for 1 of 1 metric,"), "{}", run.log);
    for text in [&dry.stdout, &run.log, &run.message] {
        assert_eq!(plurals_of_one(text), [""; 0], "{text}");
    }
}

/// A baseline for the rows of other labels answers another question, whichever sections it has.
#[test]
fn a_baseline_for_other_positive_labels_is_not_compared() {
    let positive = |label: &'static str| {
        move |results: &mut Value| {
            for section in ["pre_training_bias_metrics", "post_training_bias_metrics"] {
                results[section]["label_value_or_threshold"] = json!(label);
            }
        }
    };
    let (tree, path) = checked(0.3, positive("0"));
    let arguments = [&MONITOR, [path.as_str()].as_slice()].concat();
    let run = tree.fail(&arguments, 1, "PL0802");
    assert!(run.message.contains("positive `0`") && run.message.contains("positive `1`"), "{}", run.message);
    let dry = tree.run(&[&["validate"], arguments.as_slice()].concat());
    assert!(dry.code == Some(1) && dry.stdout.contains("positive `0`"), "{}", dry.stdout);
    let run = tree.succeed(&[arguments.as_slice(), &["--on-nothing-compared=succeed"]].concat());
    let told =
        "positive is `1` in this run and `0` in `post_training_bias_metrics` of the baseline constraints";
    assert!(run.log.contains(told), "{}", run.log);
    assert!(!tree.results().contains_key("constraint_violations.json"));
    // One section of other labels: the other is compared.
    let (tree, path) = checked(0.3, |results| {
        results["pre_training_bias_metrics"]["label_value_or_threshold"] = json!("0");
    });
    let run = tree.run(&[&MONITOR, [path.as_str(), "--drift-windows=1/1"].as_slice()].concat());
    assert!(run.log.contains("`0` in `pre_training_bias_metrics`"), "{}", run.log);
    let facets = tree.result("bias_details.json")["facets"][0]["metrics"].clone();
    for metric in facets.as_array().unwrap() {
        let is_compared = !metric["baseline"].is_null();
        assert_eq!(is_compared, metric["stage"] == "post_training" && !metric["value"].is_null(), "{metric}");
    }
    // The same labels in other words.
    let (tree, path) = checked(0.0, positive("1.0"));
    let run = tree.succeed(&[&MONITOR, [path.as_str()].as_slice()].concat());
    assert!(!run.log.contains("positive is"), "{}", run.log);
}

/// A dataset of 200 women and 200 men, of whom so many have the positive label.
fn labelled(tree: &Tree, positive: [usize; 2]) {
    let row = |n: usize| format!("{},{}\n", ["f", "m"][n % 2], u8::from(n / 2 < positive[n % 2]));
    let rows: String = (0..400).map(row).collect();
    tree.file("processing/input/data/d.csv", format!("sex,y\n{rows}"));
}

/// By chance a difference of 0.2 is as far beyond 0.125 in 6 of 100 runs: the standard error is sqrt(2 * 0.4 * 0.6 / 200).
#[test]
fn drift_confidence_decides_in_this_window_and_in_those_before() {
    let tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
        "methods": {"pre_training_bias": {"methods": ["DPL"]}},
    }));
    let limit =
        json!({"value_or_threshold": "f", "metrics": [{"name": "DPL", "description": "", "value": 0.125}]});
    let limits =
        json!({"version": "1.0", "pre_training_bias_metrics": {"label": "y", "facets": {"sex": [limit]}}});
    tree.file("baseline/analysis.json", limits.to_string());
    let (baseline, history) = (tree.path("baseline"), tree.path("history"));
    let judged = |confidence: &str, more: &[&str]| {
        let constraints = format!("--baseline-constraints={}", baseline.display());
        let confidence = format!("--drift-confidence={confidence}");
        tree.succeed(&[&[&constraints, "--bias-drift-check=interval", &confidence], more].concat())
    };
    labelled(&tree, [80, 120]);
    for (confidence, ending, chance) in
        [("0.5", "with 1 violations.", "50\u{202f}%"), ("0.999", "with no violations.", "0.1\u{202f}%")]
    {
        let run = judged(confidence, &[]);
        assert!(run.message.ends_with(ending), "{confidence}: {}", run.message);
        let details = tree.result("bias_details.json");
        let p_value = details["facets"][0]["metrics"][0]["chance"]["p_value"].as_f64().unwrap();
        assert!((p_value - 0.063).abs() < 0.02, "{p_value}");
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
        assert!(page.contains(&format!("marked as moved is at most {chance} (corrected")), "{confidence}");
    }
    // Now the difference is beyond doubt, and was as before in an earlier window that left its counts.
    tree.file("history/1/analysis.json", tree.analysis_bytes());
    labelled(&tree, [40, 160]);
    let history = format!("--history={}", history.display());
    for (confidence, told) in [("0.5", "with 1 violations."), ("0.999", "held back by drift_windows 2/2: 1.")]
    {
        let run = judged(confidence, &[&history, "--drift-windows=2/2"]);
        assert!(run.message.ends_with(told), "{confidence}: {}", run.message);
    }
}
