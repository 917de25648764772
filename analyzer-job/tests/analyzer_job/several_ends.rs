//! How a run of several monitors ends: what it tells of each, and what happens once behind all results.

use std::fs;

use serde_json::{Value, json};

use crate::preparation::{SCRIPT, with_python};
use crate::program::{OUTPUT, Tree, model, monitored};
use crate::several::{csv, set_up};

const QUALITY: &str = "--analysis-type=DATA_QUALITY,MODEL_QUALITY";

/// A dataset for both quality monitors.
fn dataset(rows: &str) -> Tree {
    let mut tree = Tree::new();
    tree.file("processing/input/data/a.csv", format!("y,p,plan\n{rows}"));
    tree.set("problem_type", "BinaryClassification")
        .set("dataset_source", "/opt/ml/processing/input/data")
        .set("dataset_format", r#"{"csv":{"header":true}}"#)
        .set("inference_attribute", "p")
        .set("ground_truth_attribute", "y");
    tree
}

const ROWS: &str = "1,1,a\n0,0,b\n1,0,a\n0,0,b\n";

fn page(tree: &Tree) -> String {
    String::from_utf8(tree.results()["report.html"].clone()).unwrap()
}

/// The script comes once, behind the results of all monitors and the report over them, whichever of them fails.
#[test]
fn the_script_at_the_end_runs_once_when_all_results_are_there() {
    let Some(path) = with_python() else { return };
    let mut tree = dataset(ROWS);
    let script = "import os\ndef postprocess_handler():\n    root = os.environ['SAGEMAKER_BASE_DIR']\n    \
                  out = root + '/processing/output/'\n    found = [name for name in ('data-quality/statistics.json', \
                  'model-quality/statistics.json', 'report.html') if os.path.exists(out + name)]\n    \
                  open(root + '/seen', 'a').write(' '.join(found) + '\\n')\n";
    tree.file(SCRIPT, script);
    tree.set("PATH", path).set("post_analytics_processor_script", format!("/opt/ml/{SCRIPT}"));
    tree.succeed(&[QUALITY]);
    let seen = |tree: &Tree| fs::read_to_string(tree.path("seen")).unwrap_or_default();
    assert_eq!(seen(&tree), "data-quality/statistics.json model-quality/statistics.json report.html\n");
    for (setting, kept) in [
        // A column of segments with this name fails data quality alone, and no label model quality alone.
        ("--segment-columns=nowhere", ""),
        ("--positive-label=maybe", "data-quality/statistics.json report.html\n"),
    ] {
        fs::remove_file(tree.path("seen")).ok();
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let run = tree.run(&[QUALITY, setting]);
        assert_ne!(run.code, Some(0), "{setting}");
        assert_eq!(seen(&tree), kept, "{setting}: {}", run.message);
    }
}

/// A bias monitor knows two classes: beside a model of another kind there are no tables by facet.
#[test]
fn tables_by_facet_are_of_binary_problems_only() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(200, 0.0)), &server);
    for (problem, told) in
        [("BinaryClassification", true), ("MulticlassClassification", false), ("Regression", false)]
    {
        let problem = format!("--problem-type={problem}");
        tree.succeed(&["--analysis-type=MODEL_QUALITY,MODEL_BIAS", &problem]);
        assert_eq!(page(&tree).contains("By facet of the bias monitor"), told, "{problem}");
    }
}

/// Ground truth in CSV has no names, so its first record shows that a label which is no header is a mistake.
#[test]
fn columns_that_are_no_headers_are_told_before_any_monitor_reads() {
    let server = model(|_| ());
    let tree = set_up(monitored(&csv(60, 0.0)), &server);
    let path = "processing/input/config/model-bias/analysis_config.json";
    let sound: Value = serde_json::from_slice(&fs::read(tree.path(path)).unwrap()).unwrap();
    for pointer in ["/label", "/facet/0/name_or_index"] {
        let mut config = sound.clone();
        *config.pointer_mut(pointer).unwrap() = json!("nowhere");
        tree.file(path, config.to_string());
        for arguments in [&[][..], &["validate"]] {
            let run =
                tree.run(&[arguments, &["--analysis-type=MODEL_QUALITY,DATA_QUALITY,MODEL_BIAS"]].concat());
            assert_eq!(run.code, Some(1));
            let told = format!("{}{}", run.stdout, run.message);
            for part in ["PL0304", "analysis_config.json", "`headers`", "nowhere"] {
                assert!(told.contains(part), "{part} is not in {told}");
            }
            assert!(!told.contains(".jsonl, line"), "{told}");
            assert!(tree.results().is_empty());
        }
    }
}

/// What only the rows show is told of every monitor at once, by the dry run as by the job.
#[test]
fn the_dry_run_tells_what_is_wrong_with_every_monitor() {
    let tree = dataset(ROWS);
    for arguments in [&["validate", QUALITY][..], &[QUALITY]] {
        let run = tree.run(&[arguments, &["--segment-columns=nowhere"]].concat());
        assert_eq!(run.code, Some(1));
        let told = format!("{}{}", run.stdout, run.message);
        for part in ["2 of 2 monitors failed", "Data quality: PL0304", "Model quality: PL0304"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
    }
}

/// Classes that are none of the baseline's are seen in the rows only: the results of that monitor are there, and the run fails
/// all the same.
#[test]
fn a_monitor_with_results_that_fails_is_told_as_one_that_failed() {
    let baseline = dataset("good,good,a\nbad,bad,b\ngood,bad,a\n");
    baseline.succeed(&[QUALITY]);
    let tree = dataset(ROWS);
    for (name, bytes) in baseline.results() {
        tree.file(&format!("base/{name}"), bytes);
    }
    let run = tree.run(&[QUALITY, "--baseline-constraints=/opt/ml/base"]);
    assert_ne!(run.code, Some(0), "{}", run.message);
    for part in [
        "PL0802: 1 of 2 monitors failed: Model quality: PL0802",
        "the results of the others are written: Data quality",
    ] {
        assert!(run.message.contains(part), "{part} is not in {}", run.message);
    }
    assert!(tree.results().contains_key("model-quality/statistics.json"), "{:?}", tree.results().keys());
    let page = page(&tree);
    assert!(page.contains("Failed: Model quality"), "{}", &page[..500]);
}
