//! Every setting that names a baseline is used, told or refused, whichever way the kind of run is named and wherever the setting
//! stands: a run without checks must not look like a clean one.

use serde_json::{Value, json};

use crate::program::{OUTPUT, Run, Tree, model};
use crate::quality_classes::{OF_CLASSES, of_classes};

const CSV: &str = r#"{"csv":{"header":true}}"#;
const BASE: &str = "/opt/ml/base";

/// Where a setting can stand.
const PLACES: [&str; 3] = ["argument", "environment", "job"];

/// Runs with settings at a place, then `validate`.
fn both(tree: &Tree, place: &str, settings: &[(&str, &str)], more: &[&str]) -> [Run; 2] {
    let name = "config/processingjobconfig.json";
    let environment: Value = settings.iter().map(|&(name, value)| (name.to_string(), json!(value))).collect();
    let arguments: Vec<String> =
        settings.iter().map(|(name, value)| format!("--{}={value}", name.replace('_', "-"))).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let verbs = [&[][..], &["validate"]];
    let runs = verbs.map(|verb| match place {
        "argument" => tree.run(&[verb, more, &arguments[..]].concat()),
        "environment" => {
            let mut command = tree.command(&[verb, more].concat());
            tree.ended(command.envs(settings.iter().copied()).output().unwrap())
        }
        _ => {
            tree.file(name, json!({"ProcessingJobName": "j", "Environment": environment}).to_string());
            tree.run(&[verb, more].concat())
        }
    });
    if place == "job" {
        std::fs::remove_file(tree.path(name)).unwrap();
    }
    runs
}

/// What a run of this kind does with a setting that is the only one to name a baseline.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Used,
    Refused,
}
use Fate::{Refused, Used};

/// The settings that name a baseline.
const NAMES: [&str; 7] = [
    "baseline_constraints",
    "baseline_statistics",
    "baseline_profile",
    "data_quality_baseline",
    "model_quality_baseline",
    "model_bias_baseline",
    "model_explainability_baseline",
];

/// Each setting in each place, with a baseline that the data violate: the run tells of violations, or does not start. A place without a
/// baseline stops it, too.
fn check(tree: &Tree, more: &[&str], folder: &str, fates: [Fate; 7]) {
    for (name, fate) in NAMES.into_iter().zip(fates) {
        for place in PLACES {
            for path in [folder, "/opt/ml/nowhere"] {
                let [run, dry] = both(tree, place, &[(name, path)], more);
                let what =
                    format!("{name}={path}, {place}, {more:?}: {} {} {}", run.message, run.log, dry.stdout);
                if fate == Used && path == folder {
                    assert_eq!((run.code, dry.code), (Some(0), Some(0)), "{what}");
                    let statistics_only =
                        name == "baseline_statistics" && run.log.contains("no threshold is");
                    assert!(run.message.contains("Violations: ") || statistics_only, "{what}");
                    assert!(!run.log.contains("no effect"), "{what}");
                    std::fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
                } else {
                    assert!(run.code.is_some_and(|code| code > 0) && run.code == dry.code, "{what}");
                    assert!(!tree.path(OUTPUT).join("statistics.json").exists(), "{what}");
                }
                if fate == Refused {
                    for text in [&run.message, &dry.stdout] {
                        assert!(text.contains("PL0101") && text.contains(name), "{what}");
                        assert!(text.contains("nothing would be checked"), "{what}");
                    }
                }
            }
        }
    }
}

fn data_quality() -> Tree {
    let rows = |first: usize, y: &str| -> String {
        let rows: String = (0..60).map(|n| format!("{y},{}\n", first + n)).collect();
        format!("y,age\n{rows}")
    };
    let mut tree = Tree::new();
    tree.set("dataset_format", CSV).file("processing/input/endpoint/a.csv", rows(20, "1"));
    tree.succeed(&["--analysis-type=DATA_QUALITY", "--output-path=/opt/ml/base"]);
    tree.file("processing/input/endpoint/a.csv", rows(500, "x"));
    tree
}

