//! States of several monitors, and states as a baseline: the results are those of runs without states.

use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use serde_json::{Value, json};

use crate::fold::{check, fold, monitors, same};
use crate::program::{OUTPUT, Tree, files_below, model, monitored, traffic};
use crate::several::{LIST, csv, in_folder, set_up};

const MERGED: &str = "--dataset-source=/opt/ml/processing/input_data";
const DATA: &str = "processing/input/data";

/// A monitored hour with a baseline as files in `/opt/ml/baseline` and as states in `/opt/ml/states`; `n_parts`: of the
/// baseline. Runs it with either, and every result must be the same bytes.
#[track_caller]
fn check_baseline(
    baseline: &Tree,
    monitor: &Tree,
    settings: &[&str],
    data: &str,
    n_parts: usize,
    both: &[&str],
) {
    let settings_of_data = [settings, &[data]].concat();
    baseline.succeed(&settings_of_data);
    for (name, bytes) in baseline.results() {
        monitor.file(&format!("baseline/{name}"), bytes);
    }
    let folder = baseline.path(data.split_once("/opt/ml/").unwrap().1);
    for (at, state) in fold(baseline, &folder, n_parts, 7, &settings_of_data).into_iter().enumerate() {
        monitor.file(&format!("states/p{at}.state"), fs::read(state).unwrap());
    }
    let files: Vec<String> = both.iter().map(|setting| format!("--{setting}=/opt/ml/baseline")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let by_files = monitor.succeed(&[&settings_of_data, &files[..]].concat());
    let expected = monitor.results();
    let violated = expected.get("constraint_violations.json").is_some_and(|bytes| bytes.len() > 40);
    assert!(violated, "the baseline must matter: {}", by_files.message);
    fs::remove_dir_all(monitor.path(OUTPUT)).unwrap();
    fs::create_dir_all(monitor.path(OUTPUT)).unwrap();
    let states = "--baseline-constraints=/opt/ml/states";
    let by_states = monitor.succeed(&[&settings_of_data, &[states][..]].concat());
    assert_eq!(by_states.message, by_files.message);
    // Nobody is sent to the scratch folder of the baseline's results.
    assert_eq!(by_states.log.matches("results and reports are in").count(), 1, "{}", by_states.log);
    same(&monitor.results(), &expected, n_parts);
    // The dry run knows it too.
    let dry = monitor.run(&[&["validate"], &settings_of_data[..], &[states]].concat());
    assert_eq!(dry.code, Some(0), "{}", dry.stdout);
}

#[test]
fn a_state_is_a_baseline_of_bias_and_of_model_quality() {
    for (settings, both) in monitors()
        .into_iter()
        .zip([&["baseline-constraints"][..], &["baseline-constraints", "baseline-statistics"]])
    {
        let mut before = traffic(600, 0.0);
        before.rows_per_file = 40;
        let (baseline, monitor) = (monitored(&before), monitored(&traffic(600, 1.0)));
        check_baseline(&baseline, &monitor, &settings, MERGED, 3, both);
    }
}

#[test]
fn a_state_is_a_baseline_of_data_quality() {
    let (baseline, monitor) = (Tree::new(), Tree::new());
    let rows = |late: bool| -> String {
        let row = |n: usize| match (late, n % 7) {
            (true, 0) => format!("{}.5,\n", n % 50),
            (true, 1) => format!("much,{}\n", n % 5),
            _ => format!("{},c{}\n", n % 40 + if late { 30 } else { 0 }, n % 4),
        };
        "x,c\n".to_string() + &(0..400).map(row).collect::<String>()
    };
    baseline.file(&format!("{DATA}/a.csv"), rows(false));
    monitor.file(&format!("{DATA}/a.csv"), rows(true));
    let settings = ["--analysis-type=DATA_QUALITY", "--dataset-format={\"csv\":{\"header\":true}}"];
    let data = "--dataset-source=/opt/ml/processing/input/data";
    check_baseline(&baseline, &monitor, &settings, data, 1, &["baseline-constraints", "baseline-statistics"]);
    // As its profile.
    let profile = |path: &str| {
        let path = format!("--baseline-profile=/opt/ml/{path}");
        monitor.succeed(&[&settings[..], &[data, &path]].concat());
        monitor.results()
    };
    let expected = profile("baseline");
    same(&profile("states/p0.state"), &expected, 1);
}

/// The baseline is of a dataset with a configuration of its own, which the state tells.
#[test]
fn a_state_is_a_baseline_of_a_monitor_with_another_configuration() {
    let mut config = configs::bias_baseline(Format::Csv, &[]);
    config["methods"] = json!({"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "AD"]}});
    let baseline = Tree::with_dataset(&config, Format::Csv, 400, true);
    baseline.succeed(&[]);
    let list = baseline.path("list");
    fs::write(&list, files_below(&baseline.path(DATA)).into_keys().collect::<Vec<_>>().join("\n")).unwrap();
    let (out, files) = (baseline.path("all.state"), format!("--files={}", list.display()));
    baseline.succeed(&["fold", "--out", &out.display().to_string(), &files]);
    let monitor = monitored(&traffic(400, 1.0));
    monitor.file("all.state", fs::read(&out).unwrap()).file("analysis.json", baseline.analysis_bytes());
    let settings = &monitors()[0];
    let run = |baseline: &str| {
        let baseline = format!("--baseline-constraints=/opt/ml/{baseline}");
        let run = monitor.succeed(&[&settings[..], &[MERGED, &baseline]].concat());
        (run.message, monitor.results())
    };
    let (expected, found) = (run("analysis.json"), run("all.state"));
    assert!(expected.0.starts_with("CompletedWithViolations"), "{}", expected.0);
    assert_eq!(found.0, expected.0);
    same(&found.1, &expected.1, 1);
    // What is odd in the baseline's rows is not told as if it were of this run's.
    let line = |run: &str| run.contains("the baseline is made of the states");
    let told =
        monitor.succeed(&[&settings[..], &[MERGED, "--baseline-constraints=/opt/ml/all.state"]].concat());
    let lines: Vec<&str> = told.log.lines().filter(|text| line(text)).collect();
    assert!(
        !lines.is_empty() && lines.iter().all(|text| text.contains(r#""span":{"name":"baseline"}"#)),
        "{lines:?}"
    );
    let after = told.log.lines().skip_while(|text| !text.contains("metrics compared with the baseline"));
    assert!(
        after.clone().count() > 0 && after.clone().all(|text| !text.contains(r#""name":"baseline""#)),
        "{}",
        told.log
    );
    // A state of another monitor is none, and neither is half of one.
    let quality = &monitors()[1];
    let run = monitor.run(&[&quality[..], &[MERGED, "--baseline-constraints=/opt/ml/all.state"]].concat());
    assert_eq!(run.code, Some(3), "{}", run.log);
    for part in ["PL0909", "all.state", "model quality"] {
        assert!(run.message.contains(part), "no {part} in {}", run.message);
    }
    let half = fs::read(&out).unwrap();
    monitor.file("all.state", &half[..half.len() / 2]);
    let run = monitor.run(&[&settings[..], &[MERGED, "--baseline-constraints=/opt/ml/all.state"]].concat());
    assert!(run.code == Some(3) && run.message.contains("PL0908"), "{}", run.message);
}

#[test]
fn a_state_is_a_baseline_of_attributions() {
    let server = model(|_| ());
    let mut config = configs::explainability_baseline(Format::Csv);
    config["methods"].as_object_mut().unwrap().remove("pdp");
    config["methods"]["shap"]["save_local_shap_values"] = json!(false);
    config["methods"]["shap"]["features_to_explain"] = json!(["age", "income", "loan_amount"]);
    let tree = Tree::with_dataset(&config, Format::Csv, 40, false);
    let url = format!("--model-url={}", server.url());
    tree.succeed(&[&url, "--estimator=exact"]);
    tree.file("before/analysis.json", tree.analysis_bytes());
    let out = tree.path("all.state").display().to_string();
    tree.succeed(&["fold", "--out", &out, &url, "--estimator=exact"]);
    // Another model ranks the features in another way.
    let other = model(|options| options.model = std::sync::Arc::new(|row| vec![row.len() as f64]));
    let url = format!("--model-url={}", other.url());
    let run = |baseline: &str| {
        let baseline = format!("--baseline-constraints=/opt/ml/{baseline}");
        let run = tree.run(&[&url, "--estimator=exact", &baseline]);
        (run.message, tree.results())
    };
    let (expected, found) = (run("before/analysis.json"), run("all.state"));
    assert!(expected.1.contains_key("analysis.json"), "{}", expected.0);
    assert_eq!(found.0, expected.0);
    same(&found.1, &expected.1, 1);
}

/// A list of monitors, folded in parts and combined: the same bytes as one run, the report over all among them.
#[test]
fn several_monitors_in_any_parts_are_one_run_of_them() {
    let server = model(|_| ());
    let mut traffic = csv(300, 0.4);
    traffic.rows_per_file = 20;
    let tree = set_up(monitored(&traffic), &server);
    check(&tree, &tree.path("processing/input_data"), &["--analysis-type=MODEL_BIAS,MODEL_QUALITY", MERGED]);
}

#[test]
fn all_monitors_are_folded_at_once_and_their_states_are_the_baseline_of_all() {
    let server = model(|_| ());
    let (baseline, monitor) =
        (set_up(monitored(&csv(60, 0.0)), &server), set_up(monitored(&csv(60, 1.0)), &server));
    let whole = baseline.succeed(&[LIST, MERGED]);
    let expected = baseline.results();
    let states = fold(&baseline, &baseline.path("processing/input_data"), 1, 3, &[LIST, MERGED]);
    for (name, bytes) in &expected {
        monitor.file(&format!("baseline/{name}"), bytes);
    }
    monitor.file("all.state", fs::read(&states[0]).unwrap());
    fs::remove_dir_all(baseline.path(OUTPUT)).unwrap();
    fs::create_dir_all(baseline.path(OUTPUT)).unwrap();
    let combined = baseline.succeed(&["combine", LIST, &states[0]]);
    assert_eq!(combined.message, whole.message);
    for folder in ["data-quality", "model-quality", "model-bias"] {
        same(&in_folder(&baseline.results(), folder), &in_folder(&expected, folder), 1);
    }
    let explained: Value = baseline.result("model-explainability/analysis.json");
    assert!(explained["explanations"]["kernel_shap"].is_object());
    // One of the monitors alone, of the states of all.
    let one = baseline.succeed(&["combine", "--analysis-type=MODEL_QUALITY", &states[0]]);
    assert!(one.message.starts_with("Completed"), "{}", one.message);
    let by = |baseline: &str| {
        let run = monitor.succeed(&[LIST, MERGED, &format!("--baseline-constraints=/opt/ml/{baseline}")]);
        (run.message, monitor.results())
    };
    let (by_files, by_state) = (by("baseline"), by("all.state"));
    assert_eq!(by_state.0, by_files.0);
    for folder in ["data-quality", "model-quality", "model-bias"] {
        same(&in_folder(&by_state.1, folder), &in_folder(&by_files.1, folder), 1);
    }
}

/// Whether all monitors are combined or one alone, what it writes is the same: with segments of two monitors, configurations of
/// their own, or one for two of them.
#[test]
fn one_monitor_of_states_of_several_writes_what_it_writes_in_the_list() {
    let server = model(|_| ());
    let settings =
        [LIST, MERGED, "--segment-columns=_c3", "--segment-attributes=1", "--segment-minimum-rows=5"];
    for is_shared in [false, true] {
        let tree = set_up(monitored(&csv(60, 0.5)), &server);
        if is_shared {
            let folder = "processing/input/config";
            let own = |name: &str| -> Value {
                let path = tree.path(&format!("{folder}/{name}/analysis_config.json"));
                serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
            };
            let (mut config, explains) = (own("model-bias"), own("model-explainability"));
            config["methods"]["shap"] = explains["methods"]["shap"].clone();
            config["predictor"] = explains["predictor"].clone();
            fs::remove_dir_all(tree.path(folder)).unwrap();
            tree.config(&config);
        }
        let states = fold(&tree, &tree.path("processing/input_data"), 1, 3, &settings);
        let combine = |kind: &str| {
            fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
            fs::create_dir_all(tree.path(OUTPUT)).unwrap();
            let more = settings[2..].iter().copied();
            tree.succeed(&["combine", kind, &states[0]].into_iter().chain(more).collect::<Vec<_>>());
            tree.results()
        };
        let expected = combine(LIST);
        for (kind, folder) in [
            ("DATA_QUALITY", "data-quality"),
            ("MODEL_QUALITY", "model-quality"),
            ("MODEL_BIAS", "model-bias"),
            ("MODEL_EXPLAINABILITY", "model-explainability"),
        ] {
            let expected = in_folder(&expected, folder);
            same(&combine(&format!("--analysis-type={kind}")), &expected, 1);
            if is_shared {
                // Alone, either monitor does the work of both.
                continue;
            }
            // As a baseline, the state is that monitor's part too.
            let own = tree.path(&format!("processing/input/config/{folder}"));
            let config = if own.is_dir() { own } else { tree.path("processing/input/config") };
            let by_state = tree.run(&[
                &format!("--analysis-type={kind}"),
                &format!("--analysis-config={}", config.display()),
                "--output-path=/opt/ml/judged",
                &format!("--baseline-constraints={}", states[0]),
                MERGED,
                "--segment-attributes=1",
            ]);
            assert!(by_state.message.starts_with("Completed"), "{kind}: {}", by_state.message);
        }
    }
}

/// A schedule folds every hour with the same settings, the baseline among them, and so do the hosts of one job. Which
/// monitors have one is the same whether their baseline is files or states.
#[test]
fn several_monitors_are_folded_against_states_of_several() {
    let three = "--analysis-type=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS";
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.5)), &server);
    let before = tree.path("before/a.state").display().to_string();
    tree.succeed(&["fold", "--out", &before, three, MERGED]);
    let against = "--baseline-constraints=/opt/ml/before";
    for list in [three, "--analysis-type=MODEL_QUALITY,MODEL_BIAS"] {
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let whole = tree.succeed(&[list, MERGED, against]);
        let expected = tree.results();
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let states = fold(&tree, &tree.path("processing/input_data"), 2, 2, &[list, MERGED, against]);
        let combined = tree.succeed(&["combine", &states[0], &states[1], list, against]);
        assert_eq!(combined.message, whole.message);
        let of_bias = |files| in_folder(files, "model-bias");
        same(&of_bias(&tree.results()), &of_bias(&expected), 2);
    }
    let hosts = json!({"current_host": "b", "hosts": ["a", "b"]});
    let input = json!({"InputName": "dataset", "S3Input": {"LocalPath": "/opt/ml/processing/input_data",
        "S3Uri": "s3://b/k", "S3DataDistributionType": "ShardedByS3Key"}});
    tree.file("config/resourceconfig.json", hosts.to_string())
        .file("config/processingjobconfig.json", json!({"ProcessingInputs": [input]}).to_string());
    tree.succeed(&[three, MERGED, against]);
    assert!(tree.results().contains_key("states/b.state"));
}

#[test]
fn a_monitor_that_cannot_be_folded_is_named_and_nothing_is_written() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(40, 0.0)), &server);
    let list = "--analysis-type=MODEL_BIAS,MODEL_QUALITY";
    // States of one monitor are not those of a list, and the other way round.
    let (one, both) =
        (tree.path("one.state").display().to_string(), tree.path("both.state").display().to_string());
    tree.succeed(&["fold", "--out", &one, "--analysis-type=MODEL_QUALITY", MERGED]);
    tree.succeed(&["fold", "--out", &both, list, MERGED]);
    let run = tree.fail(&["combine", &one, list], 3, "PL0909");
    assert!(run.message.contains("one.state"), "{}", run.message);
    let run = tree.fail(&["combine", &both, "--analysis-type=DATA_QUALITY"], 3, "PL0909");
    assert!(run.message.contains("both.state") && run.message.contains("data-quality"), "{}", run.message);
    // One record that nobody may skip.
    tree.file("processing/input_data/z.jsonl", "{bad\n");
    let out = tree.path("x.state").display().to_string();
    let run = tree.run(&["fold", "--out", &out, list, MERGED, "--on-bad-record=fail"]);
    assert!(run.code == Some(3) && run.message.contains("2 of 2 monitors failed"), "{}", run.message);
    assert!(run.message.contains("Model bias: ") && run.message.contains("z.jsonl"), "{}", run.message);
    assert!(!tree.path("x.state").exists() && tree.results().is_empty());
}
