//! Where inputs and results may stand, and what an earlier run left there.

use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use serde_json::json;

use crate::program::{OUTPUT, Tree, model};

fn bias() -> Tree {
    Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 100, true)
}

/// A data quality baseline, or a model quality one, of the same data.
const QUALITY: [&[&str]; 2] = [
    &[
        "--analysis-type=DATA_QUALITY",
        "--dataset-format={\"csv\":{\"header\":true}}",
        "--dataset-source=/opt/ml/processing/input/data",
    ],
    &[
        "--analysis-type=MODEL_QUALITY",
        "--problem-type=BinaryClassification",
        "--dataset-format={\"csv\":{\"header\":true}}",
        "--dataset-source=/opt/ml/processing/input/data",
        "--inference-attribute=approved",
        "--ground-truth-attribute=repaid",
    ],
];

/// Every name of ours, two names of others, and a folder of ours that holds something else.
fn leave_earlier_files(tree: &Tree) {
    for name in [
        "analysis.json",
        "bias_details.json",
        "constraint_violations.json",
        "constraints.json",
        "data_quality_details.json",
        "explanations_details.json",
        "explanations_shap/baseline.csv",
        "explanations_shap/out.csv",
        "explanations_shap/of_the_team.txt",
        "model_quality_details.json",
        "notes.txt",
        "other.html",
        "predictions.csv",
        "report.html",
        "report.ipynb",
        "report.pdf",
        "statistics.json",
    ] {
        tree.file(&format!("{OUTPUT}/{name}"), "earlier");
    }
}

/// Names of the results but for those of others, which must be as they were.
#[track_caller]
fn own_results(tree: &Tree) -> Vec<String> {
    let mut results = tree.results();
    for name in ["explanations_shap/of_the_team.txt", "notes.txt", "other.html"] {
        assert_eq!(results.remove(name).as_deref(), Some(&b"earlier"[..]), "{name}");
    }
    results.into_keys().collect()
}

#[test]
fn a_run_that_succeeds_leaves_only_its_own_results() {
    let server = model(|_| ());
    let explained = || {
        let mut config = configs::explainability_baseline(Format::Csv);
        config["methods"]["shap"]["num_samples"] = json!(10);
        Tree::with_dataset(&config, Format::Csv, 20, false)
    };
    let url = format!("--model-url={}", server.url());
    let runs: [(&dyn Fn() -> Tree, &[&str]); 4] =
        [(&bias, &[]), (&bias, QUALITY[0]), (&bias, QUALITY[1]), (&explained, &[&url])];
    for (tree, arguments) in runs {
        let (empty, used) = (tree(), tree());
        empty.succeed(arguments);
        leave_earlier_files(&used);
        used.succeed(arguments);
        let expected: Vec<String> = empty.results().into_keys().collect();
        assert_eq!(own_results(&used), expected, "{arguments:?}");
    }
}

/// A name of the reports that the configuration of the run before chose, in each order of runs.
#[test]
fn reports_of_an_earlier_run_with_another_name_go_too() {
    let server = model(|_| ());
    let url = format!("--model-url={}", server.url());
    let named = |name: Option<&str>, mut config: serde_json::Value| {
        if let Some(name) = name {
            config["methods"]["report"] = json!({"name": name});
        }
        config
    };
    let mut explained = configs::explainability_baseline(Format::Csv);
    explained["methods"]["shap"]["num_samples"] = json!(10);
    let bias = configs::bias_baseline(Format::Csv, &[]);
    let runs: [(Option<&str>, &serde_json::Value, &[&str]); 7] = [
        (None, &bias, &[]),
        (Some("april"), &bias, &[]),
        (Some("May 1.5"), &bias, &[]),
        (Some("june"), &explained, &[&url, "--dataset-source=/opt/ml/processing/input/explained"]),
        (None, &bias, QUALITY[0]),
        (Some("july"), &bias, &[]),
        (None, &bias, QUALITY[1]),
    ];
    let tree = Tree::with_dataset(&bias, Format::Csv, 100, true);
    let without_predictions = Tree::with_dataset(&explained, Format::Csv, 20, false);
    let rows = fs::read(without_predictions.path("processing/input/data/data")).unwrap();
    tree.file("processing/input/explained/data", rows);
    tree.file(&format!("{OUTPUT}/notes.html"), "of others")
        .file(&format!("{OUTPUT}/April.html"), "of others");
    for (name, config, arguments) in runs {
        tree.config(&named(name, config.clone()));
        tree.succeed(arguments);
        let reports: Vec<String> = tree
            .results()
            .into_keys()
            .filter(|name| [".html", ".ipynb", ".pdf"].iter().any(|ending| name.ends_with(ending)))
            .filter(|file| !["notes.html", "April.html"].contains(&file.as_str()))
            .collect();
        let own = ["html", "ipynb", "pdf"].map(|ending| format!("{}.{ending}", name.unwrap_or("report")));
        assert_eq!(reports, own);
    }
    // Into the folder of a run of several monitors, and into that of one of them.
    let inside = format!("{OUTPUT}/model-bias");
    tree.config(&named(Some("august"), bias.clone()));
    tree.succeed(&[&format!("--output-path=/opt/ml/{inside}")]);
    assert!(tree.path(&inside).join("august.pdf").exists());
    tree.config(&bias);
    tree.succeed(&[]);
    assert!(!tree.path(&inside).exists());
    assert_eq!(tree.results()["notes.html"], b"of others");
}