#[test]
fn data_quality_uses_its_baselines_and_refuses_those_of_others() {
    let fates = [Used, Used, Used, Used, Refused, Refused, Refused];
    let tree = data_quality();
    for more in [&["--analysis-type=DATA_QUALITY"][..], &[]] {
        check(&tree, more, BASE, fates);
    }
    // The files themselves are as good as their folder.
    for file in ["constraints.json", "statistics.json"] {
        let path = format!("{BASE}/{file}");
        let [run, dry] = both(&tree, "argument", &[("data_quality_baseline", &path)], &[]);
        assert_eq!(run.message.split(' ').rev().nth(1), Some("2"), "{file} {}", run.message);
        assert!(dry.stdout.contains("data quality monitor"), "{}", dry.stdout);
        assert!(!run.log.contains("has no meaning") && !run.log.contains("not checked"), "{}", run.log);
    }
}

#[test]
fn model_quality_uses_its_baselines_and_refuses_those_of_others() {
    let tree = Tree::new();
    of_classes(&tree, "data", ["0", "1"], 300);
    let data = "--dataset-source=/opt/ml/processing/input/data";
    let made = tree.run(&[&OF_CLASSES, &[data, "--output-path=/opt/ml/base"][..]].concat());
    assert_eq!(made.code, Some(0), "{}", made.log);
    // The same rows against a threshold that they miss.
    let path = tree.path("base/constraints.json");
    let mut found: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    found["binary_classification_constraints"]["accuracy"]["threshold"] = json!(0.999);
    std::fs::write(&path, found.to_string()).unwrap();
    let more = [&OF_CLASSES, &[data][..]].concat();
    check(&tree, &more, BASE, [Used, Used, Refused, Refused, Used, Refused, Refused]);
    let [run, dry] = both(&tree, "argument", &[("sagemaker_monitoring_schedule_name", "s")], &more);
    for text in [&run.log, &dry.stdout] {
        assert!(text.contains("nothing is checked: no baseline is given"), "{text}");
    }
}

/// Rows of which the share of good predictions differs by group as far as `gap` says.
fn bias(tree: &Tree, gap: usize) {
    let row = |n: usize| {
        let group = n % 2;
        format!("{group},{},{}\n", n / 2 % 2, usize::from(n / 2 % 10 < 5 + gap * group))
    };
    tree.file("processing/input/data/d.csv", format!("sex,y,p\n{}", (0..400).map(row).collect::<String>()));
}

/// Without a gap.
fn of_bias() -> Tree {
    let tree = Tree::new();
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "predicted_label": "p", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
        "methods": {"post_training_bias": {"methods": ["DPPL"]}},
    }));
    bias(&tree, 0);
    tree
}

#[test]
fn bias_uses_its_baselines_and_refuses_those_of_others() {
    let tree = of_bias();
    tree.succeed(&["--output-path=/opt/ml/base"]);
    bias(&tree, 4);
    let fates = [Used, Refused, Refused, Refused, Refused, Used, Refused];
    for more in [&["--analysis-type=MODEL_BIAS"][..], &[]] {
        check(&tree, more, BASE, fates);
    }
}

/// Without a model that answers: a baseline that is not there shows which setting is looked at.
#[test]
fn attributions_use_their_baselines_and_refuse_those_of_others() {
    let tree = Tree::new();
    bias(&tree, 0);
    let predictor = json!({"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1});
    let config = |methods: Value| {
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "headers": ["sex", "y", "p"], "predicted_label": "p",
            "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
            "methods": methods, "predictor": predictor,
        }));
    };
    let explained = json!({"shap": {"num_samples": 10}});
    let all = json!({"shap": {"num_samples": 10}, "post_training_bias": {"methods": ["DPPL"]}});
    let nowhere = "/opt/ml/nowhere";
    for (methods, more, used) in [
        (&explained, &[][..], &["model_explainability_baseline"][..]),
        (&explained, &["--analysis-type=MODEL_EXPLAINABILITY"], &["model_explainability_baseline"]),
        (&all, &[], &["model_bias_baseline", "model_explainability_baseline"]),
    ] {
        config(methods.clone());
        for &name in &NAMES[1..] {
            for run in both(&tree, "argument", &[(name, nowhere)], more) {
                let text = format!("{}{}", run.message, run.stdout);
                let expected =
                    if used.contains(&name) { "does not exist" } else { "nothing would be checked" };
                assert!(run.code == Some(1) && text.contains(expected), "{more:?} {name}: {text}");
            }
        }
    }
    // One run is held against one file.
    for folder in ["one", "two"] {
        tree.file(&format!("{folder}/analysis.json"), "{}");
    }
    let both_of = [("model_bias_baseline", "/opt/ml/one"), ("model_explainability_baseline", "/opt/ml/two")];
    for run in both(&tree, "argument", &both_of, &[]) {
        let text = format!("{}{}", run.message, run.stdout);
        assert!(run.code == Some(1) && text.contains("one analysis has two baselines"), "{text}");
    }
}

