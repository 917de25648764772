//! Settings that an analysis does not use are told, in the job and in the dry run; those that it uses are checked in both.

use serde_json::json;

use crate::program::Tree;

const ROWS: usize = 60;

/// Labels and predictions in the data, so that no model is asked.
fn tree(monitor: bool) -> Tree {
    let tree = Tree::new();
    let row = |n: usize| format!("{},{},{},{}\n", n % 2, 20 + n % 30, n / 2 % 2, n / 3 % 2);
    let rows: String = (0..ROWS).map(row).collect();
    tree.file("processing/input/data/d.csv", format!("sex,age,y,p\n{rows}"));
    let mut config = json!({
        "dataset_type": "text/csv", "label": "y", "predicted_label": "p", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI"]}},
    });
    if monitor {
        config.as_object_mut().unwrap().remove("methods");
    }
    tree.config(&config);
    tree
}

#[test]
fn settings_without_effect_are_told_in_job_and_dry_run() {
    // Of an analysis with `dataset_type`, and of a monitor over the same data.
    let of_captures = [
        ("features_attribute", "f"),
        ("inference_attribute", "p"),
        ("probability_attribute", "2"),
        ("probability_threshold_attribute", "0.3"),
        ("ground_truth_attribute", "1"),
    ];
    let of_quality = [
        ("positive_label", "1"),
        ("problem_type", "BinaryClassification"),
        ("segment_columns", "sex"),
        ("segment_minimum_rows", "5"),
        ("drift_rule", "weighted"),
        ("compat", "strict"),
        ("record_preprocessor_script", "/nowhere/p.py"),
        ("report_enabled", "true"),
    ];
    for monitor in [false, true] {
        let plain = tree(monitor);
        let kind: &[&str] = if monitor { &["--analysis-type=MODEL_BIAS"] } else { &[] };
        plain.succeed(kind);
        let expected = plain.analysis_bytes();
        let of_job = [("dataset_format", r#"{"csv": {"header": true}}"#)];
        let of_job = if monitor { &[][..] } else { &of_job };
        for &(name, value) in of_captures.iter().chain(&of_quality).chain(of_job) {
            let mut tree = tree(monitor);
            tree.set(name, value);
            let told = format!("the setting `{name}` has no effect");
            let run = tree.succeed(kind);
            assert!(run.log.contains(&told), "{name}: {}", run.log);
            assert_eq!(tree.analysis_bytes(), expected, "{name}");
            let page = String::from_utf8_lossy(&tree.results()["report.html"]).into_owned();
            // Results are the same beside a monitor that uses the setting.
            let of_others = name != "report_enabled" && of_quality.iter().any(|(other, _)| *other == name);
            assert_eq!(page.contains(&told), !of_others, "{name}");
            let dry = tree.run(&[&["validate"], kind].concat());
            assert_eq!(dry.code, Some(0), "{name}: {}", dry.stdout);
            assert!(dry.stdout.contains(&told), "{name}: {}", dry.stdout);
        }
        let mut window = tree(monitor);
        window.set("start_time", "2026-01-01T00:00:00Z");
        assert!(window.succeed(kind).log.contains("`start_time` and `end_time` have no effect"));
        let dry = window.run(&[&["validate"], kind].concat());
        assert!(dry.stdout.contains("`start_time` and `end_time` have no effect"), "{}", dry.stdout);
    }
}

#[test]
fn attributes_are_checked_whatever_the_data_are() {
    for monitor in [false, true] {
        let kind: &[&str] = if monitor { &["--analysis-type=MODEL_BIAS"] } else { &[] };
        for (name, value, code) in [
            ("probability_threshold_attribute", "x", "PL0101"),
            ("inference_attribute", "not a path", "PL0101"),
            ("exclude_features_attribute", "age,nowhere", "PL0304"),
            ("exclude_features_attribute", "9", "PL0304"),
        ] {
            let mut tree = tree(monitor);
            tree.set(name, value);
            let run = tree.run(kind);
            let dry = tree.run(&[&["validate"], kind].concat());
            assert_eq!((run.code, dry.code), (Some(1), Some(1)), "{name}: {} {}", run.log, dry.stdout);
            for text in [&run.message, &dry.stdout] {
                assert!(text.contains(code) && text.contains(name), "{name}: {text}");
            }
        }
        let mut tree = tree(monitor);
        tree.set("exclude_features_attribute", "age");
        let run = tree.succeed(kind);
        assert!(!run.log.contains("no effect"), "{}", run.log);
    }
}