#[test]
fn what_a_run_of_several_monitors_left_goes_with_the_next_run() {
    let tree = bias();
    tree.succeed(&[]);
    let alone: Vec<String> = tree.results().into_keys().collect();
    let folders = ["data-quality", "model-quality", "model-bias", "model-explainability"];
    let names =
        ["constraints.json", "analysis.json", "report.html", "explanations_shap/out.csv", "notes.txt"];
    for folder in folders {
        for name in names {
            tree.file(&format!("{OUTPUT}/{folder}/{name}"), "earlier");
        }
    }
    let baseline = format!("--baseline-constraints=/opt/ml/{OUTPUT}/model-bias/analysis.json");
    fs::copy(tree.path(OUTPUT).join("analysis.json"), tree.path(OUTPUT).join("model-bias/analysis.json"))
        .unwrap();
    tree.succeed(&[&baseline]);
    let mut stay: Vec<String> = folders.iter().map(|folder| format!("{folder}/notes.txt")).collect();
    stay.push("model-bias/analysis.json".into());
    let mut expected = [alone.clone(), stay].concat();
    expected.sort();
    assert_eq!(tree.results().into_keys().collect::<Vec<_>>(), expected);

    // A folder without anything of others goes with its files.
    for folder in folders {
        fs::remove_file(tree.path(OUTPUT).join(folder).join("notes.txt")).unwrap();
    }
    tree.succeed(&[]);
    assert_eq!(tree.results().into_keys().collect::<Vec<_>>(), alone);
    assert!(folders.iter().all(|folder| !tree.path(OUTPUT).join(folder).exists()));
}

#[test]
fn a_run_that_fails_takes_nothing_away() {
    let tree = bias();
    leave_earlier_files(&tree);
    let before = tree.results();
    let mut config = configs::bias_baseline(Format::Csv, &[]);
    config["label"] = json!("nowhere");
    tree.config(&config);
    assert_eq!(tree.run(&[]).code, Some(1));
    assert!(tree.results() == before);
}

#[test]
fn a_baseline_in_the_output_stays() {
    let tree = bias();
    tree.succeed(&[]);
    fs::rename(tree.path(OUTPUT).join("analysis.json"), tree.path(OUTPUT).join("constraints.json")).unwrap();
    tree.succeed(&["--baseline-constraints=/opt/ml/processing/output/constraints.json"]);
    assert!(tree.results().contains_key("constraints.json") && tree.results().contains_key("analysis.json"));
}

#[test]
fn an_output_that_is_the_folder_of_the_baseline_is_refused() {
    for (kind, files) in [
        (&[][..], &[("--baseline-constraints", "analysis.json")][..]),
        (
            QUALITY[0],
            &[
                ("--baseline-constraints", "constraints.json"),
                ("--baseline-statistics", "statistics.json"),
                ("--baseline-profile", "data_quality_profile.json.gz"),
            ],
        ),
        (
            QUALITY[1],
            &[("--baseline-constraints", "constraints.json"), ("--baseline-statistics", "statistics.json")],
        ),
    ] {
        let tree = bias();
        tree.succeed(kind);
        let before = tree.results();
        std::os::unix::fs::symlink(tree.path(OUTPUT), tree.path("processing/link")).unwrap();
        for (setting, name) in files {
            for place in [format!("{OUTPUT}/{name}"), OUTPUT.into(), format!("processing/link/{name}")] {
                let argument = format!("{setting}=/opt/ml/{place}");
                let arguments = [kind, &[&argument]].concat();
                let run = tree.run(&arguments);
                assert_eq!(run.code, Some(1), "{argument}: {}", run.message);
                assert!(
                    run.message.starts_with("Error: PL0101: the output is the folder of the baseline"),
                    "{argument}: {}",
                    run.message
                );
                assert_eq!(tree.run(&[&["validate"], &arguments[..]].concat()).code, Some(1), "{argument}");
            }
        }
        assert!(tree.results() == before);
        // The same baseline elsewhere serves.
        for (setting, name) in files {
            let argument = format!("{setting}=/opt/ml/{OUTPUT}/{name}");
            tree.succeed(&[kind, &[&argument, "--output-path=/opt/ml/processing/other"]].concat());
        }
    }
}

#[test]
fn an_output_among_the_data_is_refused_however_it_is_written() {
    for kind in [&[], QUALITY[0], QUALITY[1]] {
        let tree = bias();
        std::os::unix::fs::symlink(tree.path("processing/input/data"), tree.path("processing/link")).unwrap();
        for place in ["input/data", "input/data/results", "link/new", "none/../input/data/x", "input/../link"]
        {
            let output = format!("--output-path=/opt/ml/processing/{place}");
            let run = tree.fail(&[kind, &[&output]].concat(), 1, "PL0101");
            assert!(run.message.contains("output_path"), "{}", run.message);
            assert_eq!(tree.run(&[&["validate"], kind, &[&output]].concat()).code, Some(1), "{place}");
        }
    }
}

#[test]
fn a_source_that_is_named_and_not_there_is_refused() {
    for (setting, name) in
        [("--dataset-source", "dataset_source"), ("--ground-truth-source", "ground_truth_source")]
    {
        let tree = bias();
        let argument = format!("{setting}=/opt/ml/processing/nowhere");
        let run = tree.fail(&[&argument], 1, "PL0101");
        assert!(run.message.contains(name) && run.message.contains("nowhere"), "{}", run.message);
        assert_eq!(tree.run(&["validate", &argument]).code, Some(1));
    }
}