/// Beside a baseline that is used, those of other monitors are told: one environment may serve several runs.
#[test]
fn what_is_of_no_use_beside_a_baseline_is_told() {
    let tree = data_quality();
    let own = [("data_quality_baseline", BASE)];
    let plain = both(&tree, "argument", &own, &[]);
    let expected = tree.results();
    for name in ["model_quality_baseline", "model_bias_baseline", "model_explainability_baseline"] {
        for place in PLACES {
            let [run, dry] = both(&tree, place, &[own[0], (name, "/opt/ml/nowhere")], &[]);
            let told = format!("the setting `{name}` has no effect");
            assert!(run.log.contains(&told) && dry.stdout.contains(&told), "{place}: {}", run.log);
            assert_eq!(run.message, plain[0].message);
            // The name of the job stands in the report.
            assert!(place == "job" || tree.results() == expected, "{name}");
        }
    }
    // Its own setting goes before the one of any monitor; that of the same place says the same.
    for (other, is_told) in [("/opt/ml/nowhere", true), (BASE, false)] {
        let [run, dry] = both(&tree, "argument", &[own[0], ("baseline_constraints", other)], &[]);
        let told =
            "the setting `baseline_constraints` has no effect: `data_quality_baseline` is the baseline";
        assert_eq!((run.log.contains(told), dry.stdout.contains(told)), (is_told, is_told), "{}", run.log);
        assert_eq!(run.message, plain[0].message);
    }
}

/// Of several monitors one uses a baseline, or none of them does.
#[test]
fn a_list_of_monitors_refuses_what_none_of_them_uses() {
    let tree = Tree::new();
    of_classes(&tree, "data", ["0", "1"], 300);
    let data = "--dataset-source=/opt/ml/processing/input/data";
    let quality = &OF_CLASSES[1..];
    assert!(OF_CLASSES[0].starts_with("--analysis-type"), "{OF_CLASSES:?}");
    let list = [&["--analysis-type=DATA_QUALITY,MODEL_QUALITY", data], quality].concat();
    let made = tree.run(&[&list[..], &["--output-path=/opt/ml/base"]].concat());
    assert_eq!(made.code, Some(0), "{}", made.log);
    let nowhere = "/opt/ml/nowhere";
    for (name, path) in [("model_bias_baseline", nowhere), ("model_explainability_baseline", nowhere)] {
        for run in both(&tree, "argument", &[(name, path)], &list) {
            let text = format!("{}{}", run.message, run.stdout);
            assert!(run.code == Some(1) && text.contains("nothing would be checked"), "{name}: {text}");
        }
        let own = ("data_quality_baseline", "/opt/ml/base/data-quality");
        for run in both(&tree, "argument", &[(name, path), own], &list) {
            let text = format!("{}{}", run.log, run.stdout);
            let told = format!("the setting `{name}` has no effect");
            assert!(run.code == Some(0) && text.matches(&told).count() == 1, "{name}: {text}");
        }
    }
    // The profile is the baseline of one of them, and not of the other.
    let profile = ("baseline_profile", "/opt/ml/base/data-quality");
    let [run, dry] = both(&tree, "argument", &[profile], &list);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert!(dry.stdout.contains("data quality monitor"), "{}", dry.stdout);
    assert!(dry.stdout.contains("Model quality baseline"), "{}", dry.stdout);
    assert!(!tree.results().contains_key("model-quality/constraint_violations.json"));
    // Statistics of data quality are of no use to the others.
    let statistics = ("baseline_statistics", "/opt/ml/base/data-quality/statistics.json");
    let list = [&["--analysis-type=MODEL_QUALITY,MODEL_BIAS", data], quality].concat();
    for run in both(&tree, "argument", &[statistics], &list) {
        let text = format!("{}{}", run.message, run.stdout);
        assert!(run.code == Some(1) && text.contains("it has a folder for none"), "{text}");
    }
}

/// States say of which monitor they are, when nothing else does.
#[test]
fn states_are_held_against_the_baseline_of_their_monitor() {
    let mut tree = Tree::new();
    tree.file("in/a.csv", "y,age\nx,1\nx,2\n").file("first/a.csv", "y,age\n1,1\n0,2\n");
    tree.set("dataset_source", "/opt/ml/first");
    tree.succeed(&["--output-path=/opt/ml/base"]);
    let state = tree.path("states/a.state").display().to_string();
    tree.succeed(&["fold", "--dataset-source=/opt/ml/in", "--out", &state]);
    // Nothing else is in this tree that names data.
    let plain = Tree::new();
    for name in ["constraints.json", "statistics.json"] {
        plain.file(&format!("base/{name}"), std::fs::read(tree.path("base").join(name)).unwrap());
    }
    plain.file("a.state", std::fs::read(&state).unwrap());
    let state = plain.path("a.state").display().to_string();
    let run = plain.run(&["combine", &state, "--data-quality-baseline=/opt/ml/base"]);
    assert!(run.message.starts_with("CompletedWithViolations"), "{}", run.message);
    for name in ["model-quality", "model-bias", "model-explainability"] {
        let run = plain.run(&["combine", &state, &format!("--{name}-baseline=/opt/ml/base")]);
        assert!(run.code == Some(1) && run.message.contains("nothing would be checked"), "{}", run.message);
    }
}

/// A baseline that cannot be read, or of which nothing can be compared, is told of the setting that names it.
#[test]
fn what_is_wrong_with_a_baseline_is_told_of_the_setting_that_was_given() {
    let check = |tree: &Tree, given: (&str, &str), more: &[&str], code: &str| {
        for run in both(tree, "argument", &[given], more) {
            let text = if run.stdout.is_empty() { &run.message } else { &run.stdout };
            let what = format!("{given:?} {more:?}: {text}");
            assert!(run.code.is_some_and(|code| code > 0) && text.contains(code), "{what}");
            assert!(text.contains(given.0), "{what}");
            let others = NAMES.iter().filter(|name| **name != given.0);
            assert!(others.into_iter().all(|name| !text.contains(&format!("{name}:"))), "{what}");
        }
    };
    let tree = data_quality();
    let constraints = std::fs::read(tree.path("base/constraints.json")).unwrap();
    tree.file("base/constraints.json", "{\"version\": 0}");
    for name in ["baseline_constraints", "data_quality_baseline"] {
        check(&tree, (name, BASE), &["--analysis-type=DATA_QUALITY"], "PL0801");
    }
    tree.file("base/constraints.json", constraints).file("base/statistics.json", "{");
    check(&tree, ("data_quality_baseline", BASE), &["--analysis-type=DATA_QUALITY"], "PL0801");
    check(&tree, ("baseline_statistics", BASE), &["--analysis-type=DATA_QUALITY"], "PL0801");

    let tree = Tree::new();
    of_classes(&tree, "data", ["0", "1"], 300);
    let more = [&OF_CLASSES, &["--dataset-source=/opt/ml/processing/input/data"][..]].concat();
    tree.file("base/constraints.json", "{\"binary_classification_constraints\": {}}");
    for name in ["baseline_constraints", "model_quality_baseline"] {
        check(&tree, (name, BASE), &more, "PL0802");
    }

    let tree = of_bias();
    tree.file("base/analysis.json", "{\"version\": \"1.0\"}");
    for name in ["baseline_constraints", "model_bias_baseline"] {
        check(&tree, (name, BASE), &["--analysis-type=MODEL_BIAS"], "PL0802");
    }
}

/// The end of an exit message and the lines of log, report and dry run of a run that is held against nothing.
const MESSAGE: &str = " Nothing is checked: no baseline is given.";
const NOTHING_CHECKED: &str = "nothing is checked: no baseline is given";

/// Each monitor, and several: a run of a schedule without a baseline says that nothing is checked; one by hand may make the baseline. The
/// exit messages of the quality monitors are those of the hosted service.
#[test]
fn a_schedule_without_a_baseline_does_not_look_as_if_all_held() {
    let server = model(|options| {
        options.model = std::sync::Arc::new(|_| vec![0.25]);
        options.score_only = true;
    });
    let url = format!("--model-url={}", server.url());
    let data = "--dataset-source=/opt/ml/processing/input/data";
    let csv = format!("--dataset-format={CSV}");
    let quality = [&OF_CLASSES[1..], &[data]].concat();
    for (kinds, more) in [
        ("MODEL_BIAS", vec![]),
        ("MODEL_EXPLAINABILITY", vec![url.as_str()]),
        ("DATA_QUALITY", vec![data, csv.as_str()]),
        ("MODEL_QUALITY", quality.clone()),
        ("DATA_QUALITY,MODEL_QUALITY", quality),
    ] {
        let tree = Tree::new();
        match kinds {
            "MODEL_BIAS" | "MODEL_EXPLAINABILITY" => {
                bias(&tree, 0);
                tree.config(&json!({
                    "dataset_type": "text/csv", "label": "y", "headers": ["sex", "y", "p"], "predicted_label": "p",
                    "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
                    "methods": match kinds {
                        "MODEL_BIAS" => json!({"post_training_bias": {"methods": ["DPPL"]}}),
                        _ => json!({"shap": {"num_samples": 2, "baseline": [[0]]}}),
                    },
                    "predictor": {"content_type": "text/csv", "probability": 0},
                }));
            }
            _ => of_classes(&tree, "data", ["0", "1"], 300),
        }
        let kind = format!("--analysis-type={kinds}");
        let more = [&[kind.as_str()][..], &more].concat();
        let made = tree.run(&[&more[..], &["--output-path=/opt/ml/base"]].concat());
        assert_eq!(made.code, Some(0), "{kinds}: {}", made.log);
        assert!(
            !made.message.contains(MESSAGE) && !made.log.contains(NOTHING_CHECKED),
            "{kinds}: {}",
            made.log
        );
        let schedule = ("sagemaker_monitoring_schedule_name", "hourly");
        let [run, dry] = both(&tree, "argument", &[schedule], &more);
        assert_eq!((run.code, dry.code), (Some(0), Some(0)), "{kinds}: {}", run.log);
        assert!(run.message.starts_with("Completed: Job completed successfully with no violations."));
        let is_of_quality = kinds.ends_with("QUALITY");
        assert_eq!(run.message.ends_with(MESSAGE), !is_of_quality, "{kinds}: {}", run.message);
        assert!(run.log.contains(NOTHING_CHECKED), "{kinds}: {}", run.log);
        assert!(dry.stdout.contains(NOTHING_CHECKED), "{kinds}: {}", dry.stdout);
        if let Some(page) = tree.results().get("report.html").filter(|_| kinds.ends_with(['S', 'Y'])) {
            let page = String::from_utf8_lossy(page).to_lowercase();
            let told = [NOTHING_CHECKED, "so nothing was checked", "no baseline"];
            assert!(told.iter().any(|told| page.contains(told)), "{kinds}");
        }
        let [run, dry] = both(&tree, "argument", &[schedule, ("baseline_constraints", BASE)], &more);
        assert_eq!(run.code, Some(0), "{kinds}: {}", run.log);
        assert!(!run.message.contains(MESSAGE), "{kinds}: {}", run.message);
        assert!(!run.log.contains(NOTHING_CHECKED) && !dry.stdout.contains(NOTHING_CHECKED), "{kinds}");
    }
}
